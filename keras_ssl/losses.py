"""The losses that self-supervised learning needs and Keras lacks."""

import keras
from keras import ops

from .data.masks import VOID
from .errors import InputError


def mse(images, reconstructions):
    """Mean squared error of pixels in 0..255, in units of pixels in 0..1: (N, H, W, C) twice -> (N,)."""
    difference = (ops.cast(images, "float32") - ops.cast(reconstructions, "float32")) / 255
    return ops.mean(ops.square(difference), axis=(1, 2, 3))


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


@keras.saving.register_keras_serializable("keras_ssl")
class PixelCrossentropy(keras.losses.Loss):
    """Cross-entropy of every pixel's class, (N, H, W) against logits (N, H, W, K); pixels of `VOID` count nothing.

    weights: one for each class, or None for 1. The mean is over all pixels, those of `VOID` too: over the others it
    wouldn't be the mean of what replicas find on their shares of a batch.
    """

    def __init__(self, weights=None, **kwargs):
        super().__init__(**{"name": "pixel_crossentropy", **kwargs})
        self.weights = None if weights is None else [float(weight) for weight in weights]

    def call(self, y_true, y_pred):
        classes = ops.cast(y_true, "int32")
        counted = ops.not_equal(classes, VOID)
        classes = ops.where(counted, classes, 0)
        loss = keras.losses.sparse_categorical_crossentropy(classes, ops.cast(y_pred, "float32"), from_logits=True)
        if self.weights is not None:
            loss = loss * ops.take(ops.convert_to_tensor(self.weights, "float32"), classes)
        return ops.where(counted, loss, 0.0)

    def get_config(self):
        return {**super().get_config(), "weights": self.weights}


def pixel_accuracy(classes, logits):
    """Share of an image's pixels, but those of `VOID`, whose class is told: (N, H, W), (N, H, W, K) -> (N,)."""
    classes = ops.cast(classes, "int32")
    counted = ops.cast(ops.not_equal(classes, VOID), "float32")
    right = ops.cast(ops.equal(classes, ops.argmax(logits, axis=-1)), "float32")
    return ops.sum(right * counted, axis=(1, 2)) / ops.maximum(ops.sum(counted, axis=(1, 2)), 1)


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
