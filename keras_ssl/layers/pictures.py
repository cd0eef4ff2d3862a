"""Layers that look at pictures and maps: whitened patches, lightness, sizes."""

import keras
import numpy as np
from keras import ops

PATCHES = 1_000_000  # that PatchWhitening looks at, at most


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
        from ..colour import lightness

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
