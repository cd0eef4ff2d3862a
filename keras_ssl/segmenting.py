"""Ways to segment one data set beside each other: four ways up from scratch, and pretrained encoders against none.

Every network gets the same images, epochs, augmentation and three seeds; fresh ones and pretrained ones the better of
two learning rates, chosen for the first of each on held-out training images with the first seed.
"""

import numpy as np

from . import zoo
from .architectures.fcn import UP
from .distribution import strategy
from .pictures import grid
from .segmenters import overlaid
from .transfer.comparison import TUNED, Run
from .transfer.encoders import open_both, untrained
from .transfer.intervals import interval, percent
from .transfer.pixels import without_network
from .transfer.plans import Plan
from .transfer.scores import parts
from .transfer.subset import subset
from .transfer.tuning import score, train

ENCODERS = ("rotation", "colorizer", "conv_autoencoder")
SCRATCH = "random weights"  # of the network that those share
EPOCHS = 20
SEEDS = (0, 1, 2)
SHOWN = 6


def ways():
    """What is compared: {name: (encoder as `finetune` takes it, or the zoo entry to forget the weights of, way up)}."""
    return {
        **{f"{up}, from scratch": ("random:fcn", up) for up in UP},
        SCRATCH: (ENCODERS[0], UP[0]),
        **{name: (name, UP[0]) for name in ENCODERS},
    }


def like(way):
    """The way whose learning rate a way shares: the first of those that start as it does."""
    return ENCODERS[0] if way in ENCODERS else next(iter(ways()))


def chosen_rate(way, dataset, epochs=EPOCHS):
    """The learning rate of `TUNED` that is better on held-out training images."""
    part = parts(dataset)
    run = Run(dataset, part, 0, strategy("auto"), 0, lambda line: None)
    plan, _ = run.chosen(way, _encoder(way, dataset, 0), _plan(way, epochs), TUNED, {})
    return plan.learning_rate


def trained(way, dataset, seed, rate, epochs=EPOCHS):
    """The `Segmenter` that a way gives, by name, trained on all of the "train" split."""
    plan = _plan(way, epochs).replace(learning_rate=rate)
    images = subset(dataset, "train", np.arange(dataset.count("train")))
    return train(_encoder(way, dataset, seed), images, plan, seed=seed)[0]


def measure(model, dataset):
    """Figures on the test split: {"mean_iou", "global_accuracy", "class_iou"}."""
    return score(model, dataset, "test")


def without_learning(dataset):
    """The same of the class that training masks have most often at each pixel."""
    return without_network(dataset)


def weights_of(way):
    """What the figures of a way depend on beside its seed: the fingerprint of the zoo entry it starts from."""
    return zoo.fingerprint(way) if way in ENCODERS else ""


def markdown(found, alone):
    """The tables as Markdown.

    found: {way: [figures of `measure`, one a seed]}; alone: those of `without_learning`.
    """
    lines = ["| network | mean IoU, % | pixels right, % |", "|---|---|---|"]
    for way, figures in found.items():
        columns = [percent([each[key] for each in figures]) for key in ("mean_iou", "global_accuracy")]
        lines.append(f"| {way} | {' | '.join(columns)} |")
    lines.append(f"| the most frequent class at each place | {100 * alone['mean_iou']:.1f} | "
                 f"{100 * alone['global_accuracy']:.1f} |")  # fmt: skip
    lines += ["", f"| IoU, % | {' | '.join(found)} |", f"|---|{'---|' * len(found)}"]
    for name in alone["class_iou"]:
        cells = [_mean([each["class_iou"][name] for each in figures]) for figures in found.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def picture(models, dataset, path):
    """A PNG of test images, their truth and what {way: Segmenter} make of them."""
    some = np.linspace(0, dataset.count("test") - 1, SHOWN).astype(int)
    images, masks = dataset.arrays("test", keep=some)
    first = next(iter(models.values()))
    rows = [("image", images, None), ("truth", overlaid(images, masks, first.colours), None)]
    rows += [(way, overlaid(images, model.segment(images), first.colours), None) for way, model in models.items()]
    grid(rows, path, legend=dict(zip(first.classes, first.colours.tolist(), strict=True)))


def _mean(values):
    known = [value for value in values if value is not None]
    return f"{100 * interval(known)[0]:.1f}" if known else ""


def _encoder(way, dataset, seed):
    start, _ = ways()[way]
    encoder, _ = open_both(start, dataset, seed)
    return untrained(encoder, dataset, seed) if way == SCRATCH else encoder


def _plan(way, epochs):
    return Plan(up=ways()[way][1], epochs=epochs, precision="mixed_bfloat16")
