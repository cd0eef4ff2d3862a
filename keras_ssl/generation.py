"""Generative models on one data set, beside each other: how near their samples come, and whether they teach.

"Artificial training data": few labelled images train a classifier; it names generated images; those whose class it is
sure of join the few, and a new classifier learns from both. What that is worth depends on what the generator learned
from images without labels, so real unlabelled images, named the same way, stand beside it.
"""

import pathlib

import numpy as np

from . import data, frechet, recipes, training, transfer, zoo
from .transfer.intervals import interval
from .transfer.plans import Plan
from .transfer.tuning import score, train

GENERATORS = ("autoencoder", "vae", "rbm", "gan")
JUDGE = "supervised"
EPOCHS = {"vae": 50, "rbm": 40, "gan": 16, "supervised": 8}  # where an entry has to be trained on another set
LABELS = 600
MADE = 6_000  # generated images that the classifier names
SURE = 0.9  # probability from which on it is believed


def trained(name, dataset, folder="runs/generation"):
    """The zoo name of a recipe's model for a data set: the entry itself where it was trained on it, or one of your own.

    That one is NAME_DATASET; it is trained where it isn't there yet, and training goes on where it was stopped.
    """
    if name in zoo.names() and zoo.info(name)["recipe"]["dataset"] == dataset:
        return name
    epochs = EPOCHS.get(name, recipes.get(name).epochs)
    out = pathlib.Path(folder) / name
    return training.trained_once(name, f"{name}_{dataset}", out, dataset=dataset, epochs=epochs)


def measure(name, dataset, judge, seeds=(0, 1, 2)):
    """Figures of a generative model beside the real images of a DataSet.

    name, judge: zoo names, of a model with `sample` and of a classifier of the set's classes.

    Returns `frechet.of_samples`' figures, and "taught": accuracies of the classifiers, as `teaching` gives them.
    """
    model = zoo.load(name)
    return {**frechet.of_samples(model.sample, dataset, judge), "taught": teaching(dataset, model.sample, seeds)}


def teaching(dataset, sample=None, seeds=(0, 1, 2), labels=LABELS, made=MADE):
    """Accuracies on test images of classifiers taught by few labelled images of a DataSet and more without: one a seed.

    sample: a function (n, seed) -> generated images (n, H, W, C) in 0..255; "real" for the training images without
        their labels; None for the labelled images alone.
    """
    return [_taught(dataset, sample, seed, labels, made) for seed in seeds]


def _taught(dataset, sample, seed, labels, made):
    keep = data.choose_labels(dataset, labels, seed=seed)
    x, y = dataset.arrays("train", keep=keep)
    model = _classifier(dataset, x, y, seed)
    if sample is not None:
        if sample == "real":
            rest = np.setdiff1d(np.arange(dataset.count("train")), keep)
            rest = np.random.default_rng(seed).choice(rest, min(made, len(rest)), replace=False)
            images = dataset.arrays("train", keep=np.sort(rest))[0]
        else:
            images = np.clip(np.rint(sample(made, seed)), 0, 255).astype("uint8")
        chances = model.predict(images, batch_size=500)
        sure = chances.max(axis=1) >= SURE
        x, y = np.concatenate([x, images[sure]]), np.concatenate([y, chances.argmax(axis=1)[sure]])
        model = _classifier(dataset, x, y, seed)
    return score(model, dataset, "test")["accuracy"]


def _classifier(dataset, images, labels, seed):
    """The shared network, trained from scratch on images with labels."""
    few = data.open({"train": (images, labels)})
    encoder = transfer.open_encoder("random:convnet", few, seed)
    return train(encoder, few, Plan(augment="flip", learning_rate=3e-3), seed=seed)[0]


def markdown(measured, alone, real):
    """The table as Markdown.

    measured: {name: figures of `measure`}; alone, real: accuracies of `teaching` without and with real images.
    """
    lines = ["| images | Fréchet distance | smallest class | classifier taught with them, too |", "|---|---|---|---|"]
    least = next(iter(measured.values()))["frechet"]
    lines.append(f"| none: {LABELS} labelled images alone | | | {_said(alone)} |")
    for name in sorted(measured, key=lambda each: measured[each]["frechet"]["value"]):
        found = measured[name]
        share = found["smallest_class_share"]["value"]
        lines.append(f"| `{name}` | {found['frechet']['value']:.1f} | {share:.1%} | {_said(found['taught'])} |")
    lines.append(f"| a Gaussian of 64 principal components | {least['pca64_gaussian']:.1f} | | |")
    lines.append(f"| real ones without labels | {least['train_images']:.1f} | | {_said(real)} |")
    return "\n".join(lines)


def _said(values):
    mean, half = interval(values)
    return f"{100 * mean:.1f}%" + ("" if half is None else f" ± {100 * half:.1f}")
