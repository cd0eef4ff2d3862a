"""Decoders as functional builders: a code (N, d) -> an image (N, H, W, C), and the way from a feature map to a code.

A decoder ends either in pixels, 0..255 in float32, or, with pixels=False, in the values before the sigmoid (logits).
"""

import inspect
import math

import keras
from keras import layers

from ..errors import InputError, unknown


def flattened(features, channels=16):
    """Feature map (N, h, w, C) -> vector (N, h * w * channels), by a 1x1 convolution where C is larger; a vector stays.

    Raises InputError for a map whose size isn't known.
    """
    if len(features.shape) == 2:
        return features
    if None in features.shape[1:]:
        raise InputError("a code of fixed length needs images of one known size; give a size (such as --size 32)")
    if features.shape[-1] > channels:  # the dense layer that follows would hold most of the model's parameters
        features = layers.Conv2D(channels, 1, name="squeeze")(features)
    return layers.Flatten(name="flat")(features)


def linear_decoder(code, shape, pixels=True):
    """One linear map and nothing else: code (N, code) -> (N, *shape), around 0..255 and beyond, or around 0..1."""
    codes = keras.Input((code,), name="code")
    x = layers.Dense(math.prod(shape), dtype="float32", name="logits")(codes)
    return _finished(codes, layers.Reshape(shape, dtype="float32", name="image")(x), pixels, squash=False)


def mlp_decoder(code, shape, widths=(128, 256), pixels=True):
    """Fully connected: code (N, code) -> (N, *shape). widths: of the hidden layers, from the code outwards."""
    codes = x = keras.Input((code,), name="code")
    for i, width in enumerate(widths, start=1):
        x = layers.Dense(width, activation="relu", name=f"up{i}")(x)
    x = layers.Dense(math.prod(shape), dtype="float32", name="logits")(x)
    return _finished(codes, layers.Reshape(shape, dtype="float32", name="image")(x), pixels)


def convnet_decoder(code, shape, widths=(64, 48, 32, 16), pixels=True, shortcut=0):
    """Convolutional: code (N, code) -> (N, *shape).

    widths: channels from the smallest map to full size; each step doubles height and width by a transposed convolution
        of 4x4, whose taps cover every pixel equally often. What doesn't divide is cropped at the end.
    shortcut: 0, or the side of a thumbnail that a linear map gives, to which the convolutions add the rest.
    """
    height, width, channels = shape
    shrink = 2 ** (len(widths) - 1)
    h, w = math.ceil(height / shrink), math.ceil(width / shrink)
    codes = keras.Input((code,), name="code")
    # No batch norm: with it an image's brightness depends on the others of its batch, which a squared error resents.
    x = layers.Dense(h * w * widths[0], activation="relu", kernel_initializer="he_normal", name="up1")(codes)
    x = layers.Reshape((h, w, widths[0]), name="up1_map")(x)
    for i, channel in enumerate(widths[1:], start=2):
        x = layers.Conv2DTranspose(
            channel, 4, strides=2, padding="same", activation="relu", kernel_initializer="he_normal", name=f"up{i}"
        )(x)
    x = layers.Conv2D(channels, 3, padding="same", dtype="float32", name="logits")(x)
    extra = (h * shrink - height, w * shrink - width)
    if any(extra):
        crop = [[e // 2, e - e // 2] for e in extra]
        x = layers.Cropping2D(crop, dtype="float32", name="image")(x)
    if shortcut:
        y = layers.Dense(shortcut * shortcut * channels, dtype="float32", name="thumbnail_logits")(codes)
        y = layers.Reshape((shortcut, shortcut, channels), dtype="float32", name="thumbnail")(y)
        y = layers.Resizing(height, width, dtype="float32", name="thumbnail_enlarged")(y)
        x = layers.Add(dtype="float32", name="sum")([x, y])
    return _finished(codes, x, pixels)


def _finished(codes, logits, pixels, squash=True):
    if pixels and squash:
        logits = layers.Activation("sigmoid", dtype="float32", name="brightness")(logits)
    if pixels:
        logits = layers.Rescaling(255, dtype="float32", name="pixels")(logits)
    return keras.Model(codes, logits, name="decoder")


DECODERS = {"mlp": mlp_decoder, "convnet": convnet_decoder, "linear": linear_decoder}


def decoder(name, code, shape, pixels=True, **options):
    """A decoder by name. options: its own, None for what it does by itself. Raises InputError for an unknown name."""
    if name not in DECODERS:
        raise unknown("decoder", name, list(DECODERS))
    options = {k: v for k, v in options.items() if v is not None}
    for option in options:
        known = list(inspect.signature(DECODERS[name]).parameters)[2:]
        if option not in known:
            raise unknown(f"option of the decoder {name}", option, known)
    return DECODERS[name](code, tuple(shape), pixels=pixels, **options)
