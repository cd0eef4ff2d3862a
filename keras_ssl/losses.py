"""The losses that self-supervised learning needs and Keras lacks."""

import keras
from keras import ops

from .errors import InputError


def mse(images, reconstructions):
    """Mean squared error of pixels in 0..255, in units of pixels in 0..1: (N, ..., C) twice -> (N,)."""
    difference = (ops.cast(images, "float32") - ops.cast(reconstructions, "float32")) / 255
    return ops.mean(ops.square(difference), axis=tuple(range(1, len(difference.shape))))


@keras.saving.register_keras_serializable("keras_ssl")
class PixelMeanSquaredError(keras.losses.Loss):
    """`mse` as a loss: of images in 0..255, in units of pixels in 0..1."""

    def call(self, y_true, y_pred):
        return mse(y_true, y_pred)


@keras.saving.register_keras_serializable("keras_ssl")
class PixelSquaredError(keras.losses.Loss):
    """||x - y||^2 of images in 0..255, in units of pixels in 0..1: `mse` times the numbers that an image has.

    For networks with Adam whose output starts near the target: of the mean, the gradients of deep layers fall below the
    epsilon that Adam adds to their size (1e-7), which slows those layers down.
    """

    def call(self, y_true, y_pred):
        return mse(y_true, y_pred) * ops.cast(ops.prod(ops.shape(y_pred)[1:]), "float32")


def regularizer(given):
    """A Keras regularizer of itself, its name or its config (`keras.regularizers.serialize`); None of None.

    Raises InputError for what isn't one.
    """
    try:
        return keras.regularizers.get(given)
    except (ValueError, TypeError, KeyError) as error:
        example = {"class_name": "L1", "config": {"l1": 1e-4}}
        raise InputError(
            f"regularizer is a Keras regularizer, its name or config, such as {example}; got {given!r}"
        ) from error
