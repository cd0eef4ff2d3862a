"""Layers by which several patches of an image go through one encoder, and meet again in pairs."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class FoldPatches(keras.layers.Layer):
    """Patches as a batch of images: (N, K, H, W, C) -> (N * K, H, W, C), image by image."""

    def call(self, patches):
        return ops.reshape(patches, (-1, *ops.shape(patches)[2:]))

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[2:])


@keras.saving.register_keras_serializable("keras_ssl")
class EveryPair(keras.layers.Layer):
    """What is said of each patch of an image as the first of a pair, plus what is said of each as the second.

    A linear map of two patches' features side by side is the sum of a map of each: so the maps are done once a patch.

    Shape: [patches (N, K, ...), first (N * K, F), second (N * K, F)] -> (N, K, K, F).
    """

    def call(self, inputs):
        patches, first, second = inputs
        split = (-1, ops.shape(patches)[1], first.shape[-1])
        return ops.expand_dims(ops.reshape(first, split), 2) + ops.expand_dims(ops.reshape(second, split), 1)

    def compute_output_shape(self, input_shape):
        patches, first, _ = input_shape
        return (patches[0], patches[1], patches[1], first[-1])
