"""Fréchet distance between two sets of images, on features of them.

Heusel et al., NeurIPS 2017, arXiv:1706.08500: fit a Gaussian to each set of features and take the squared 2-Wasserstein
distance between the two (Dowson and Landau, 1982):

    |m - m'|² + tr(C + C' - 2 (C^½ C' C^½)^½)

The features are a network's; a distance is comparable only with others on the same features and as many images, for a
few images make it larger.
"""

import numpy as np
import scipy.linalg

from . import zoo
from .errors import InputError


def distance(features, others):
    """Distance between two sets of features (n, d) and (m, d): 0 for equal means and covariances, no upper limit.

    Raises InputError for features that aren't two matrices of the same width with two rows or more.
    """
    features, others = np.asarray(features, "float64"), np.asarray(others, "float64")
    shapes = features.shape, others.shape
    if {len(shape) for shape in shapes} != {2} or shapes[0][1] != shapes[1][1] or min(len(features), len(others)) < 2:
        raise InputError(f"features are (n, d) and (m, d) with n and m at least 2, got {shapes[0]} and {shapes[1]}")
    moments = [(x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False))) for x in (features, others)]
    return between_gaussians(*moments[0], *moments[1])


def between_gaussians(mean, covariance, mean2, covariance2):
    """Distance between two Gaussians, of means (d,) and covariances (d, d)."""
    root = _square_root(covariance)
    # tr (C^½ C' C^½)^½ is the sum of the singular values of C^½ C'^½, which needs no root of tiny eigenvalues.
    overlap = scipy.linalg.svdvals(root @ _square_root(covariance2)).sum()
    value = np.sum((mean - mean2) ** 2) + np.trace(covariance) + np.trace(covariance2) - 2 * overlap
    return float(max(value, 0.0))  # rounding may leave a little less than nothing


def _square_root(covariance):
    """The symmetric square root; eigenvalues that rounding made negative count as 0."""
    values, vectors = scipy.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def pca_gaussian(images, n, components=64, seed=0):
    """n images (n, H, W, C), float32 in 0..255, of a Gaussian in the space of the images' first principal components.

    What sampling reaches without a network. images: (N, H, W, C) in 0..255; fewer components where they have no more.
    """
    from sklearn.decomposition import PCA

    flat = np.asarray(images, "float32").reshape(len(images), -1)
    pca = PCA(min(components, *flat.shape), svd_solver="randomized", random_state=seed, copy=False).fit(flat)
    codes = np.random.default_rng(seed).normal(size=(n, pca.n_components_)) * np.sqrt(pca.explained_variance_)
    return np.clip(pca.inverse_transform(codes), 0, 255).astype("float32").reshape(n, *images.shape[1:])


def of_samples(sample, dataset, judge="supervised"):
    """How near as many samples as there are test images come to these, for the zoo's classifier `judge`.

    sample: a function n -> images (n, H, W, C) in 0..255; dataset: a keras_ssl.data.DataSet with "train" and "test".

    Returns {"frechet": the distance on the judge's pooled features, beside that of the Gaussian of 64 principal
    components and that of as many training images, the least one could ask for; "smallest_class_share": the share of
    the samples in the class that has fewest, beside an even one}.

    Raises InputError where the zoo has no entry `judge` or the images of the data set differ in size.
    """
    (train, _), (test, _) = dataset.arrays("train"), dataset.arrays("test")
    samples, gaussian = sample(len(test)), pca_gaussian(train, len(test))
    encoder = zoo.encoder(judge, pooling="avg")
    truth, *others = (encoder.predict(i, batch_size=500) for i in (test, samples, gaussian, train[: len(test)]))
    value, pca64_gaussian, train_images = (distance(features, truth) for features in others)
    logits = zoo.load(judge).predict(samples, batch_size=500)
    shares = np.bincount(logits.argmax(axis=-1), minlength=logits.shape[-1]) / len(samples)
    return {
        "frechet": {"value": value, "pca64_gaussian": pca64_gaussian, "train_images": train_images},
        "smallest_class_share": {"value": float(shares.min()), "even": 1 / len(shares)},
    }
