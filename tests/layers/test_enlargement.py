import keras
import numpy as np
import pytest
from PIL import Image

from keras_ssl.layers import BicubicEnlargement, PixelShuffle

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_is_pillows(scale):
    images = RNG.uniform(0, 255, (2, 7, 5, 3)).astype("float32")
    answer = BicubicEnlargement(scale)(images)
    assert answer.shape == (2, 7 * scale, 5 * scale, 3)
    for image, large in zip(images, answer, strict=True):
        for c in range(3):
            right = Image.fromarray(image[..., c], "F").resize((5 * scale, 7 * scale), Image.Resampling.BICUBIC)
            np.testing.assert_allclose(large[..., c], right, atol=0.3)  # TensorFlow's kernel is a table of 1024 steps


@pytest.mark.parametrize("scale", [2, 3])
def test_pixel_shuffle_is_that_of_a_loop(scale):
    maps = RNG.normal(size=(2, 3, 5, scale * scale * 3)).astype("float32")
    right = np.zeros((2, 3 * scale, 5 * scale, 3), "float32")
    for i in range(3 * scale):
        for j in range(5 * scale):
            for c in range(3):
                channel = ((i % scale) * scale + j % scale) * 3 + c
                right[:, i, j, c] = maps[:, i // scale, j // scale, channel]
    np.testing.assert_array_equal(PixelShuffle(scale)(maps), right)


@pytest.mark.parametrize("layer", [BicubicEnlargement, PixelShuffle])
def test_the_size_may_be_known_at_run_time_only(layer):
    inputs = keras.Input((None, None, 9))
    model = keras.Model(inputs, layer(3)(inputs))
    assert model.output_shape == (None, None, None, 9 if layer is BicubicEnlargement else 1)
    for height, width in ((1, 1), (4, 3)):
        assert model(np.zeros((2, height, width, 9), "float32")).shape[1:3] == (3 * height, 3 * width)
    assert layer.from_config(layer(3).get_config()).scale == 3
