"""Random views of a batch of images: pure, stateless TensorFlow, vectorised over the batch.

Each takes images (N, H, W, C) of any dtype and a seed, an int tensor of shape (2,), and gives the same shape and dtype.
Keras's augmentation layers give other values in each run when they sit in a parallel `map`; these don't.
"""

import zlib

import tensorflow as tf


def fold(seed, use):
    """A new seed from a seed and a word for what it is used for; independent for each word."""
    return tf.random.experimental.stateless_fold_in(seed, zlib.crc32(use.encode()) >> 1)


def normal(shape, seed):
    """Standard normal numbers, the same for the same seed on every device, in Python and in a SavedModel."""
    return tf.random.stateless_normal(shape, [seed, 0], alg="philox")


def flip(images, seed):
    """Mirror each image left to right with probability 1/2."""
    heads = tf.random.stateless_uniform([tf.shape(images)[0]], fold(seed, "flip")) < 0.5
    return tf.where(heads[:, None, None, None], tf.reverse(images, [2]), images)


def shift(images, seed, pixels):
    """Translate each image by up to `pixels` in each direction, the border filled by reflection."""
    shape = tf.shape(images)
    offsets = tf.random.stateless_uniform([shape[0], 2], fold(seed, "shift"), 0, 2 * pixels + 1, dtype=tf.int32)
    padded = tf.pad(images, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]], mode="REFLECT")
    rows = offsets[:, :1] + tf.range(shape[1])[None]  # (N, H)
    columns = offsets[:, 1:] + tf.range(shape[2])[None]  # (N, W)
    shifted = tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
    return tf.ensure_shape(shifted, images.shape)


def cutout(images, seed, side, fill=128):
    """Cover a square of `side` pixels at a random place, partly outside too (DeVries, Taylor, arXiv:1708.04552)."""
    shape = tf.shape(images)
    centres = tf.random.stateless_uniform([shape[0], 2], fold(seed, "cutout"))
    rows = tf.cast(tf.range(shape[1]), tf.float32)[None] + 0.5 - centres[:, :1] * tf.cast(shape[1], tf.float32)
    columns = tf.cast(tf.range(shape[2]), tf.float32)[None] + 0.5 - centres[:, 1:] * tf.cast(shape[2], tf.float32)
    covered = (tf.abs(rows) < side / 2)[:, :, None] & (tf.abs(columns) < side / 2)[:, None, :]
    return tf.where(covered[..., None], tf.cast(fill, images.dtype), images)


def binarise(images, seed):
    """Each pixel white (255) with the probability that its brightness stands for, else black."""
    chance = tf.random.stateless_uniform(tf.shape(images), fold(seed, "binarise"), alg="philox")
    return tf.where(chance * 255 < tf.cast(images, tf.float32), tf.cast(255, images.dtype), tf.cast(0, images.dtype))
