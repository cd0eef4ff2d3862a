"""The DCGAN networks: shapes, ranges, names."""

import numpy as np
import pytest

from keras_ssl import architectures
from keras_ssl.architectures.dcgan import dcgan_generator


def test_the_encoder_takes_any_size_and_names_its_blocks():
    encoder = architectures.build("dcgan", widths=[4, 6, 8, 10])
    assert encoder.predict(np.zeros((2, 32, 48, 3)), verbose=0).shape == (2, 4, 6, 10)
    assert encoder.predict(np.zeros((1, 33, 40, 3)), verbose=0).shape == (1, 5, 5, 10)
    sides = {"block1a": 32, "block1": 16, "block2a": 16, "block2": 8, "block3a": 8, "block3": 4, "block4": 4}
    encoder = architectures.build("dcgan", (32, 32, 1), widths=[4, 6, 8, 10])
    assert {name: encoder.get_layer(name).output.shape[1] for name in sides} == sides


def test_the_encoder_takes_pixels_in_0_to_255():
    encoder = architectures.build("dcgan")
    assert encoder.name == "encoder"
    grey = np.full((1, 32, 32, 3), 127.5, "float32")
    assert np.allclose(encoder.predict(grey, verbose=0), 0)  # the middle of the range, without biases yet
    white = encoder.predict(np.full((1, 32, 32, 3), 255.0, "float32"), verbose=0)
    assert 0.05 < np.abs(white).mean() < 20


@pytest.mark.parametrize("shape", [(32, 32, 3), (28, 28, 1), (30, 17, 3)])
def test_the_generator_makes_images_of_any_size(shape):
    generator = dcgan_generator(5, shape, widths=[8, 6, 4, 4])
    noise = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    images = np.asarray(generator(noise, training=True))
    assert generator.name == "generator" and images.shape == (3, *shape) and images.dtype == np.float32
    assert 0 <= images.min() < 100 and 155 < images.max() <= 255
    assert images.std(axis=0).mean() > 1  # each noise makes its own
