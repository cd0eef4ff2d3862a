import numpy as np
import pytest
from scipy import stats

from keras_ssl import baselines, views


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
