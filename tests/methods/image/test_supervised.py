import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data
from keras_ssl.methods.image import supervised


def test_pretext_keeps_each_label_with_its_image():
    images = np.arange(1, 31, dtype="uint8")[:, None, None, None] * np.ones((1, 16, 16, 3), "uint8")
    labels = np.arange(30) % 10
    seen, targets = supervised.pretext((tf.constant(images), tf.constant(labels)), tf.constant([1, 2]))
    assert seen.shape == images.shape and seen.dtype == tf.uint8 and targets.shape == (30, 10)
    np.testing.assert_array_equal(np.argmax(targets, axis=1), labels)
    np.testing.assert_array_equal(np.sum(targets, axis=1), 1)
    for number, image in enumerate(seen.numpy(), start=1):  # its own grey, and the covered square's
        assert set(np.unique(image)) <= {number, 128} and (image == number).sum() >= 3 * (16 * 16 - 4 * 4)


def test_classes_is_an_option(tiny, photos):
    model = supervised.build(tiny(), classes=3)
    assert model.predict(photos[:2]).shape == (2, 3)
    _, targets = supervised.pretext((tf.constant(photos[:2]), tf.constant([2, 0])), tf.constant([1, 2]), classes=3)
    np.testing.assert_array_equal(targets, [[0, 0, 1], [1, 0, 0]])


class Brightness:
    """A model that takes an image's first value for its class."""

    output_shape = (None, 4)

    def predict(self, images, **options):
        return np.eye(4)[images[:, 0, 0, 0]]


def test_measure_is_accuracy():
    images = np.array([0, 1, 2, 3, 0], "uint8")[:, None, None, None] * np.ones((1, 4, 4, 3), "uint8")
    pair = (images, np.array([0, 1, 2, 3, 3]))
    found = supervised.measure(Brightness(), data.open({"train": pair, "test": pair}))["accuracy"]
    assert found == {"value": pytest.approx(0.8), "chance": 0.25}
