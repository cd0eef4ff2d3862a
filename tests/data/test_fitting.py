import numpy as np
import pytest
import tensorflow as tf

from keras_ssl.data.fitting import fit

RAMP = np.broadcast_to(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], (20, 60, 3))


def test_the_shorter_side_is_resized_and_the_centre_kept():
    image = fit(tf.constant(RAMP), (10, 10), None).numpy()
    assert image.shape == (10, 10, 3)
    # Column i of the result covers columns 20 + 2i and 21 + 2i of the ramp.
    np.testing.assert_allclose(image[5, :, 0], 4 * (20.5 + 2 * np.arange(10)), atol=1)


def test_unknown_sizes_are_fitted_too():
    fitted = tf.function(lambda image: fit(image, (10, 10), None), [tf.TensorSpec((None, None, 3), tf.uint8)])
    np.testing.assert_array_equal(fitted(RAMP), fit(tf.constant(RAMP), (10, 10), None))
    same = np.random.default_rng(0).integers(0, 256, (10, 10, 3), np.uint8)
    np.testing.assert_array_equal(fitted(same), same)


def test_shrinking_is_antialiased():
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 200
    assert abs(fit(tf.constant(stripes), (8, 8), None).numpy()[2:6, 2:6].astype(int) - 100).max() <= 2


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (1, 1), (33, 32)])
def test_any_shape_comes_out_in_the_size_asked_for(shape):
    assert fit(tf.zeros((*shape, 3), tf.uint8), (5, 4), 1).shape == (5, 4, 1)


def test_channels():
    colour = tf.constant([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], tf.uint8)
    assert fit(colour, None, 1).numpy().ravel().tolist() == [76, 150, 29]
    grey = tf.constant([[[9]]], tf.uint8)
    assert fit(grey, None, 3).numpy().tolist() == [[[9, 9, 9]]]
    assert fit(tf.constant([[[1, 2, 3, 0]]], tf.uint8), None, None).numpy().tolist() == [[[1, 2, 3]]]
    assert fit(tf.constant([[[7, 0]]], tf.uint8), None, 3).numpy().tolist() == [[[7, 7, 7]]]
