"""Layers that make pictures and maps larger by a whole number, of any size known at run time only."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_ssl")
class BicubicEnlargement(keras.layers.Layer):
    """Bicubic interpolation to `scale` times the height and width (Keys's kernel, a = -0.5), in float32.

    Shape: (N, H, W, C) -> (N, scale * H, scale * W, C). keras.layers.UpSampling2D needs to know H and W beforehand.
    """

    def __init__(self, scale=2, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, images):
        images = tf.cast(images, tf.float32)
        return tf.image.resize(images, tf.shape(images)[1:3] * self.scale, method="bicubic")

    def compute_output_shape(self, input_shape):
        n, height, width, channels = input_shape
        return (n, height and self.scale * height, width and self.scale * width, channels)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("keras_ssl")
class PixelShuffle(keras.layers.Layer):
    """Each place's channels laid out as a square of scale x scale pixels. Shi et al., CVPR 2016, arXiv:1609.05158.

    Shape: (N, H, W, scale^2 * C) -> (N, scale * H, scale * W, C); channel (a * scale + b) * C + c goes to row a and
    column b of the square.
    """

    def __init__(self, scale=2, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, maps):
        return tf.nn.depth_to_space(maps, self.scale)

    def compute_output_shape(self, input_shape):
        n, height, width, channels = input_shape
        return (n, height and self.scale * height, width and self.scale * width, channels // self.scale**2)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
