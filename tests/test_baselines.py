import numpy as np
import pytest
from scipy import stats

from keras_ssl import baselines, data, transfer, views


def test_pca_rebuilds_like_a_singular_value_decomposition():
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 256, (n, 4, 4, 1)).astype("uint8") for n in (40, 10))
    x, t = train.reshape(40, -1) / 255, test.reshape(10, -1) / 255
    mean = x.mean(axis=0)
    axes = np.linalg.svd(x - mean, full_matrices=False)[2][:5]
    rest = (t - mean) - (t - mean) @ axes.T @ axes
    assert baselines.pca_error(baselines.pca(train, 5), test) == pytest.approx(np.mean(rest**2), rel=1e-4)
    assert baselines.pca(train[:3], 5).n_components_ == 3


def test_patches_of_few_kinds_are_rebuilt_exactly():
    kinds = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3))

    def tiles(seed):
        return kinds[np.random.default_rng(seed).integers(0, 5, (30, 2, 2))].swapaxes(2, 3).reshape(30, 8, 8, 3)

    train, test = tiles(1), tiles(2)
    assert baselines.patches_error(train, test, (2, 2), 5) < 1e-9
    mean = train.reshape(30, 2, 4, 2, 4, 3).mean(axis=(0, 1, 3))
    right = np.mean((test / 255 - np.tile(mean, (2, 2, 1)) / 255) ** 2)
    assert baselines.patches_error(train, test, (2, 2), 1) == pytest.approx(right, rel=0.02)
    longer = [np.concatenate([images, 0 * images[:, :1]], axis=1) for images in (train, test)]
    assert baselines.patches_error(*longer, (2, 2), 5) < 1e-9  # what doesn't fill a patch is left out


def test_pixels_are_the_pixels():
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 2)).astype("uint8")
    np.testing.assert_array_equal(transfer.features(baselines.pixels((4, 5, 2)), images), images.reshape(3, -1))


def test_few_labels_stand_beside_raw_pixels():
    dataset = data.open("mnist_sample")
    found = baselines.few_labels(baselines.pixels((28, 28, 1)), dataset, draws=2)
    each = [transfer.probe(baselines.pixels((28, 28, 1)), dataset, 50, seed=seed)["accuracy"] for seed in (0, 1)]
    assert found["value"] == found["raw_pixels"] == pytest.approx(np.mean(each))
    assert found["labels"] == max(50, round(0.01 * dataset.count("train"))) == 50 and found["draws"] == 2


def test_independent_pixels_is_the_bernoulli_likelihood_of_each_pixel_s_own_chance():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 256, (20, 3, 4, 1)).astype("uint8")
    black_and_white = rng.integers(0, 2, (6, 3, 4, 1)).astype("uint8")
    chance = (train.sum(axis=0) / 255 + 0.5) / 21
    right = -stats.bernoulli.logpmf(black_and_white, chance).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(baselines.independent_pixels(train, black_and_white * 255), right)


def test_of_grey_images_it_is_the_expectation_over_their_binarisation():
    grey = np.random.default_rng(0).integers(0, 256, (2, 3, 3, 1)).astype("uint8")
    drawn = [baselines.independent_pixels(grey, views.binarise(grey, [0, i]).numpy()) for i in range(2000)]
    assert np.mean(drawn, axis=0) == pytest.approx(baselines.independent_pixels(grey, grey), abs=0.15)
