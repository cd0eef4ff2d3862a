"""Codes as random variables: the Gaussian that fits them, and the one that a variational encoder gives."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class CodeDistribution(keras.layers.Layer):
    """Hands codes on as they are, and keeps the Gaussian that fits them, to draw new codes from.

    In training it tracks mean and covariance as batch norm does: exactly, over all codes so far, for the first
    1 / (1 - momentum) batches, with exponential forgetting after them.

    Shape: (N, d) -> (N, d).
    """

    def __init__(self, momentum=0.99, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum

    def build(self, input_shape):
        d = input_shape[-1]

        def tracked(name, shape, start):
            # Each replica sees its share of a batch; their estimates are averaged.
            return self.add_weight(
                name=name, shape=shape, initializer=start, trainable=False, autocast=False, aggregation="mean"
            )  # fmt: skip

        self.mean = tracked("mean", (d,), "zeros")
        self.covariance = tracked("covariance", (d, d), "identity")
        self.batches = tracked("batches", (), "zeros")

    def call(self, codes, training=None):
        if training and self.trainable:
            self._track(ops.cast(codes, "float32"))
        return codes

    def _track(self, codes):
        rate = ops.maximum(1 / (self.batches + 1), 1 - self.momentum)
        away = ops.mean(codes, axis=0) - self.mean
        centred = codes - ops.mean(codes, axis=0)
        within = ops.matmul(ops.transpose(centred), centred) / ops.cast(ops.shape(codes)[0], "float32")
        between = rate * away[:, None] * away[None, :]  # what moving the mean adds to the old codes' spread
        self.covariance.assign((1 - rate) * (self.covariance + between) + rate * within)
        self.mean.assign(self.mean + rate * away)
        self.batches.assign(self.batches + 1)

    def colour(self, noise):
        """Standard normal noise (N, d) -> codes (N, d) of the tracked mean and covariance."""
        # The symmetric root, not Cholesky's: it stands a covariance that is singular or was rounded to half precision.
        values, vectors = ops.linalg.eigh(self.covariance)
        root = ops.matmul(vectors * ops.sqrt(ops.maximum(values, 0)), ops.transpose(vectors))
        return self.mean + ops.matmul(noise, root)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@keras.saving.register_keras_serializable("keras_ssl")
class GaussianCode(keras.layers.Layer):
    """The Gaussian q(z|x) of a code, of a mean and the logarithm of a variance in each direction.

    Called with [log-variance, mean], each (N, d), it gives the mean, the most probable code. beta is the weight of the
    KL divergence to the prior N(0, I) in the loss; it stands here so that it is saved with the model.
    """

    def __init__(self, beta=1.0, **kwargs):
        super().__init__(**kwargs)
        self.beta = beta

    def call(self, inputs):
        return inputs[1]

    def sample(self, log_variance, mean, noise):
        """Codes (N, d) of standard normal noise (N, d), differentiable in mean and variance (reparametrised)."""
        return mean + ops.exp(log_variance / 2) * noise

    def divergence(self, log_variance, mean):
        """KL(q(z|x) || N(0, I)) in nats, (N,)."""
        return ops.sum(ops.square(mean) + ops.exp(log_variance) - log_variance - 1, axis=-1) / 2

    def compute_output_shape(self, input_shape):
        return input_shape[1]

    def get_config(self):
        return {**super().get_config(), "beta": self.beta}
