"""The best linear filter of one kind of picture for another: what needs no learning but a table of correlations."""

import numpy as np
import tensorflow as tf

ENOUGH = 5000  # training images for a filter's few hundred numbers


def fit(pairs, side):
    """The filter of side x side pixels, all channels together, with the least squared error.

    pairs: batches (inputs (N, H, W, C), targets (N, H, W, D)): a target's pixel is told from those around it.

    Returns a function (N, H, W, C) -> (N, H, W, D), float32.
    """
    gram, cross = 0.0, 0.0
    for inputs, targets in pairs:
        around = tf.image.extract_patches(_padded(inputs, side), [1, side, side, 1], [1] * 4, [1] * 4, "VALID")
        rows = tf.reshape(around, [-1, around.shape[-1]]).numpy()  # by row, column, channel: a kernel's order
        rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)  # float64, with a constant
        gram = gram + rows.T @ rows
        cross = cross + rows.T @ np.reshape(targets, (len(rows), -1))
    # Where channels are equal, as in grey pictures, many filters are best: the smallest of them.
    weights = np.linalg.lstsq(gram, cross, rcond=1e-12)[0].astype("float32")
    kernel, bias = weights[:-1].reshape(side, side, -1, weights.shape[1]), weights[-1]
    return lambda images: tf.nn.conv2d(_padded(images, side), kernel, 1, "VALID") + bias


def examples(dataset):
    """Batches (N, H, W, C) of training images, spread over all of them: ENOUGH, or all there are."""
    count = dataset.count("train")
    keep = np.arange(0, count, -(-count // ENOUGH))
    return dataset.stream("train", labels=False, keep=keep).batch(100).as_numpy_iterator()


def _padded(images, side):
    """Float images with what lies beyond their border mirrored."""
    before, after = (side - 1) // 2, side // 2
    images = tf.cast(images, tf.float32)
    return tf.pad(images, [[0, 0], [before, after], [before, after], [0, 0]], mode="SYMMETRIC")
