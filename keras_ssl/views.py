"""Random views of a batch of images: pure, stateless TensorFlow, vectorised over the batch.

Each takes images (N, H, W, C) of any dtype and a seed, an int tensor of shape (2,), and gives the same shape and dtype.
Keras's augmentation layers give other values in each run when they sit in a parallel `map`; these don't.
"""

import math
import zlib

import numpy as np
import tensorflow as tf

from .data.fitting import LUMA

# RGB -> YIQ: luma and two axes of chroma; and what keeps luma alone, scales chroma, turns it by a right angle, in RGB.
YIQ = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
CHROMA = np.linalg.inv(YIQ) @ np.array([np.diag([1, 0, 0]), np.diag([0, 1, 1]), [[0] * 3, [0, 0, -1], [0, 1, 0]]]) @ YIQ


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


def resized_crop(images, seed, area=0.2, method="bilinear"):
    """A random part of each image, enlarged to the whole's size by bilinear interpolation, or method "nearest".

    area: the smallest share of the image that a part may have; shares are uniform from there to 1, the ratio of height
        to width is log-uniform in 3/4 .. 4/3 of the image's.
    """
    n = tf.shape(images)[0]
    draws = tf.random.stateless_uniform([n, 4], fold(seed, "crop"))
    share = area + (1 - area) * draws[:, 0]
    ratio = tf.exp((2 * draws[:, 1] - 1) * math.log(4 / 3))
    sides = tf.minimum(1.0, tf.sqrt(tf.stack([share * ratio, share / ratio], axis=1)))
    start = draws[:, 2:] * (1 - sides)
    boxes = tf.concat([start, tf.minimum(1.0, start + sides)], axis=1)  # 1 + a rounding error would be filled with 0
    crops = tf.image.crop_and_resize(tf.cast(images, tf.float32), boxes, tf.range(n), tf.shape(images)[1:3], method)
    return _like(images, crops)


def colour_jitter(images, seed, strength=0.4, hue=0.1, grey=0.2):
    """Another brightness, contrast, saturation and hue for each image in 0..255; some become grey.

    strength: brightness, contrast and saturation are multiplied by a factor uniform in 1 - strength .. 1 + strength.
    hue: chroma is turned by up to this share of the circle, either way. grey: the share of images without colour.
    Pictures of one channel get brightness and contrast.
    """
    x = tf.cast(images, tf.float32)
    draws = tf.random.stateless_uniform([tf.shape(x)[0], 5], fold(seed, "colour"))
    brightness, contrast, saturation = tf.unstack(1 + strength * (2 * draws[:, :3] - 1), axis=1)
    gain = (brightness * contrast)[:, None, None, None]
    if x.shape[-1] == 3:
        luma = tf.tensordot(x, tf.constant(LUMA, tf.float32), 1)
        saturation = tf.where(draws[:, 3] < grey, 0.0, saturation)
        angle = (2 * draws[:, 4] - 1) * hue * 2 * math.pi
        # All of it is linear in RGB: one matrix for each image, that keeps luma and scales and turns chroma.
        parts = tf.stack([tf.ones_like(angle), saturation * tf.cos(angle), saturation * tf.sin(angle)], axis=1)
        matrix = tf.tensordot(parts, tf.constant(CHROMA, tf.float32), 1)  # (N, 3, 3)
        coloured = tf.einsum("nhwc,ndc->nhwd", x, gain[..., 0] * matrix)
    else:
        luma, coloured = x[..., 0], gain * x
    base = brightness * (1 - contrast) * tf.reduce_mean(luma, axis=[1, 2])  # contrast leaves the mean luma as it is
    return _like(images, tf.clip_by_value(coloured + base[:, None, None, None], 0.0, 255.0))


def two_views(images, seed):
    """Two distorted views of each image: other parts of it, in other colours, one mirrored or not, some grey.

    The view of SimCLR (arXiv:2002.05709) for small images, without blur: `resized_crop`, `colour_jitter`, `flip`.

    images (N, H, W, C) in 0..255 -> (2N, H, W, C), float32 in 0..255; the views of image i are 2i and 2i + 1, so that
    a replica's contiguous share of the batch holds whole pairs.
    """
    twice = tf.repeat(tf.cast(images, tf.float32), 2, axis=0)
    return flip(colour_jitter(resized_crop(twice, seed), seed), seed)


def _like(images, x):
    """Float images x as the dtype and with the known shape of the given ones; whole numbers are rounded to."""
    dtype = tf.as_dtype(images.dtype)
    return tf.ensure_shape(tf.cast(x if dtype.is_floating else tf.round(x), dtype), images.shape)


def with_masks(view, images, masks, seed):
    """(images, masks (N, H, W)) by a view that moves pixels, both the same way.

    view: a function of (images, seed); `resized_crop`, also with options set by functools.partial, mixes no classes.
    """
    cropped = getattr(view, "func", view) is resized_crop
    return view(images, seed), view(masks[..., None], seed, **({"method": "nearest"} if cropped else {}))[..., 0]
