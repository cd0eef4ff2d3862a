import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl.layers import ShorterSide


@pytest.mark.parametrize(
    ("given", "right"),
    [((32, 32), (32, 32)), ((64, 48), (43, 32)), ((20, 100), (32, 160)), ((8, 8), (32, 32)), ((33, 32), (33, 32))],
)
def test_the_shorter_side_is_as_asked_for(given, right):
    layer = ShorterSide(32)
    images = np.random.default_rng(0).uniform(0, 255, (2, *given, 3)).astype("float32")
    resized = layer(images)
    assert resized.shape == (2, *right, 3) == layer.compute_output_shape(images.shape)
    dynamic = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))])(images)
    np.testing.assert_allclose(dynamic, resized, atol=1e-2)
    if min(given) == 32:
        np.testing.assert_array_equal(resized, images)
    assert resized.numpy().min() >= 0 and abs(resized.numpy().mean() - images.mean()) < 3


def test_what_is_made_smaller_is_averaged():
    fine = np.indices((64, 64)).sum(axis=0) % 2 * 255.0  # a chequerboard of single pixels: grey from afar
    small = ShorterSide(16)(fine.reshape(1, 64, 64, 1).astype("float32")).numpy()
    np.testing.assert_allclose(small[0, 2:-2, 2:-2], 127.5, atol=1)


def test_without_a_side_pictures_stay():
    images = np.ones((2, 5, 7, 3), "float32")
    layer = ShorterSide()
    assert layer(images).shape == images.shape == layer.compute_output_shape(images.shape)
    again = ShorterSide.from_config(ShorterSide(24).get_config())
    assert again.side == 24 and again(keras.Input((None, None, 3))).shape == (None, None, None, 3)
