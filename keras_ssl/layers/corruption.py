"""Spoiling pictures on purpose, for those who learn to mend them."""

import keras
import tensorflow as tf

from ..errors import InputError, unknown


def _gaussian(images, seed, strength):
    noise = tf.random.stateless_normal(tf.shape(images), seed, alg="philox")
    return tf.clip_by_value(images + 255 * strength * noise, 0, 255)


def _masking(images, seed, strength):
    return tf.where(_places(images, seed) < strength, 0.0, images)


def _salt_and_pepper(images, seed, strength):
    places = _places(images, seed)
    return tf.where(places < strength, tf.where(places < strength / 2, 0.0, 255.0), images)


def _places(images, seed):
    """A number in [0, 1) for each pixel, the same in all its channels: (N, H, W, 1)."""
    return tf.random.stateless_uniform([*tf.unstack(tf.shape(images)[:3]), 1], seed, alg="philox")


KINDS = {"gaussian": (_gaussian, 0.1), "masking": (_masking, 0.25), "salt_and_pepper": (_salt_and_pepper, 0.1)}


@keras.saving.register_keras_serializable("keras_ssl")
class Corruption(keras.layers.Layer):
    """A way to spoil pictures. In a network it hands them on as they are, and keeps what its model was trained to mend.

    kind: "gaussian", noise on each channel of each pixel, clipped to 0..255; "masking", pixels made black;
        "salt_and_pepper", pixels made black or white. Vincent et al., JMLR 11 (2010) 3371-3408.
    strength: the noise's standard deviation for pixels in 0..1, or the share of spoilt pixels; None: 0.1, of masked
        pixels 0.25.

    Raises InputError for an unknown kind and for a strength that isn't in 0..1.
    """

    def __init__(self, kind="gaussian", strength=None, **kwargs):
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise unknown("corruption", kind, list(KINDS))
        self.kind = kind
        self._spoil, usual = KINDS[kind]
        self.strength = usual if strength is None else strength
        if not isinstance(self.strength, (int, float)) or not 0 <= self.strength <= 1:
            raise InputError(f"the strength of a corruption is in 0..1, got {strength!r}")

    def call(self, images):
        return images

    def corrupt(self, images, seed):
        """Images (N, H, W, C) in 0..255 -> the same spoilt, float32; the same for the same seed, int (2,)."""
        return self._spoil(tf.cast(images, tf.float32), seed, self.strength)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "kind": self.kind, "strength": self.strength}
