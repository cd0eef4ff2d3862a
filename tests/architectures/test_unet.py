import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures
from keras_ssl.architectures.unet import unet
from keras_ssl.errors import InputError

WIDTHS = (5, 6, 7, 8)


def whole(encoder):
    encoder, decoder = unet(encoder, WIDTHS)
    return keras.Model(encoder.input, decoder([encoder.input, *keras.tree.flatten(encoder(encoder.input))]))


@pytest.mark.parametrize("size", [(32, 32), (33, 17), (1, 50), (7, 7)])
def test_the_decoder_gives_maps_of_the_images_size(size, tiny):
    answer = whole(tiny())(np.zeros((2, *size, 3), "float32"))
    assert answer.shape == (2, *size, 5) and np.isfinite(answer).all()


def test_it_looks_at_the_image_and_at_each_map(tiny, photos):
    encoder, decoder = unet(tiny(), WIDTHS)
    maps = [tf.constant(photos[:2], tf.float32), *encoder(photos[:2])]
    assert [m.shape[1:3] for m in maps] == [(32, 32), (32, 32), (16, 16), (8, 8), (4, 4)]
    with tf.GradientTape() as tape:
        tape.watch(maps)
        answer = tf.reduce_sum(decoder(maps))
    assert all(np.abs(g).max() > 0 for g in tape.gradient(answer, maps))


def test_its_weights_are_of_the_widths_given(tiny):
    _, decoder = unet(tiny(), WIDTHS)
    kernels = {layer.name: layer.kernel.shape for layer in decoder.layers if hasattr(layer, "kernel")}
    assert kernels == {
        "up_deepest": (1, 1, 4, 8),
        "up_block2": (3, 3, 8 + 4, 7),
        "up_block1": (3, 3, 7 + 4, 6),
        "up_a": (3, 3, 6 + 3 + 8, 5),
        "up": (3, 3, 5, 5),
    }


def test_an_encoder_of_unknown_blocks_is_met_too(photos):
    images = keras.Input((None, None, 3))
    other = keras.Model(images, keras.layers.Conv2D(3, 3, strides=2, padding="same")(images), name="mine")
    assert whole(other)(photos[:2]).shape == (2, 32, 32, 5)
    dcgan = whole(architectures.build("dcgan", widths=(4, 4, 4, 4)))
    assert dcgan(photos[:2]).shape == (2, 32, 32, 5)


def test_what_cannot_be_decoded_is_told(tiny):
    with pytest.raises(InputError, match="4 widths"):
        unet(tiny(), (8, 8))
    with pytest.raises(InputError, match="map"):
        unet(architectures.build("mlp", (8, 8, 3)))
