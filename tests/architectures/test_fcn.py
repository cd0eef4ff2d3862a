import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, zoo
from keras_ssl.architectures.fcn import DOWN, UP, fcn, fcn_decoder, maps_by_scale
from keras_ssl.errors import InputError


def whole(encoder, **options):
    encoder, decoder = fcn_decoder(encoder, **options)
    return keras.Model(encoder.input, decoder([encoder.input, *keras.tree.flatten(encoder(encoder.input))]))


def own(down="pooling", widths=(3, 4, 5, 6)):
    return fcn(widths=widths, down=down)


@pytest.mark.parametrize("down", DOWN)
def test_each_block_halves_the_image(down):
    encoder = own(down)
    shapes = encoder.compute_output_shape((1, 33, 17, 3))
    assert shapes == (1, 5, 3, 6) and encoder.name == "encoder"
    named, pools, depth = maps_by_scale(encoder)
    assert depth == 3 and {scale: maps.shape[-1] for scale, maps in named.items()} == {0: 3, 1: 4, 2: 5, 3: 6}
    assert {scale: maps.shape[-1] for scale, maps in pools.items()} == ({} if down == "strided" else {0: 3, 1: 4, 2: 5})


@pytest.mark.parametrize("size", [(32, 32), (33, 17), (1, 50), (7, 7)])
@pytest.mark.parametrize("up", UP)
@pytest.mark.parametrize("skips", [True, False])
def test_every_way_up_gives_maps_of_the_images_size(up, skips, size):
    model = whole(own(), up=up, skips=skips, width=5)
    assert model.output_shape == (None, None, None, 5)
    answer = model(np.zeros((2, *size, 3), "float32"))
    assert answer.shape == (2, *size, 5) and np.isfinite(answer).all()


@pytest.mark.parametrize("up", UP)
def test_skips_are_what_the_decoder_sees_beside_the_deepest_map(up, photos):
    for skips in (True, False):
        encoder, decoder = fcn_decoder(own(), up=up, skips=skips, width=4)
        maps = [
            tf.identity(each)
            for each in [tf.constant(photos[:2], tf.float32), *keras.tree.flatten(encoder(photos[:2]))]
        ]
        remembered = 3 if up == "max_unpooling" else 0  # the maps that pooling halved
        assert len(maps) == 2 + 3 * skips + remembered
        with tf.GradientTape() as tape:
            tape.watch(maps)
            answer = tf.reduce_sum(decoder(maps) ** 2)
        found = tape.gradient(answer, maps)
        reached = [gradient is not None and bool(np.abs(gradient).max() > 0) for gradient in found]
        assert reached == [skips, *[True] * (3 * skips), *[False] * remembered, True]


def test_max_unpooling_moves_with_the_maxima():
    """Where the image's maxima stand differently, the same deepest map is laid out differently."""
    encoder, decoder = fcn_decoder(own(), up="max_unpooling", skips=False, width=4)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (1, 16, 16, 3)).astype("float32")
    maps = [images, *(np.asarray(each) for each in encoder(images))]
    same = decoder(maps)
    maps[1] = maps[1][:, ::-1]
    assert not np.allclose(same, decoder(maps))


@pytest.mark.parametrize("name", ["rotation", "colorizer", "conv_autoencoder"])
@pytest.mark.parametrize("up", ["nearest", "max_unpooling"])
def test_on_an_encoder_of_the_zoo(name, up, photos):
    inner = architectures.to_maps(zoo.encoder(name))
    model = whole(inner, up=up, width=4)
    assert model(photos[:2, :31, :27].astype("float32")).shape == (2, 31, 27, 4)
    encoder = model.get_layer("encoder")
    np.testing.assert_allclose(encoder(photos[:2])[-1], inner(photos[:2]), atol=1e-5)
    assert [maps.shape[1] for maps in encoder(photos[:2])[:3]] == [32, 16, 8]  # met on the way up


def test_encoders_of_other_kinds(photos):
    images = keras.Input((None, None, 3))
    other = keras.Model(images, keras.layers.Conv2D(3, 3, strides=2, padding="same")(images), name="mine")
    assert whole(other, width=4)(photos[:2].astype("float32")).shape == (2, 32, 32, 4)
    same = keras.Model(images, keras.layers.Conv2D(3, 3, padding="same")(images), name="full_size")
    assert whole(same, width=4)(photos[:2].astype("float32")).shape == (2, 32, 32, 4)
    dcgan = architectures.build("dcgan", widths=(4, 4, 4, 4))
    assert whole(dcgan, up="transposed", width=4)(photos[:2].astype("float32")).shape == (2, 32, 32, 4)


def test_what_cannot_be_done_is_told():
    with pytest.raises(InputError, match="unknown way up 'nearst'; did you mean nearest"):
        fcn_decoder(own(), up="nearst")
    with pytest.raises(InputError, match="unknown way down 'stride'; did you mean strided"):
        own("stride")
    with pytest.raises(InputError, match="needs an encoder that halves by max-pooling"):
        fcn_decoder(own("strided"), up="max_unpooling")
    with pytest.raises(InputError, match="gives a map"):
        fcn_decoder(architectures.build("mlp", (8, 8, 3)))
    images = keras.Input((None, None, 3))
    odd = keras.Model(images, keras.layers.Conv2D(3, 3, strides=3, padding="same")(images))
    with pytest.raises(InputError, match="1/2, 1/4, 1/8"):
        fcn_decoder(odd)
