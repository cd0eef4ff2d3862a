"""The losses that self-supervised learning needs and Keras lacks."""

import keras
from keras import ops


def mse(images, reconstructions):
    """Mean squared error of pixels in 0..255, in units of pixels in 0..1: (N, H, W, C) twice -> (N,)."""
    difference = (ops.cast(images, "float32") - ops.cast(reconstructions, "float32")) / 255
    return ops.mean(ops.square(difference), axis=(1, 2, 3))


@keras.saving.register_keras_serializable("keras_ssl")
class PixelMeanSquaredError(keras.losses.Loss):
    """`mse` as a loss: of images in 0..255, in units of pixels in 0..1."""

    def call(self, y_true, y_pred):
        return mse(y_true, y_pred)
