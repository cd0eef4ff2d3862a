"""Training an encoder with a head of its own on labelled images, with plain compile and fit."""

import keras
import tensorflow as tf

from .. import checkpoints, distribution, losses, saving, training
from ..progress import Progress, StopOnNaN
from .encoders import check_fits
from .pixels import frequencies, rare_first, segmented
from .plans import build, set_trainable, stages, standard, unfreeze
from .rates import by_depth
from .scores import scores
from .sounds import filled
from .subset import augmentation, cut_up, of_clips


def train(encoder, images, plan, *, seed=0, strategy=None, name=None, callbacks=(), folder=None, resume=False):
    """Train a copy of an encoder with a new head on all of a DataSet's "train".

    name: what the progress bar is called; None for no bar. folder: where a checkpoint is left after each epoch, and
    with `resume` gone on from.

    Returns (model, history): an uncompiled `Classifier` in float32; {name: values per epoch}.
    """
    check_fits(encoder, images.shape, images.kind)
    strategy = strategy or tf.distribute.get_strategy()
    plan = plan.for_count(images.count("train"), images.kind, images.task)
    weights = rare_first(frequencies(images), plan.balance) if images.task == "segmentation" and plan.balance else None
    augment, examples = _views(encoder, images, plan)
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
    done, chief = checkpoints.epochs_done(folder) if resume else 0, distribution.is_chief(strategy)
    watchers = [StopOnNaN(), *callbacks]
    if folder is not None and chief:
        checkpoints.trim_history(folder / "history.csv", done)
        watchers.append(keras.callbacks.CSVLogger(folder / "history.csv", append=True))  # each stage begins it anew
    watchers.append(checkpoints.EpochCheckpoint(folder, seed, write=chief))
    if name and chief:
        watchers.append(Progress(name, steps, plan.epochs, done))
    history = checkpoints.read_history(folder / "history.csv") if done else {}
    history.pop("epoch", None)
    planned = [*stages(network.get_layer("encoder"), plan), (plan.epochs, None)]
    for (start, top), (end, _) in zip(planned, planned[1:], strict=False):
        if end < done:
            continue
        with strategy.scope():
            set_trainable(network.get_layer("encoder"), top)
            _compile(network, images.task, plan, steps * plan.epochs, done=steps * start, weights=weights)
        distribution.prepare(network, strategy)
        if start < done:  # with the optimizer of the stage that it was written in
            checkpoints.restore(network, checkpoints.file_of(folder, done))
            start = done
        if start == end:
            continue
        batches, _ = training.epochs_of_batches(
            examples, pretext, batch_size=plan.batch_size, epochs=end, seed=seed, start=start, labels=True
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


def _views(encoder, examples, plan):
    """(a function of a batch and a seed that gives the batch as it is learned from, what batches are made of)."""
    if examples.kind == "text":
        return cut_up(encoder.words(), plan.longest, plan.augment), examples
    if examples.kind == "audio":
        return lambda batch, seed: batch, filled(examples, encoder, plan.augment)
    return (of_clips if examples.kind == "video" else augmentation)(plan.augment), examples


def _compile(network, task, plan, steps, done, weights=None):
    """Compile for the task. The schedule over `steps` goes on from step `done`. weights: of classes, or None."""
    discriminative = plan.mode == "discriminative"
    optimizer = by_depth(network, plan, steps) if discriminative else training.make_optimizer(plan, steps)
    if task == "classification":
        network.compile(
            optimizer,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=training.followed(["accuracy"]),
            jit_compile=False,
        )
    elif task == "multilabel":
        decided = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)  # of logits
        network.compile(
            optimizer, keras.losses.BinaryCrossentropy(from_logits=True), metrics=[decided], jit_compile=False
        )
    elif task == "segmentation":
        loss, accuracy = losses.PixelCrossentropy(weights), losses.pixel_accuracy
        network.compile(optimizer, loss, metrics=training.followed([accuracy]), jit_compile=False)
    else:
        network.compile(optimizer, keras.losses.MeanSquaredError(), jit_compile=False)
    optimizer.build(network.trainable_variables)
    optimizer.iterations.assign(done)


def score(model, dataset, split, rows=None):
    """Figures of a trained model on a split, or on some of its images: as `scores` or `pixels.figures` gives them."""
    if dataset.task == "segmentation":
        return segmented(model.segment, dataset, split, rows)
    examples = dataset.stream(split, labels=False, keep=rows)
    if dataset.kind == "audio":  # of different lengths
        predicted = model.predict(list(examples.as_numpy_iterator()))
    else:
        predicted = model.predict(examples.batch(32 if dataset.kind == "video" else 256))
    labels = dataset.labels(split)
    return scores(dataset.task, labels if rows is None else labels[rows], predicted)
