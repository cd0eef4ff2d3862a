import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import colour

# sRGB -> Lab under D65, as published (Lindbloom's and other calculators give these to two decimals).
KNOWN = {
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 255): (100, 0, 0),
    (0, 0, 0): (0, 0, 0),
    (119, 119, 119): (50.03, 0, 0),
    (0, 255, 255): (91.11, -48.09, -14.13),
    (255, 0, 255): (60.32, 98.23, -60.82),
    (255, 255, 0): (97.14, -21.55, 94.48),
}


@pytest.mark.parametrize("rgb", KNOWN)
def test_known_colours(rgb):
    lab = np.asarray(colour.rgb_to_lab(np.array([rgb], "uint8")))[0]
    np.testing.assert_allclose(lab, KNOWN[rgb], atol=0.05)
    np.testing.assert_allclose(colour.lightness(np.array([rgb], "uint8"))[0], KNOWN[rgb][:1], atol=0.01)
    np.testing.assert_allclose(colour.lab_to_rgb(np.array([KNOWN[rgb]], "float32"))[0], rgb, atol=0.5)


def test_there_and_back_is_the_same():
    rgb = np.stack(np.meshgrid(*[np.linspace(0, 255, 18)] * 3), axis=-1).astype("float32")
    lab = colour.rgb_to_lab(rgb)
    assert lab.shape == rgb.shape
    np.testing.assert_allclose(colour.lab_to_rgb(lab), rgb, atol=0.05)


def test_grey_has_no_colour():
    grey = np.repeat(np.arange(256)[:, None], 3, axis=1)
    lab = np.asarray(colour.rgb_to_lab(grey))
    np.testing.assert_allclose(lab[:, 1:], 0, atol=2e-3)
    assert (np.diff(lab[:, 0]) > 0).all()


def test_colours_outside_the_gamut_are_clipped():
    rgb = np.asarray(colour.lab_to_rgb(np.array([[50, 200, 0], [120, 0, 0], [-5, 0, 0], [50, 0, -200]], "float32")))
    assert rgb.min() >= 0 and rgb.max() <= 255 and np.isfinite(rgb).all()
    np.testing.assert_allclose(rgb[1], 255, atol=1e-3)
    np.testing.assert_allclose(rgb[2], 0, atol=1e-3)


@pytest.mark.parametrize("function", [colour.rgb_to_lab, colour.lightness])
def test_gradients_are_finite_at_both_ends(function):
    rgb = tf.constant([[0.0, 0, 0], [255, 255, 255], [0, 128, 255]])
    with tf.GradientTape() as tape:
        tape.watch(rgb)
        value = tf.reduce_sum(function(rgb))
    gradient = tape.gradient(value, rgb).numpy()
    assert np.isfinite(gradient).all() and (np.abs(gradient).sum(axis=-1) > 0).all()


def test_gradient_back_is_finite_at_black_and_white():
    lab = tf.constant([[0.0, 0, 0], [100, 0, 0], [50, 20, -20]])
    with tf.GradientTape() as tape:
        tape.watch(lab)
        value = tf.reduce_sum(colour.lab_to_rgb(lab))
    assert np.isfinite(tape.gradient(value, lab)).all()
