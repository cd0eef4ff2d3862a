"""The heads of joint-embedding methods: small fully connected networks on an encoder's features."""

import keras
from keras import layers

from ..layers import BatchNormalization
from . import pooled


def projector(shape, widths, norm=True, last_norm=False, name="projector"):
    """Features of `shape`, a vector's or a map's, which is averaged -> (N, widths[-1]), float32.

    widths: of each dense layer; all but the last are followed by batch norm and ReLU.
    norm: False leaves batch norm out. last_norm: batch norm after the last layer too, without scale and shift.
    """
    features = keras.Input(shape, name="features")
    # In float32: what these methods compare are small differences of embeddings, and it takes no time.
    x = pooled(features)
    for i, width in enumerate(widths, start=1):
        last = i == len(widths)
        normed = last_norm if last else norm
        x = layers.Dense(width, use_bias=not normed, dtype="float32", name=f"dense{i}")(x)
        if normed:
            affine = {"center": not last, "scale": not last}
            x = BatchNormalization(momentum=0.95, dtype="float32", name=f"norm{i}", **affine)(x)
        if not last:
            x = layers.ReLU(dtype="float32", name=f"relu{i}")(x)
    return keras.Model(features, x, name=name)
