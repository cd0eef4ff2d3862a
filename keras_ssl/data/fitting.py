"""Brings images to one size and number of channels, in TensorFlow operations."""

import numbers

import numpy as np
import tensorflow as tf

from keras_ssl.errors import InputError

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
MIXED_SIZE = 64  # side that images of several sizes are brought to where all need one and none is given


def checked_size(size):
    """Returns `size` as (H, W), or None.

    Raises:
        InputError: it is neither a whole number from 1 nor a pair of these.
    """
    if size is None:
        return None
    pair = (size, size) if isinstance(size, numbers.Integral) else size
    good = isinstance(pair, (tuple, list)) and len(pair) == 2
    if not good or not all(isinstance(side, numbers.Integral) and side > 0 for side in pair):
        raise InputError(f"size={size!r} isn't a size: give a side such as 64, or (height, width)")
    return int(pair[0]), int(pair[1])


def checked_channels(channels):
    """Returns `channels` when it is 1, 3 or None.

    Raises:
        InputError: it is anything else.
    """
    if channels not in (None, 1, 3):
        raise InputError(f"channels={channels!r} isn't possible: give 1 (grey) or 3 (RGB)")
    return channels


def checked_rate(rate):
    """Returns `rate` when it is a whole number of samples a second, from 1, or None.

    Raises:
        InputError: it is anything else.
    """
    if rate is not None and not (isinstance(rate, numbers.Integral) and rate > 0):
        raise InputError(f"rate={rate!r} isn't a sampling rate: give samples a second, such as 8000")
    return None if rate is None else int(rate)


def fitted_shape(shape, size, channels):
    """Returns the shape that `fit` gives an image of `shape` (H, W, C), each entry an int or None."""
    colours = None if shape[2] is None else 3 if shape[2] >= 3 else 1
    return (*(size or shape[:2]), channels or colours)


def fit(image, size, channels):
    """Returns a uint8 image with `channels` and, where `size` (H, W) is given, resized and centre-cropped to it.

    The shorter side is brought to the size with antialiasing, so that the crop keeps as much as can be. Grey is
    repeated to RGB, RGB becomes grey by its luma, an alpha channel is dropped.

    Args:
        image: uint8 (H, W, C), C statically known to be 1 to 4.
    """
    image = _convert(image, channels)
    if size is None or tuple(image.shape[:2]) == tuple(size):
        return image
    if None in image.shape[:2]:
        same = tf.reduce_all(tf.equal(tf.shape(image)[:2], size))
        image = tf.cond(same, lambda: image, lambda: _resize(image, size))
    else:
        image = _resize(image, size)
    return tf.ensure_shape(image, (*size, image.shape[2]))


def _convert(image, channels):
    colours = 3 if image.shape[2] >= 3 else 1
    image = image[..., :colours]
    if channels in (None, colours):
        return image
    if channels == 3:
        return tf.repeat(image, 3, axis=-1)
    grey = tf.reduce_sum(tf.cast(image, tf.float32) * LUMA, axis=-1, keepdims=True)
    return tf.cast(tf.round(grey), tf.uint8)


def _resize(image, size):
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    scale = tf.reduce_max(tf.cast(size, tf.float32) / sides)
    scaled = tf.maximum(tf.cast(tf.round(sides * scale), tf.int32), size)
    image = tf.image.resize(image, scaled, antialias=True)
    top, left = tf.unstack((scaled - size) // 2)
    image = image[top : top + size[0], left : left + size[1]]
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)


def check_range(dtype, low, high, split):
    """Raises InputError for images whose values can't be brightnesses in 0..255."""
    if not (low >= 0 and high <= 255):
        raise InputError(f"images are in 0..255, the {dtype} images of split {split!r} are in {low:g}..{high:g}")
    if np.dtype(dtype).kind == "f" and 0 < high <= 1:
        raise InputError(f"images are in 0..255, those of split {split!r} are in {low:g}..{high:g}: multiply by 255")
