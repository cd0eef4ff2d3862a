"""The energy of a restricted Boltzmann machine."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class FreeEnergy(keras.layers.Layer):
    """Free energy of a Bernoulli restricted Boltzmann machine, F(v) = - b·v - sum_j log(1 + exp(c_j + v·W_j)).

    P(v) = exp(-F(v)) / Z for v in {0, 1}^D, the hidden units summed out. Weights W and hidden biases c are those of the
    Dense layer that gives the fields c + v W; the visible biases b are this layer's. `adapt` starts b at the log
    odds of each mean pixel, which a machine would learn first (Hinton, "A practical guide to training restricted
    Boltzmann machines", 2010).

    chains: number of hidden states that are kept for training's Markov chains, in the weight `chains` (chains, H).
    persistent, steps: how training uses them, see methods.image.boltzmann; they stand here to be saved with the model.

    Shape: [v (N, D), fields (N, H)] -> (N,).
    """

    adapted = False  # once its weights come from data, `architectures.adapt` leaves it alone

    def __init__(self, chains=100, persistent=True, steps=1, **kwargs):
        super().__init__(**kwargs)
        self.count, self.persistent, self.steps = chains, persistent, steps

    def build(self, input_shape):
        (_, visible), (_, hidden) = input_shape
        self.bias = self.add_weight(name="bias", shape=(visible,), initializer="zeros")
        # Every replica moves all chains by the same numbers, so that any one's are everyone's.
        self.chains = self.add_weight(
            name="chains", shape=(self.count, hidden), initializer="zeros", trainable=False, autocast=False,
            aggregation="only_first_replica",
        )  # fmt: skip

    def call(self, inputs):
        v, fields = inputs
        return -ops.matmul(v, self.bias) - ops.sum(ops.softplus(fields), axis=-1)

    def adapt(self, inputs):
        """Set b from the inputs of a call, some hundreds of images."""
        pixels = np.asarray(inputs[0], "float64")
        chance = (pixels.sum(axis=0) + 0.5) / (len(pixels) + 1)  # no pixel is certain
        self.bias.assign(np.log(chance / (1 - chance)).astype("float32"))
        self.adapted = True

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.adapted = True

    def compute_output_shape(self, input_shape):
        return input_shape[0][:1]

    def get_config(self):
        own = {"chains": self.count, "persistent": self.persistent, "steps": self.steps}
        return {**super().get_config(), **own}
