"""The Keras layers that self-supervised learning needs and Keras lacks."""

import keras
import numpy as np
from keras import ops

PATCHES = 1_000_000  # that PatchWhitening looks at, at most


@keras.saving.register_keras_serializable("keras_ssl")
class BatchNormalization(keras.layers.BatchNormalization):
    """keras.layers.BatchNormalization, faster in training on TensorFlow; same arguments, weights and values.

    Keras 3 takes moments and normalises in separate kernels. TensorFlow's fused kernel does both in one pass, which
    trains a small residual network 1.3 to 1.5 times faster on a CPU. Where the kernel doesn't apply (another backend,
    synchronized, masked, no scale or shift, an axis other than the last, an input that isn't (N, H, W, C)) Keras's own
    runs.
    """

    def call(self, inputs, training=None, mask=None):
        fits = (
            training
            and self.trainable
            and mask is None
            and not self.synchronized
            and self.scale
            and self.center
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and keras.backend.backend() == "tensorflow"
        )
        if not fits:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            ops.cast(self.gamma, "float32"),
            ops.cast(self.beta, "float32"),
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel gives the unbiased variance (n / (n - 1)); Keras keeps the biased one.
        shape = ops.shape(inputs)
        n = ops.cast(shape[0] * shape[1] * shape[2], "float32")
        variance = variance * (n - 1) / n
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + ops.cast(batch, moving.dtype) * (1 - self.momentum))
        return outputs


@keras.saving.register_keras_serializable("keras_ssl")
class PatchWhitening(keras.layers.Conv2D):
    """A convolution started from the whitening transform of small image patches.

    Neighbouring pixels are strongly correlated, and a first layer spends its first epochs on undoing that. `adapt` sets
    the filters to the eigenvectors of the patches' covariance, each divided by the square root of its eigenvalue,
    followed by their negatives (a rectifier then keeps both signs), followed by random rotations of the whitened
    space where there are more filters than that. Source: Page, 2018 (myrtle.ai, "How to train your ResNet");
    Jordan, 2024, arXiv:2404.00498. Trains on like any convolution; before `adapt` it is one with Keras's start.

    Shape: (N, H, W, C) -> (N, H, W, filters) with padding "same".
    """

    adapted = False  # once its weights come from data, `architectures.adapt` leaves it alone

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.adapted = True

    def adapt(self, images, seed=0):
        """Set the filters from images (N, H, W, C) as they arrive at this layer, some hundreds of them."""
        images = np.asarray(images)
        kh, kw = self.kernel_size
        windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))  # (N, h, w, C, kh, kw)
        places = np.indices(windows.shape[:3]).reshape(3, -1)
        if places.shape[1] > PATCHES:
            places = places[:, np.random.default_rng(seed).choice(places.shape[1], PATCHES, replace=False)]
        patches = windows[tuple(places)].transpose(0, 2, 3, 1).reshape(places.shape[1], -1).astype("float64")
        values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False))
        # Grey pictures in three channels span a third of the space: directions without variance can't be whitened.
        alive = values > values.max() * 1e-5
        basis = (vectors[:, alive] / np.sqrt(values[alive] + values.max() * 1e-4)).T[::-1]  # (rank, kh*kw*C)
        filters = np.concatenate([basis, -basis])
        rng = np.random.default_rng(seed)
        while len(filters) < self.filters:
            rotation, _ = np.linalg.qr(rng.normal(size=(len(basis), len(basis))))
            filters = np.concatenate([filters, rotation @ basis, -rotation @ basis])
        kernel = filters[: self.filters].T.reshape(kh, kw, images.shape[-1], self.filters)
        self.kernel.assign(kernel.astype("float32"))
        self.adapted = True


@keras.saving.register_keras_serializable("keras_ssl")
class Lightness(keras.layers.Layer):
    """RGB in 0..255 -> CIE lightness as a grey picture in 0..255, in three equal channels.

    Shape: (N, H, W, 3) -> (N, H, W, 3).
    """

    def call(self, images):
        from .colour import lightness

        return ops.repeat(lightness(images) * 2.55, 3, axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_ssl")
class ResizeLike(keras.layers.Layer):
    """Resize the first input's feature map to the second's height and width, which may be unknown until run time.

    Shape: [(N, h, w, C), (N, H, W, D)] -> (N, H, W, C). interpolation: "bilinear" or "nearest".
    """

    def __init__(self, interpolation="bilinear", **kwargs):
        super().__init__(**kwargs)
        self.interpolation = interpolation

    def call(self, inputs):
        import tensorflow as tf  # keras.ops.image.resize takes no size that is a tensor

        features, like = inputs
        resized = tf.image.resize(features, tf.shape(like)[1:3], method=self.interpolation)
        return tf.cast(resized, features.dtype)

    def compute_output_shape(self, input_shape):
        features, like = input_shape
        return (features[0], like[1], like[2], features[3])

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}


@keras.saving.register_keras_serializable("keras_ssl")
class BatchSpread(keras.layers.Layer):
    """Adds a channel that tells how much the images of a batch differ: their standard deviation, in the mean.

    A discriminator sees by it that generated images lack variety. Karras et al., ICLR 2018, arXiv:1710.10196. Out of
    training the channel holds the average over past batches, so that an image's answer is its own. A replica sees its
    share of the batch.

    Shape: (N, H, W, C) -> (N, H, W, C + 1).
    """

    def __init__(self, momentum=0.99, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum

    def build(self, input_shape):
        self.spread = self.add_weight(
            name="spread", shape=(), initializer="ones", trainable=False, autocast=False, aggregation="mean"
        )

    def call(self, features, training=None):
        spread = self.spread
        if training:
            x = ops.cast(features, "float32")
            spread = ops.mean(ops.sqrt(ops.var(x, axis=0) + 1e-8))  # a root without the 1e-8 has no slope at 0
            if self.trainable:
                self.spread.assign(self.spread * self.momentum + ops.stop_gradient(spread) * (1 - self.momentum))
        channel = ops.cast(spread, features.dtype) * ops.ones_like(features[..., :1])
        return ops.concatenate([features, channel], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


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
