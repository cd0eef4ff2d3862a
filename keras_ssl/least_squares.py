"""The best linear filter of one kind of picture for another: what needs no learning but a table of correlations."""

import numpy as np
import tensorflow as tf


def fit(pairs, side):
    """The filter of side x side pixels, all channels together, with the least squared error.

    pairs: batches (inputs (N, H, W, C), targets (N, H, W, D)), each pixel of a target from those around it in its input.

    Returns a function (N, H, W, C) -> (N, H, W, D), float32.
    """
    gram, cross = 0.0, 0.0
    for inputs, targets in pairs:
        patches = tf.image.extract_patches(
            _padded(inputs, side), [1, side, side, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID"
        )
        rows = tf.reshape(patches, [-1, patches.shape[-1]]).numpy()  # by row, column, channel, as a kernel's
        rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)  # float64, with a constant
        gram = gram + rows.T @ rows
        cross = cross + rows.T @ np.reshape(targets, (len(rows), -1))
    # Where channels are equal, as in grey pictures, many filters are best: the smallest of them.
    weights = np.linalg.lstsq(gram, cross, rcond=1e-12)[0].astype("float32")
    kernel, bias = weights[:-1].reshape(side, side, -1, weights.shape[1]), weights[-1]
    return lambda images: tf.nn.conv2d(_padded(images, side), kernel, 1, "VALID") + bias


def _padded(images, side):
    """Float images with what lies beyond their border mirrored."""
    before, after = (side - 1) // 2, side // 2
    images = tf.cast(images, tf.float32)
    return tf.pad(images, [[0, 0], [before, after], [before, after], [0, 0]], mode="SYMMETRIC")
