"""Linear autoencoder: squared error alone leads a linear encoder and decoder to the subspace that PCA finds.

Bourlard, Kamp, Biological Cybernetics 59 (1988) 291-294; Baldi, Hornik, Neural Networks 2 (1989) 53-58. From a random
start and by gradients only, it comes to the plane of the first principal components: the loss has no other minimum.
PCA fixes this plane, and with it every reconstruction; it doesn't fix the basis. Any invertible mixing of the code,
undone by the decoder, has the same loss: a number of the code is no principal component, and the learned directions
are neither orthogonal nor in order. Where two eigenvalues are nearly equal, the plane's own border is nearly free too.
"""

import keras
import numpy as np
import scipy.linalg
from keras import layers

from ... import baselines, losses
from ...architectures.decoders import decoder as build_decoder
from ...architectures.decoders import flattened
from ...layers import CodeDistribution
from .autoencoder import Autoencoder, errors

LOSS = losses.PixelMeanSquaredError()
METRICS = [losses.mse]  # on pixels in 0..1
FIXED_SIZE = True
BORDER = 2  # of PCA's axes, the last, whose eigenvalues lie too near the next ones' to be told from these


def pretext(images, seed):
    """The image is its own target: images (N, H, W, C) -> images, images."""
    return images, images


def build(encoder, code=32):
    """Image -> its reconstruction (N, H, W, C), float32, around 0..255 and beyond; `predict` cuts it to 0..255.

    encoder: one that gives the pixels themselves, "mlp" without widths, for a linear model. Its biases learn the mean
        that PCA subtracts. Another makes a linear map of its features.
    code: length of the code z.
    """
    z = layers.Dense(code, dtype="float32", name="code")(flattened(encoder.output))
    f = keras.Model(encoder.input, z, name="encoder")
    g = build_decoder("linear", code, encoder.input_shape[1:])
    z = CodeDistribution(dtype="float32", name="codes")(f(encoder.input))
    return Autoencoder(encoder.input, g(z), name="pca_autoencoder")


def directions(model):
    """What each number of the code adds to an image when it is 1, pixels in 0..1: (d, H, W, C), of a linear decoder."""
    images = model._rebuild(np.eye(model.code, dtype="float32")) - model._rebuild(np.zeros((1, model.code), "float32"))
    return np.asarray(images, "float64") / 255


def pictures_of(directions):
    """Directions (n, H, W, C) of either sign as pictures in 0..255: grey is nothing, white or black each one's most."""
    return 127.5 + 127.5 * directions / np.abs(directions).max(axis=(1, 2, 3), keepdims=True)


def measure(model, dataset):
    """Squared error beside PCA's, and the learned plane beside that of scikit-learn's PCA of as many components.

    "axes_inside": the smallest length that one of PCA's first d - 2 axes keeps when projected onto the learned plane;
    1 lies in it. "principal_angle": the angles between the two planes, in degrees: the median, the last but two, and
    the largest; beside a random plane's median. "basis": the mean over PCA's axes of the largest |cosine| with a single
    learned direction, 1 for the same basis, beside that of a random basis of the same plane.
    """
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    pca = baselines.pca(train, model.code)
    learned = directions(model).reshape(model.code, -1)
    axes = pca.components_.astype("float64")
    rng = np.random.default_rng(0)
    planes = [scipy.linalg.orth(plane.T) for plane in (learned, rng.normal(size=learned.shape))]
    inside, inside_any = (np.linalg.norm(axes @ plane, axis=1) for plane in planes)
    angles, angles_any = (np.degrees(scipy.linalg.subspace_angles(axes.T, plane))[::-1] for plane in planes)
    mixed = planes[0] @ np.linalg.qr(rng.normal(size=(planes[0].shape[1],) * 2))[0]
    first = max(1, len(axes) - BORDER)
    return {
        **errors(model, train, test, pca),
        "axes_inside": {"value": inside[:first].min(), "random_plane": inside_any[:first].min(), "of": first},
        "principal_angle": {
            "value": np.median(angles),
            "last_but_two": angles[first - 1],
            "largest": angles[-1],
            "random_plane": np.median(angles_any),
        },
        "basis": {"value": _best_match(axes, learned), "random_basis": _best_match(axes, mixed.T)},
    }


def _best_match(axes, others):
    """The mean over axes (d, D) of the largest |cosine| with one of others (k, D)."""
    cosines = axes @ (others / np.linalg.norm(others, axis=1, keepdims=True)).T
    return np.mean(np.abs(cosines).max(axis=1))


def show(model, images):
    """Images, their reconstructions, new images of codes drawn from the fitted Gaussian, some of the directions."""
    return [
        ("images", images, None),
        ("reconstructed", model.predict(images), None),
        ("samples", model.sample(len(images)), None),
        ("directions", pictures_of(directions(model)[: len(images)]), None),
    ]
