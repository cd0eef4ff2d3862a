"""Fine-tuning: an encoder with a head of its own, trained on labelled images with plain compile and fit."""

import dataclasses
import pathlib
import time

import keras
import tensorflow as tf

from .. import distribution, saving, training
from ..progress import Progress, StopOnNaN
from .encoders import check_fits, open_both
from .plans import Plan, build, set_trainable, stages, standard, unfreeze
from .reporting import check_folder, write_folder
from .scores import parts, scores
from .subset import augmentation, subset


def finetune(
    encoder, dataset="cifar10_sample", labels="all", mode="full", *, task=None, size=None, labels_file=None, seed=0,
    strategy="auto", replicas=None, out=None, overwrite=False, verbose=1, callbacks=(), **changes,
):  # fmt: skip
    """Fine-tune an encoder on a labelled task.

    encoder: a zoo name, a `.keras` file, "keras.applications:NAME", "random:ARCHITECTURE", or a `keras.Model`; it stays
        as it is.
    dataset: a DataSet, or what `keras_ssl.data.open` takes; task, size, labels_file: as its `task`, `size`, `labels`.
    labels: how many of the training labels to use: a fraction, a number, or "all".
    mode: "full", "probe" or "gradual", see `Plan`.
    seed: of the choice of labels, the head's weights, the order of the images and their augmentation.
    strategy, replicas: as `keras_ssl.distribution.strategy`; `strategy` may also be a tf.distribute strategy.
    out: a folder to write: report.json, history.csv, curve.png, model.keras, saved_model/; overwrite: replace it.
    verbose: 0 for silence. callbacks: Keras callbacks for `fit`.
    changes: fields of `Plan`, such as epochs=20, learning_rate=3e-4, augment="shift".

    Returns (model, report). model: a `Classifier` in float32, as it is after the last epoch: from images in 0..255 to
    probabilities (N, K) of its `classes`, or, for a regression, to values in the labels' units. report: a dictionary of
    the figures on the test split ("accuracy" in 0..1; or "mean_average_precision" and "accuracy"; or "r2"), "labels",
    "seconds", "history" {name: values per epoch}, and the settings.
    Raises InputError for anything that can't be used.
    """
    if out is not None:
        check_folder(out, overwrite)
    plan = Plan(mode=mode).replace(**changes)
    if isinstance(strategy, str):
        strategy = distribution.strategy(strategy, replicas)
    named = training.noted(encoder)
    encoder, dataset = open_both(encoder, dataset, seed, labels_file=labels_file, size=size, task=task)
    part = parts(dataset, labels, seed)
    began = time.perf_counter()
    model, history = train(
        encoder, subset(dataset, part.train, part.keep), plan, seed=seed, strategy=strategy, callbacks=callbacks,
        name="fine-tuning" if verbose else None,
    )  # fmt: skip
    seconds = round(time.perf_counter() - began, 1)
    report = {
        **score(model, dataset, part.test), "labels": len(part.keep), "seconds": seconds, "encoder": named,
        "dataset": dataset.name,
        "task": dataset.task, "seed": seed, "replicas": strategy.num_replicas_in_sync,
        **dataclasses.asdict(plan.for_count(len(part.keep))), "history": history,
    }  # fmt: skip
    if out is not None and distribution.is_chief(strategy):
        write_folder(pathlib.Path(out), model, report, history, dataset)
    return model, report


def train(encoder, images, plan, *, seed=0, strategy=None, name=None, callbacks=()):
    """Train a copy of an encoder with a new head on all of a DataSet's "train".

    name: what the progress bar is called; None for no bar.

    Returns (model, history): an uncompiled `Classifier` in float32; {name: values per epoch}.
    """
    check_fits(encoder, images.shape)
    strategy = strategy or tf.distribute.get_strategy()
    plan = plan.for_count(images.count("train"))
    augment = augmentation(plan.augment)
    if images.task == "regression":
        mean, deviation = (tf.constant(each, tf.float32) for each in standard(images.labels("train")))

        def pretext(batch, seed):
            pictures, labels = augment(batch, seed)
            return pictures, (tf.reshape(labels, [tf.shape(labels)[0], -1]) - mean) / deviation
    else:
        pretext = augment
    with strategy.scope():
        keras.utils.set_random_seed(seed)
        network, model = build(encoder, plan, images)
    steps = min(plan.batch_size, images.count("train"))
    steps = images.count("train") // steps
    watchers = [StopOnNaN(), *callbacks]
    if name and distribution.is_chief(strategy):
        watchers.append(Progress(name, steps, plan.epochs))
    history = {}
    planned = [*stages(network.get_layer("encoder"), plan), (plan.epochs, None)]
    for (start, top), (end, _) in zip(planned, planned[1:], strict=False):
        with strategy.scope():
            set_trainable(network.get_layer("encoder"), top)
            _compile(network, images.task, plan, steps * plan.epochs, done=steps * start)
        distribution.prepare(network, strategy)
        batches, _ = training.epochs_of_batches(
            images, pretext, batch_size=plan.batch_size, epochs=end, seed=seed, start=start, labels=True
        )
        log = network.fit(
            batches,
            initial_epoch=start,
            epochs=end,
            steps_per_epoch=steps,
            callbacks=watchers,
            verbose=0,
            shuffle=False,
        )
        for key, values in log.history.items():
            history.setdefault(key, []).extend(float(value) for value in values)
    unfreeze(model)
    return saving.plain_copy(model), history


def _compile(network, task, plan, steps, done):
    """Compile for the task. The schedule over `steps` goes on from step `done`."""
    optimizer = training.make_optimizer(plan, steps)
    if task == "classification":
        network.compile(
            optimizer,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=False,
        )
    elif task == "multilabel":
        decided = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)  # of logits
        network.compile(
            optimizer, keras.losses.BinaryCrossentropy(from_logits=True), metrics=[decided], jit_compile=False
        )
    else:
        network.compile(optimizer, keras.losses.MeanSquaredError(), jit_compile=False)
    optimizer.build(network.trainable_variables)
    optimizer.iterations.assign(done)


def score(model, dataset, split, rows=None):
    """Figures of a trained model on a split, or on some of its images: as `scores` gives them."""
    predicted = model.predict(dataset.stream(split, labels=False, keep=rows).batch(256))
    labels = dataset.labels(split)
    return scores(dataset.task, labels if rows is None else labels[rows], predicted)
