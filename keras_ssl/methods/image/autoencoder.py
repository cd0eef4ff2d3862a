"""Autoencoder: squeeze an image through a short code and rebuild it, L(x, g(f(x))) = ||x - g(f(x))||^2.

Hinton, Salakhutdinov, Science 313 (2006) 504-507. The code is too short to copy the image ("undercomplete"), so it has
to hold what images have in common. A Gaussian fitted to the codes gives new images.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import baselines, energies, losses, views
from ...architectures.decoders import decoder as build_decoder
from ...architectures.decoders import flattened
from ...errors import InputError
from ...layers import CodeDistribution, PatchWhitening
from ...models import ImageModel, by_parts

LOSS = losses.PixelMeanSquaredError()
METRICS = [losses.mse]  # on pixels in 0..1
FIXED_SIZE = True
NOISE = 0.1  # deviation, of pixels in 0..1, of what the energy is to tell from clean images


def pretext(images, seed, flips=False):
    """The image is its own target: images (N, H, W, C) -> images, images; flips: mirrored at random."""
    images = views.flip(images, seed) if flips else images
    return images, images


def build(encoder, code=32, decoder="mlp", widths=None, shortcut=0):
    """Image -> its reconstruction (N, H, W, C), float32 in 0..255.

    code: length of the code z. decoder: "mlp", "convnet" or "linear", widths: its own.
    shortcut: 0, or the side of a thumbnail for a linear way beside the networks, for decoder "convnet". The code starts
        as the thumbnail's principal components, to which the networks add; all of it trains. Convolutions alone take
        many epochs to get as far as PCA.
    """
    features = flattened(encoder.output)
    if shortcut:
        z = layers.Dense(code, dtype="float32", name="features_code")(features)
        z = layers.Add(dtype="float32", name="code")([z, _components(encoder.input, shortcut, code)])
    else:
        z = layers.Dense(code, dtype="float32", name="code")(features)
    f = keras.Model(encoder.input, z, name="encoder")
    g = build_decoder(decoder, code, encoder.input_shape[1:], widths=widths, shortcut=shortcut or None)
    z = CodeDistribution(dtype="float32", name="codes")(f(encoder.input))
    return Autoencoder(encoder.input, g(z), name="autoencoder")


def _components(images, side, number):
    """A linear map of thumbnails that `adapt` sets to their whitened principal components: (N, H, W, C) -> (N, number).

    Raises InputError for a thumbnail of fewer numbers than components.
    """
    if side * side * images.shape[-1] < number:
        raise InputError(f"a shortcut of {side}x{side} pixels has fewer than {number} components; give a larger one")
    x = layers.Rescaling(1 / 255, dtype="float32", name="brightness")(images)
    x = layers.Resizing(side, side, antialias=True, dtype="float32", name="thumbnail")(x)
    x = PatchWhitening(number, side, dtype="float32", name="components")(x)
    return layers.Flatten(dtype="float32", name="thumbnail_code")(x)


@keras.saving.register_keras_serializable("keras_ssl")
class Reconstructor(ImageModel):
    """`predict` reconstructs; `encode` gives codes, `decode` images of codes, `energy` the reconstruction's error.

    Called as a layer it gives what it was trained on: of a linear decoder, also pixels beyond 0..255.
    """

    @property
    def code(self):
        """The length d of a code."""
        return keras.tree.flatten(self.get_layer("encoder").output)[-1].shape[-1]

    def respond(self, images):
        return tf.clip_by_value(self(images, training=False), 0, 255)

    def encode(self, images):
        """Pictures, as `predict` takes them -> codes (N, d), (d,) for one."""
        return self.ask(self._encode, images)

    def decode(self, codes):
        """Codes (N, d) -> images (N, H, W, C), float32 in 0..255. Raises InputError for codes of another length."""
        codes = np.asarray(codes, "float32")
        if codes.ndim != 2 or codes.shape[1] != self.code:
            raise InputError(f"{self.name} decodes codes of shape (N, {self.code}), got {codes.shape}")
        return by_parts(self._decode, codes)

    def energy(self, images):
        """Squared error of each picture's reconstruction, pixels in 0..1: (N,), a number for one."""
        return self.ask(self._energy, images)

    def endpoints(self):
        images = tf.TensorSpec((None, *self._image_shape()), tf.float32, "images")
        codes = tf.TensorSpec((None, self.code), tf.float32, "codes")
        return {
            **super().endpoints(),
            "encode": (self._encode, [images]),
            "decode": (self._decode, [codes]),
            "energy": (self._energy, [images]),
        }

    def _encode(self, images):
        return keras.tree.flatten(self.get_layer("encoder")(images, training=False))[-1]

    def _decode(self, codes):
        return tf.clip_by_value(self._rebuild(codes), 0, 255)

    def _rebuild(self, codes):
        return self.get_layer("decoder")(codes, training=False)

    def _energy(self, images):
        return losses.mse(images, self(images, training=False))


@keras.saving.register_keras_serializable("keras_ssl")
class Autoencoder(Reconstructor):
    """A Reconstructor with a Gaussian fitted to its codes, from which it draws: `sample` gives new images."""

    def sample(self, n, seed=0):
        """n new images (n, H, W, C), float32 in 0..255, of random codes; the same for the same seed."""
        return self.decode(self._draw(n, seed))

    def endpoints(self):
        n, seed = tf.TensorSpec((), tf.int32, "n"), tf.TensorSpec((), tf.int32, "seed")
        return {**super().endpoints(), "sample": (lambda n, seed: self._decode(self._draw(n, seed)), [n, seed])}

    def _draw(self, n, seed):
        return self.get_layer("codes").colour(views.normal([n, self.code], seed))


def measure(model, dataset):
    """Squared error on test and on training images, pixels in 0..1, beside PCA's with as many components."""
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    return errors(model, train, test, baselines.pca(train, model.code))


def errors(model, train, test, pca):
    """What every model that rebuilds images is measured by: images (N, H, W, C) and (M, H, W, C), a fitted PCA.

    "mse", "mse_train": squared error, pixels in 0..1, beside the PCA's. "energy_auc": see `noise_told`.
    """
    away = np.mean(_away(test, train.mean(axis=0)))
    return {
        "mse": {"value": np.mean(model.energy(test)), "pca": baselines.pca_error(pca, test), "mean_image": away},
        "mse_train": {"value": np.mean(model.energy(train)), "pca": baselines.pca_error(pca, train)},
        "energy_auc": noise_told(model, train, test),
    }


def noise_told(model, train, test):
    """How surely the energy tells test images from the same ones with Gaussian noise of deviation 0.1.

    Beside the distance to the mean of the training images.
    """
    noise = np.random.default_rng(0).normal(0, NOISE * 255, test.shape)
    pair, mean = (test, np.clip(test + noise, 0, 255).astype("float32")), train.mean(axis=0)
    auc = energies.auc(*map(model.energy, pair))
    return {"value": auc, "mean_image": energies.auc(*(_away(images, mean) for images in pair)), "chance": 0.5}


def _away(images, mean):
    return np.mean(((images - mean) / 255) ** 2, axis=(1, 2, 3))


def show(model, images):
    """Images, their reconstructions, and new images of codes drawn from the fitted Gaussian."""
    return [
        ("images", images, None),
        ("reconstructed", model.predict(images), None),
        ("samples", model.sample(len(images)), None),
    ]
