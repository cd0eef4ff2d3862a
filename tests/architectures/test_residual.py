"""The residual encoder and decoder."""

import keras
import numpy as np
import pytest

from keras_ssl import architectures
from keras_ssl.architectures.residual import residual_decoder


@pytest.mark.parametrize("size", [(8, 8), (32, 32), (33, 17), (1, 50)])
def test_the_encoder_takes_any_size(size):
    encoder = architectures.build("residual", widths=(4, 6), hidden=2)
    answer = encoder(np.zeros((2, *size, 3), "float32"))
    assert answer.shape == (2, *[-(-s // 4) for s in size], 6) and np.isfinite(answer).all()  # a quarter, rounded up


def test_blocks_are_named_and_add_to_what_they_are_given(photos):
    encoder = architectures.build("residual", widths=(4, 6), hidden=2, blocks=2)
    shapes = {"block1": (16, 16, 4), **{f"block{i}": (8, 8, 6) for i in (2, 3, 4, 5)}}
    parts = {name: keras.Model(encoder.input, encoder.get_layer(name).output)(photos[:2]).numpy() for name in shapes}
    assert {name: part.shape[1:] for name, part in parts.items()} == shapes
    last = encoder.get_layer("block5_conv2")
    last.kernel.assign(keras.ops.zeros_like(last.kernel))
    features = encoder(photos[:2]).numpy()
    np.testing.assert_allclose(features, np.maximum(parts["block4"], 0), atol=1e-5)


@pytest.mark.parametrize(
    ("grid", "shape"),
    [((8, 8), (32, 32, 3)), ((4, 4), (32, 32, 3)), ((8, 5), (30, 17, 3)), ((6, 6), (6, 6, 1)), ((1, 1), (9, 9, 3))],
)
def test_the_decoder_gives_any_size(grid, shape):
    decoder = residual_decoder((*grid, 5), shape, width=8, hidden=2, blocks=1)
    images = decoder.predict(np.random.default_rng(0).normal(size=(2, *grid, 5)), verbose=0)
    assert images.shape == (2, *shape) and images.min() >= 0 and images.max() <= 255
