"""Any network of keras.applications as an encoder that takes pixels in 0..255."""

import sys

import keras
import numpy as np
from keras import layers

from ..errors import InputError, unknown


def _names():
    return [n for n in dir(keras.applications) if n[0].isupper()]


def application(name, shape=(None, None, 3), pretrained=False, **options):
    """keras.applications' network `name` without its classifier; the preprocessing it expects is put inside.

    Raises InputError for an unknown name, for images that aren't RGB, and where the weights can't be downloaded.
    """
    if name not in _names():
        raise unknown("network of keras.applications", name, _names())
    if shape[-1] != 3:
        raise InputError(f"keras.applications:{name} takes RGB images; convert yours with channels=3")
    images = keras.Input(shape, name="image")
    x = _preprocessing(name)(images)
    builder = getattr(keras.applications, name)
    try:
        network = builder(include_top=False, weights="imagenet" if pretrained else None, input_tensor=x, **options)
    except Exception as error:
        if not pretrained or isinstance(error, TypeError):
            raise
        raise InputError(
            f"the ImageNet weights of keras.applications:{name} couldn't be downloaded ({type(error).__name__}); "
            "run once where there is a network, or pretrain it: keras-ssl pretrain rotation --encoder "
            f"keras.applications:{name}"
        ) from error
    return keras.Model(images, network.output, name="encoder")


def _preprocessing(name):
    """The network's own preprocess_input as layers: it is an affine map of each channel, at most after RGB -> BGR."""
    module = sys.modules[getattr(keras.applications, name).__module__]
    probe = np.array([[0, 0, 0], [255, 0, 0], [255, 255, 255]], "float32")
    black, red, white = (module.preprocess_input(pixel.reshape(1, 1, 1, 3).copy()).ravel() for pixel in probe)
    scale, offset = (white - black) / 255, black
    reversed_channels = red[0] == black[0]

    def apply(x):
        if reversed_channels:
            x = keras.ops.flip(x, axis=-1)
        if np.allclose(scale, 1) and np.allclose(offset, 0):
            return x
        return layers.Rescaling([float(s) for s in scale], offset=[float(o) for o in offset], name="rescale")(x)

    return apply
