"""Layers of pictures with holes: hide what a mask covers, and put something else there."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class HideHoles(keras.layers.Layer):
    """Fills each image's holes with the mean colour of the visible pixels that touch them, mid-grey where none is.

    Nothing of what the mask covers gets through: not to a network's answer, and not to what batch norm tracks.

    hole: the kind of hole that a model learns to fill; it stands here so that it is saved with the model.

    Shape: [images (N, H, W, C) in 0..255, mask (N, H, W, 1), 1 in the hole] -> (N, H, W, C).
    """

    def __init__(self, hole="centre", **kwargs):
        super().__init__(**kwargs)
        self.hole = hole

    def call(self, inputs):
        images, mask = inputs
        border = ops.max_pool(mask, 3, strides=1, padding="same") - mask
        count = ops.sum(border, axis=(1, 2), keepdims=True)  # (N, 1, 1, 1)
        mean = ops.sum(ops.where(border > 0.5, images, 0), axis=(1, 2), keepdims=True) / ops.maximum(count, 1)
        return ops.where(mask > 0.5, ops.where(count > 0.5, mean, 127.5), images)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "hole": self.hole}


@keras.saving.register_keras_serializable("keras_ssl")
class FillHoles(keras.layers.Layer):
    """Adds a correction to images inside their holes; each pixel outside stays, bit for bit.

    Shape: [images (N, H, W, C), mask (N, H, W, 1), correction (N, h, w, C)] -> (N, H, W, C); of a larger correction,
    h >= H and w >= W, the top left is taken.
    """

    def call(self, inputs):
        images, mask, correction = inputs
        height, width = ops.shape(images)[1:3]
        return ops.where(mask > 0.5, images + correction[:, :height, :width], images)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
