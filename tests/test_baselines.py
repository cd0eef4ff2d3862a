import numpy as np
import pytest

from keras_ssl import baselines, data, transfer


def test_pca_rebuilds_like_a_singular_value_decomposition():
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 256, (n, 4, 4, 1)).astype("uint8") for n in (40, 10))
    x, t = train.reshape(40, -1) / 255, test.reshape(10, -1) / 255
    mean = x.mean(axis=0)
    axes = np.linalg.svd(x - mean, full_matrices=False)[2][:5]
    rest = (t - mean) - (t - mean) @ axes.T @ axes
    assert baselines.pca_error(baselines.pca(train, 5), test) == pytest.approx(np.mean(rest**2), rel=1e-4)
    assert baselines.pca(train[:3], 5).n_components_ == 3


def test_pixels_are_the_pixels():
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 2)).astype("uint8")
    np.testing.assert_array_equal(transfer.features(baselines.pixels((4, 5, 2)), images), images.reshape(3, -1))


def test_few_labels_stand_beside_raw_pixels():
    dataset = data.open("mnist_sample")
    found = baselines.few_labels(baselines.pixels((28, 28, 1)), dataset, draws=2)
    each = [transfer.probe(baselines.pixels((28, 28, 1)), dataset, 50, seed=seed)["accuracy"] for seed in (0, 1)]
    assert found["value"] == found["raw_pixels"] == pytest.approx(np.mean(each))
    assert found["labels"] == max(50, round(0.01 * dataset.count("train"))) == 50 and found["draws"] == 2
