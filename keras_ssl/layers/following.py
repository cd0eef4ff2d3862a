"""What holds still or moves slowly while the rest is trained: the targets of methods without negatives."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class StopGradient(keras.layers.Layer):
    """Hands its input on; no gradient comes back."""

    def call(self, inputs):
        return ops.stop_gradient(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_ssl")
class Follower(keras.layers.Wrapper):
    """A network whose weights are a moving average of another's: no gradient moves them, `follow` does.

    The mean teacher of Tarvainen, Valpola, NeurIPS 2017, arXiv:1703.01780. In training its batch norms use the batch,
    as those of the network that it follows.

    layer: a network of the same layers. momentum: share of the old weights that each `follow` keeps.
    """

    def __init__(self, layer, momentum=0.99, **kwargs):
        super().__init__(layer, **kwargs)
        self.momentum = momentum

    def build(self, input_shape=None):
        super().build(input_shape)
        self.steps = self.add_weight(name="steps", shape=(), initializer="zeros", trainable=False, autocast=False)
        for weight in self.layer.weights:
            weight.trainable = False  # and not the layers: batch norm would then use its moving averages

    def call(self, inputs, training=None):
        return ops.stop_gradient(self.layer(inputs, training=training))

    def follow(self, networks):
        """Move towards the weights of networks that together have this one's; the first time, become equal to them."""
        keep = ops.where(ops.equal(self.steps, 0), 0.0, self.momentum)
        weights = [weight for network in networks for weight in network.weights]
        for mine, theirs in zip(self.layer.weights, weights, strict=True):
            mine.assign(keep * mine + (1 - keep) * theirs)
        self.steps.assign(self.steps + 1)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}
