"""Hiding and filling holes, against loops."""

import numpy as np
import pytest

from keras_ssl.layers import FillHoles, HideHoles


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (3, 7, 9, 3)).astype("float32")


@pytest.fixture
def mask():
    mask = np.zeros((3, 7, 9, 1), "float32")
    mask[0, 2:4, 3:6] = 1
    mask[1, 0:2, 0:3] = mask[1, 5:, 8:] = 1  # two holes, at the image's edges
    mask[2] = 1  # nothing is visible
    return mask


def test_a_hole_gets_the_mean_of_the_visible_pixels_that_touch_it(images, mask):
    hidden = np.asarray(HideHoles()([images, mask]))
    for image, hole, got in zip(images, mask[..., 0], hidden, strict=True):
        border = [
            image[i, j]
            for i in range(7)
            for j in range(9)
            if not hole[i, j] and hole[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].any()
        ]
        expected = np.mean(border, axis=0) if border else 127.5
        np.testing.assert_allclose(got[hole == 1], np.broadcast_to(expected, (int(hole.sum()), 3)), rtol=1e-5)
        np.testing.assert_array_equal(got[hole == 0], image[hole == 0])


def test_what_is_hidden_has_no_influence(images, mask):
    layer = HideHoles("upper")
    other = np.where(mask > 0, np.float32(np.nan), images)
    np.testing.assert_array_equal(layer([images, mask]), layer([other, mask]))
    assert HideHoles.from_config(layer.get_config()).hole == "upper"


def test_a_correction_is_added_in_holes_only(images, mask):
    correction = np.random.default_rng(1).normal(size=(3, 8, 10, 3)).astype("float32")  # larger: cropped
    correction[0, 0, 0] = np.inf
    filled = np.asarray(FillHoles()([images, mask, correction]))
    inside = np.broadcast_to(mask > 0, images.shape)
    np.testing.assert_array_equal(filled[~inside], images[~inside])
    np.testing.assert_allclose(filled[inside], (images + correction[:, :7, :9])[inside])
