import keras
import numpy as np
import pytest

from keras_ssl import colour
from keras_ssl.layers import Lightness, PatchWhitening, ResizeLike


def patches_of(images):
    """All 2x2 patches of (N, H, W, C) as rows, by hand."""
    n, h, w, c = images.shape
    return np.array(
        [images[k, i : i + 2, j : j + 2].ravel() for k in range(n) for i in range(h - 1) for j in range(w - 1)]
    )


def whitened(images, filters):
    layer = PatchWhitening(filters, 2, padding="same")
    layer.build((None, *images.shape[1:]))
    layer.adapt(images)
    return layer


def test_whitened_patches_have_identity_covariance(photos):
    images = photos[:8, ::2, ::2] / 64.0 - 2
    layer = whitened(images, 30)
    kernel = layer.kernel.numpy().reshape(12, 30)
    answers = patches_of(images) @ kernel
    for directions in (answers[:, :12], answers[:, 12:24]):
        covariance = np.cov(directions, rowvar=False)
        # The directions of least variance are damped, by a ten-thousandth of the greatest variance.
        assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-3
        assert (np.diag(covariance)[:6] > 0.98).all() and np.diag(covariance).max() < 1.001
    np.testing.assert_allclose(answers[:, 12:24], -answers[:, :12], atol=1e-4)
    rotated = np.cov(answers[:, 24:], rowvar=False)  # further filters: other directions of the same space
    np.testing.assert_allclose(np.diag(rotated), 1, atol=0.15)
    # The layer applied to images gives those answers, but at its last row and column, where it sees padding.
    inside = layer(images.astype("float32")).numpy()[:, :-1, :-1]
    np.testing.assert_allclose(inside.reshape(-1, 30), answers, atol=1e-3)


def test_whitening_of_grey_pictures_in_three_channels(photos):
    grey = np.repeat(photos[:8, ::2, ::2].mean(axis=-1, keepdims=True), 3, axis=-1) / 64 - 2
    kernel = whitened(grey, 24).kernel.numpy().reshape(12, 24)
    assert np.isfinite(kernel).all() and np.abs(kernel).max() < 1e3
    answers = patches_of(grey) @ kernel
    np.testing.assert_allclose(answers[:, :4].var(axis=0), 1, atol=0.15)  # four pixels: four directions
    np.testing.assert_allclose(answers[:, 4:8], -answers[:, :4], atol=1e-3)


def test_whitening_is_the_same_each_time(photos):
    one, two = (whitened(photos[:4], 40).kernel.numpy() for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_lightness_is_grey_and_keeps_grey(photos):
    answer = Lightness()(photos[:4]).numpy()
    assert answer.shape == (4, 32, 32, 3)
    np.testing.assert_array_equal(answer[..., 0], answer[..., 2])
    np.testing.assert_allclose(answer[..., :1], 2.55 * np.asarray(colour.lightness(photos[:4])), rtol=1e-6)
    ends = Lightness()(np.array([[[[0, 0, 0], [255, 255, 255]]]], "float32")).numpy()
    np.testing.assert_allclose(ends[0, 0], [[0, 0, 0], [255, 255, 255]], atol=1e-3)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_resize_like_takes_the_second_size_at_run_time(interpolation):
    small, like = keras.Input((None, None, 1)), keras.Input((None, None, 5))
    model = keras.Model([small, like], ResizeLike(interpolation)([small, like]))
    ramp = np.arange(4, dtype="float32").reshape(1, 2, 2, 1)
    for size in ((4, 4), (3, 5), (2, 2)):
        answer = model([ramp, np.zeros((1, *size, 5), "float32")]).numpy()
        assert answer.shape == (1, *size, 1)
    np.testing.assert_array_equal(answer, ramp)  # to its own size: as it was
    doubled = model([ramp, np.zeros((1, 4, 4, 5), "float32")]).numpy()[0, :, :, 0]
    if interpolation == "nearest":
        np.testing.assert_array_equal(doubled, np.kron([[0, 1], [2, 3]], np.ones((2, 2))))
    else:  # half-pixel centres: a quarter of the way
        np.testing.assert_allclose(doubled[0], [0, 0.25, 0.75, 1], atol=1e-6)
        np.testing.assert_allclose(doubled[:, 0], [0, 0.5, 1.5, 2], atol=1e-6)
    again = ResizeLike.from_config(ResizeLike(interpolation).get_config())
    assert again.interpolation == interpolation
