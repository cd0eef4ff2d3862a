"""Sparse autoencoder: a code longer than needed, most of it zero, L(x, g(f(x))) + lambda ||z||_1.

Olshausen, Field, Nature 381 (1996) 607-609; Ng, "Sparse autoencoder", CS294A lecture notes, 2011; tied weights with a
rectifier: Le et al., ICML 2012, arXiv:1112.6209. The code may be longer than the image ("overcomplete"): it is the
penalty Omega(z) that keeps it from copying. A rectifier's zeros are real ones: an image is the sum of few directions.
"""

import math

import keras
import numpy as np
from keras import layers

from ... import baselines, losses
from ...architectures.decoders import flattened, linear_decoder
from ...layers import TiedDense
from .autoencoder import Reconstructor, errors
from .linear_autoencoder import directions, pictures_of

LOSS = losses.PixelMeanSquaredError()  # to which Keras adds the penalty
METRICS = [losses.mse]  # on pixels in 0..1, without the penalty
FIXED_SIZE = True
L1 = {"class_name": "L1", "config": {"l1": 2.3e-4}}
COMPONENTS = 32  # of the PCA that the error is compared with


def pretext(images, seed):
    """The image is its own target: images (N, H, W, C) -> images, images."""
    return images, images


def build(encoder, code=1024, regularizer=L1):
    """Image -> its reconstruction (N, H, W, C), float32, around 0..255 and beyond; `predict` cuts it to 0..255.

    encoder: its features x are coded, z = relu((x - c) W + b), and rebuilt, z W^T + c. "mlp" without widths gives the
        pixels themselves; of other features a linear map makes pixels.
    code: length of the code z.
    regularizer: the penalty Omega(z), anything that keras.regularizers.get takes: a regularizer, its name, or its
        config; None for none. The loss gets what it gives for a batch of codes (N, code), divided by N: with "L1", of
        strength l1, that is l1 times the mean ||z||_1. The error beside it is the mean over pixels in 0..1.
        `keras.regularizers.serialize` gives a regularizer of your own as a value for a recipe.

    Raises InputError for what isn't a regularizer.
    """
    shape, features = encoder.input_shape[1:], flattened(encoder.output)
    tied = TiedDense(code, dtype="float32", name="tied")
    penalty = losses.regularizer(regularizer)
    z = layers.Activation("relu", activity_regularizer=penalty, dtype="float32", name="code")(tied(features))
    # The code comes last: the last output is what the encoder gives to other tasks.
    f = keras.Model(encoder.input, [tied(z, back=True), z], name="encoder")
    rebuilt, _ = f(encoder.input)
    g = (_as_image if rebuilt.shape[-1] == math.prod(shape) else linear_decoder)(rebuilt.shape[-1], shape)
    return SparseAutoencoder(encoder.input, g(rebuilt), name="sparse_autoencoder")


def _as_image(length, shape):
    """Pixels around 0..1 (N, length) -> image (N, *shape) around 0..255."""
    pixels = keras.Input((length,), name="features")
    image = layers.Reshape(shape, dtype="float32", name="image")(pixels)
    return keras.Model(pixels, layers.Rescaling(255, dtype="float32", name="pixels")(image), name="decoder")


@keras.saving.register_keras_serializable("keras_ssl")
class SparseAutoencoder(Reconstructor):
    """`predict` reconstructs; `encode` gives codes, mostly zeros, `decode` images of codes."""

    def _rebuild(self, codes):
        return self.get_layer("decoder")(self.get_layer("encoder").get_layer("tied")(codes, back=True))


def measure(model, dataset):
    """Squared error beside PCA-32's, how sparse codes of test images are, and what they are worth with few labels.

    "zeros": the share of exact zeros, and how many numbers of a code aren't zero, on average. "dead_units": the share
    of the code's places that are zero for every test image. "probe_1_percent": a linear probe with 1 % of the labels,
    beside the same on raw pixels.
    """
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    pca = baselines.pca(train, COMPONENTS)
    figures = errors(model, train, test, pca)
    figures["mse"]["components"] = pca.n_components_
    active = model.encode(test) > 0
    figures["zeros"] = {"value": np.mean(~active), "active_per_image": active.sum(axis=1).mean(), "of": model.code}
    figures["dead_units"] = {"value": np.mean(~active.any(axis=0))}
    if dataset.task == "classification":
        figures["probe_1_percent"] = baselines.few_labels(model, dataset)
    return figures


def show(model, images):
    """Images, their reconstructions, and the directions that the first image is made of, the strongest first."""
    code = model.encode(images[0])
    strongest = np.argsort(-code, kind="stable")[: len(images)]
    return [
        ("images", images, None),
        ("reconstructed", model.predict(images), None),
        ("parts of the first", pictures_of(directions(model)[strongest]), [f"{z:.1f}" for z in code[strongest]]),
    ]
