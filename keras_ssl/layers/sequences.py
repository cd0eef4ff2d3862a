"""Layers for sequences: where in it an entry stands, and what comes before it."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class ShiftedPositions(keras.layers.Layer):
    """Each entry moves one place on, a learned start comes first, the last falls off; learned positions are added.

    A causal network on top then says, at place i, what it makes of the entries before i.

    length: of the longest sequence. Shape: (N, T, d) -> (N, T, d), T <= length.
    """

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def build(self, input_shape):
        d, small = input_shape[-1], keras.initializers.RandomNormal(stddev=0.02)
        self.start = self.add_weight(name="start", shape=(1, 1, d), initializer=small)
        self.positions = self.add_weight(name="positions", shape=(self.length, d), initializer=small)

    def call(self, x):
        start = ops.broadcast_to(self.start, ops.shape(x[:, :1]))
        return ops.concatenate([start, x[:, :-1]], axis=1) + self.positions[: ops.shape(x)[1]]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "length": self.length}
