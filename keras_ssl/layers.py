"""The Keras layers that self-supervised learning needs and Keras lacks."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class BatchNormalization(keras.layers.BatchNormalization):
    """keras.layers.BatchNormalization, faster in training on TensorFlow; same arguments, weights and values.

    Keras 3 takes moments and normalises in separate kernels. TensorFlow's fused kernel does both in one pass, which
    trains a small residual network 1.3 to 1.5 times faster on a CPU. Where the kernel doesn't apply (another backend,
    synchronized, masked, no scale or shift, an axis other than the last, an input that isn't (N, H, W, C)) Keras's own runs.
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

    def adapt(self, images, seed=0):
        """Set the filters from images (N, H, W, C) as they arrive at this layer, some hundreds of them."""
        images = np.asarray(images, "float64")
        kh, kw = self.kernel_size
        windows = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(1, 2))  # (N, h, w, C, kh, kw)
        patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, kh * kw * images.shape[-1])
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
