"""Fully connected encoder."""

import math

import keras
from keras import layers

from ..errors import InputError


def mlp(shape, widths=(256, 128)):
    """Image (N, H, W, C) in 0..255 -> features (N, widths[-1]). Blocks "block1", "block2", ...: Dense with ReLU."""
    if None in shape:
        raise InputError("a fully connected encoder needs images of one known size; give a size (such as --size 28)")
    images = x = keras.Input(shape, name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(x)
    x = layers.Reshape((math.prod(shape),), name="pixels")(x)
    for i, width in enumerate(widths, start=1):
        x = layers.Dense(width, activation="relu", name=f"block{i}")(x)
    return keras.Model(images, x, name="encoder")
