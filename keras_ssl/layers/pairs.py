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
class PairWithFirst(keras.layers.Layer):
    """The features of an image's first patch beside those of each other one.

    Shape: [patches (N, K, ...), features (N * K, F)] -> (N, K - 1, 2 * F), the first patch's features first.
    """

    def call(self, inputs):
        patches, features = inputs
        features = ops.reshape(features, (-1, ops.shape(patches)[1], features.shape[-1]))
        others = features[:, 1:]
        return ops.concatenate([ops.broadcast_to(features[:, :1], ops.shape(others)), others], axis=-1)

    def compute_output_shape(self, input_shape):
        patches, features = input_shape
        return (patches[0], patches[1] and patches[1] - 1, 2 * features[-1])
