"""The hidden units of a restricted Boltzmann machine, as an encoder."""

import math

import keras
from keras import layers

from ..errors import InputError


def boltzmann(shape, units=1000):
    """Image (N, H, W, C) in 0..255 -> each hidden unit's chance to be on (N, units): one Dense layer and a sigmoid.

    Its layer "pixels" gives the pixels in 0..1, (N, H * W * C), "field" what goes into the sigmoid.
    """
    if None in shape:
        raise InputError("a Boltzmann machine needs images of one known size; give a size (such as --size 28)")
    images = keras.Input(shape, name="image")
    # In float32 throughout: weights start at 0.01, and a free energy is a difference of large sums.
    x = layers.Rescaling(1 / 255, dtype="float32", name="rescale")(images)
    x = layers.Reshape((math.prod(shape),), dtype="float32", name="pixels")(x)
    small = keras.initializers.RandomNormal(stddev=0.01)  # so that the units begin nearly independent of the pixels
    x = layers.Dense(units, kernel_initializer=small, dtype="float32", name="field")(x)
    x = layers.Activation("sigmoid", dtype="float32", name="block1")(x)
    return keras.Model(images, x, name="encoder")
