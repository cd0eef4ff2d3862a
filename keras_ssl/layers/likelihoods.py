"""What a decoder's output says of pixels: their mean, and the likelihood of given ones."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class BernoulliPixels(keras.layers.Layer):
    """p(x|z) of pixels that are black or white: logits (N, H, W, C) -> mean images in 0..255."""

    def call(self, logits):
        return 255 * ops.sigmoid(logits)

    def log_probability(self, images, logits):
        """log p(x|z) in nats, (N,), of images in 0..255; one between them counts as a share of black and of white."""
        x = ops.cast(images, "float32") / 255
        return ops.sum(x * logits - ops.softplus(logits), axis=(1, 2, 3))

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_ssl")
class GaussianPixels(keras.layers.Layer):
    """p(x|z) of grey or coloured pixels: their mean in units of 0..1 (N, H, W, C) -> mean images in 0..255.

    The variance is one trained number for all pixels.
    """

    def build(self, input_shape):
        start = keras.initializers.Constant(float(np.log(0.05)))  # about the error of a first reconstruction
        self.log_variance = self.add_weight(name="log_variance", shape=(), initializer=start)

    def call(self, means):
        return ops.clip(255 * means, 0, 255)

    def log_probability(self, images, means):
        """log p(x|z) in nats, (N,), of images in 0..255: the density in units of pixels in 0..1."""
        squares = ops.square(ops.cast(images, "float32") / 255 - means) * ops.exp(-self.log_variance)
        return -ops.sum(squares + self.log_variance + np.log(2 * np.pi), axis=(1, 2, 3)) / 2

    def compute_output_shape(self, input_shape):
        return input_shape
