"""Dense layers of another kind than Keras's."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class TiedDense(keras.layers.Layer):
    """Two linear maps with one matrix W: forth from x to (x - c) W + b, and back from z to z W^T + c.

    As an autoencoder's two halves they have half the parameters of two dense layers, and a code can't be made small
    by a small matrix on the way forth and a large one on the way back. Call the one layer twice, within one functional
    model: Keras's files keep a layer one only there.

    Shape: (N, d) -> (N, units); with back=True (N, units) -> (N, d).
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        d = input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(d, self.units), initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.centre = self.add_weight(name="centre", shape=(d,), initializer="zeros")

    def call(self, inputs, back=False):
        if back:
            return ops.matmul(inputs, ops.transpose(self.kernel)) + self.centre
        return ops.matmul(inputs - self.centre, self.kernel) + self.bias

    def get_config(self):
        return {**super().get_config(), "units": self.units}
