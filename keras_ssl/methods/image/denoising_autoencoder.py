"""Denoising autoencoder: rebuild an image from a spoilt copy, L(x, g(f(x'))) = ||x - g(f(x'))||^2.

Vincent, Larochelle, Bengio, Manzagol, ICML 2008; Vincent et al., JMLR 11 (2010) 3371-3408. The code needn't be short:
copying the input would leave the noise in. The network gives what to add to the spoilt image (Zhang et al.,
arXiv:1608.03981).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import energies, least_squares, losses, views
from ...architectures.unet import unet
from ...layers import Corruption
from ...models import ImageModel

LOSS = losses.PixelSquaredError()
METRICS = [losses.mse]  # on pixels in 0..1, without the regulariser
FILTER = 5  # side of the linear filter that `measure` sets beside the network


def pretext(images, seed, corruption="gaussian", strength=None):
    """Images (N, H, W, C) -> the same spoilt, float32 in 0..255, and as they were; both mirrored at random.

    corruption, strength: the kind and its strength, as layers.Corruption takes them.
    """
    images = views.flip(images, seed)
    return Corruption(corruption, strength).corrupt(images, views.fold(seed, "corruption")), images


def build(encoder, corruption="gaussian", strength=None, regularizer=None, widths=(32, 48, 64, 96)):
    """Spoilt image (N, H, W, C) -> the image, float32, about 0..255; any size.

    corruption, strength: as pretext's; kept in the model.
    regularizer: None, or Omega(z) of the encoder's output z in L(x, g(f(x'))) + Omega(z): any Keras regularizer, its
        name or its config; the loss gets its mean over the batch's images. `keras.regularizers.serialize` gives one of
        your own as a value for a recipe.
    widths: the decoder's, as unet takes them.

    Raises InputError for an unknown corruption, for what isn't a regularizer, and for an encoder that gives no map.
    """
    encoder, decoder = unet(encoder, widths)
    images = Corruption(corruption, strength, dtype="float32", name="corruption")(encoder.input)
    *finer, z = keras.tree.flatten(encoder(encoder.input))
    if regularizer is not None:
        penalty = losses.regularizer(regularizer)
        z = layers.Activation("linear", activity_regularizer=penalty, dtype="float32", name="code")(z)
    x = decoder([encoder.input, *finer, z])
    # Zero at the start: training begins at the spoilt image as it is.
    residual = layers.Conv2D(
        encoder.input_shape[-1], 3, padding="same", kernel_initializer="zeros", dtype="float32", name="residual"
    )(x)  # fmt: skip
    residual = layers.Rescaling(64, dtype="float32", name="residual_pixels")(residual)
    x = layers.Add(dtype="float32", name="sum")([images, residual])
    return DenoisingAutoencoder(encoder.input, x, name="denoising_autoencoder")


@keras.saving.register_keras_serializable("keras_ssl")
class DenoisingAutoencoder(ImageModel):
    """`predict` (and its other name, `denoise`) mends pictures of any size; `corrupt` spoils them as in training."""

    def respond(self, images):
        return tf.clip_by_value(self(images, training=False), 0, 255)

    def denoise(self, images, batch_size=32):
        """Spoilt pictures, one or a batch, 0..255 -> mended ones of the same size, float32 in 0..255."""
        return self.predict(images, batch_size=batch_size)

    def corrupt(self, images, seed=0):
        """Pictures spoilt as those that the model was trained to mend, float32; the same for the same seed."""
        images, single = self.natural(images)
        spoilt = self._corrupt(images, seed).numpy()
        return spoilt[0] if single else spoilt

    def energy(self, images):
        """Squared size of what denoising takes away, pixels in 0..1, low for clean pictures: (N,), a number for one."""
        images, single = self.natural(images)
        energies = losses.mse(images, self.predict(images)).numpy()
        return energies[0] if single else energies

    def endpoints(self):
        endpoints = super().endpoints()
        images = tf.TensorSpec((None, *self._image_shape()), tf.float32, "images")
        return {
            **endpoints,
            "denoise": endpoints["serve"],
            "corrupt": (self._corrupt, [images, tf.TensorSpec((), tf.int32, "seed")]),
            "energy": (lambda images: losses.mse(images, self.respond(images)), [images]),
        }

    def _corrupt(self, images, seed):
        return self.get_layer("corruption").corrupt(images, [seed, 0])


def measure(model, dataset):
    """Squared error on spoilt test images, pixels in 0..1, and how well the energy tells them from clean ones.

    Beside them, the spoilt images as they are and one linear filter of 5x5 pixels, fitted to training images.
    """
    # Below zero are seeds of noise that no test image gets.
    train = enumerate(least_squares.examples(dataset), start=1)
    linear = least_squares.fit(((model.corrupt(images, -i), images) for i, images in train), FILTER)
    ways = {
        "value": lambda images: model.predict(images, batch_size=100),
        "noisy": lambda images: images,
        "linear_filter": lambda images: np.clip(linear(images), 0, 255),
    }
    errors, clean, spoilt = ({way: [] for way in ways} for _ in range(3))
    for i, images in enumerate(dataset.stream("test", labels=False).batch(100).as_numpy_iterator()):
        noisy = model.corrupt(images, i)
        for way, mend in ways.items():
            mended = mend(noisy)
            errors[way].append(losses.mse(images, mended))
            spoilt[way].append(losses.mse(noisy, mended))
            clean[way].append(losses.mse(images, mend(images)))
    errors, clean, spoilt = ({k: np.concatenate(v) for k, v in table.items()} for table in (errors, clean, spoilt))
    auc = {way: energies.auc(clean[way], spoilt[way]) for way in ("value", "linear_filter")}
    return {
        "mse": {way: error.mean() for way, error in errors.items()},
        "energy_auc": {**auc, "chance": 0.5},
    }


def show(model, images):
    """Images, spoilt ones and mended ones, each under its squared error for pixels in 0..1."""
    noisy = model.corrupt(images)
    mended = model.predict(noisy)
    errors = [[f"{e:.4f}" for e in losses.mse(images, each).numpy()] for each in (noisy, mended)]
    return [("images", images, None), ("spoilt", noisy, errors[0]), ("mended", mended, errors[1])]
