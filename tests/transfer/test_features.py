import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data, zoo
from keras_ssl.errors import InputError
from keras_ssl.transfer import blocks, features, open_encoder
from keras_ssl.transfer.encoders import check_fits, open_both, untrained
from keras_ssl.transfer.extraction import AdaptiveAveragePooling


def identity(shape=(None, None, 1)):
    images = keras.Input(shape)
    return keras.Model(images, keras.layers.Rescaling(1.0, name="same")(images), name="encoder")


def test_adaptive_pooling_by_hand():
    # Length 4 in 3 cells: places 0-1, 1-2, 2-3, as floor(4i/3) and ceil(4(i+1)/3) say.
    column = np.array([1.0, 2.0, 4.0, 8.0], "float32")
    maps = (column[:, None] * np.array([1.0, 10.0, 100.0, 1000.0], "float32"))[None, :, :, None]
    cells = AdaptiveAveragePooling(3)(maps).numpy()[0, :, :, 0]
    np.testing.assert_allclose(cells, np.outer([1.5, 3.0, 6.0], [5.5, 55.0, 550.0]), rtol=1e-6)
    # Length 8 in 3 cells: 0-2, 2-5, 5-7.
    line = np.arange(8, dtype="float32")[None, :, None, None]
    np.testing.assert_allclose(AdaptiveAveragePooling(3)(line).numpy()[0, :, 0, 0], [1.0, 3.5, 6.0], rtol=1e-6)


def test_smaller_maps_stay_and_larger_ones_shrink():
    images = np.arange(2 * 2 * 5, dtype="uint8").reshape(1, 2, 2, 5)[..., :1]
    np.testing.assert_allclose(features(identity(), images), images.reshape(1, 4))
    assert features(identity(), np.zeros((3, 7, 2, 1), "uint8")).shape == (3, 6)


def test_features_of_a_block_are_that_layers_output(tiny, photos):
    encoder = tiny()
    assert blocks(encoder) == ["stem", "block1a", "block1", "block2a", "block2", "block3a", "block3"]
    part = keras.Model(encoder.input, encoder.get_layer("block3a").output)
    maps = part.predict(photos[:5], verbose=0)
    pooled = AdaptiveAveragePooling(3)(maps).numpy().reshape(5, -1)
    found = features(encoder, photos[:5], "block3a", batch_size=2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, pooled, atol=1e-5)


def test_a_stream_with_labels_gives_the_same_as_an_array(tiny, photos):
    stream = tf.data.Dataset.from_tensor_slices((photos[:6], np.arange(6)))
    encoder = tiny()
    np.testing.assert_allclose(features(encoder, stream, batch_size=4), features(encoder, photos[:6]), atol=1e-5)


def test_blocks_of_a_foreign_network_are_its_resolutions():
    images = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255, name="scale")(images)
    x = keras.layers.Conv2D(2, 3, strides=2, name="first")(x)
    x = keras.layers.ReLU(name="first_out")(x)
    x = keras.layers.Conv2D(2, 3, strides=2, name="second")(x)
    assert blocks(keras.Model(images, x)) == ["first_out", "second"]


def test_encoders_open_by_name_file_and_model(tiny, photos, own_zoo, tmp_path):
    encoder = tiny()
    zoo.save(encoder, "mine")
    want = features(encoder, photos[:3])
    np.testing.assert_allclose(features(open_encoder("mine"), photos[:3]), want, atol=1e-5)
    np.testing.assert_allclose(
        features(open_encoder(str(own_zoo / "mine" / "model.keras")), photos[:3]), want, atol=1e-5
    )
    classifier = keras.Model(encoder.input, keras.layers.Flatten()(encoder(encoder.input)[:, :1, :1]))
    np.testing.assert_allclose(features(open_encoder(classifier), photos[:3]), want, atol=1e-5)


def test_untrained_encoders_repeat_with_their_seed_and_have_fresh_weights(tiny, photos):
    dataset = data.open({"train": photos})
    one, same, other = (open_encoder("random:convnet", dataset, seed) for seed in (0, 0, 1))
    block = "block2"
    np.testing.assert_array_equal(features(one, photos[:2], block), features(same, photos[:2], block))
    assert np.abs(features(one, photos[:2], block) - features(other, photos[:2], block)).max() > 0.01
    encoder = tiny()
    fresh = untrained(encoder, dataset, seed=3)
    kernels = [model.get_layer("block1_conv").kernel.numpy() for model in (encoder, fresh)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01
    whitened = features(fresh, photos, "stem", grid=32)
    assert 0.1 < whitened.std() < 2  # adapted to the photos: unit variance before the rectifier


def test_images_are_opened_as_the_encoder_takes_them():
    grey = data.open({"train": np.zeros((8, 28, 28), "uint8")})
    _, dataset = open_both(identity((20, 20, 3)), {"train": np.zeros((8, 28, 28), "uint8")})
    assert dataset.shape == (20, 20, 3)
    with pytest.raises(InputError, match="takes images of anyxanyx3, these are 28x28x1"):
        features(identity((None, None, 3)), grey.stream("train"))
    check_fits(identity((None, None, 1)), (5, 9, 1))


def test_wrong_names_are_said_with_the_nearest(tiny, photos):
    with pytest.raises(InputError, match="did you mean block3"):
        features(tiny(), photos, "block3x")
    with pytest.raises(InputError, match="unknown zoo entry"):
        open_encoder("rotatoin_of_nobody")
    with pytest.raises(InputError, match="unknown architecture"):
        open_encoder("random:convent")
    with pytest.raises(InputError, match="there is no model file"):
        open_encoder("missing.keras")
    with pytest.raises(InputError, match="unknown network of keras.applications 'ResNet5O'"):
        open_encoder("keras.applications:ResNet5O")


def test_weights_that_cannot_be_downloaded_are_one_line(monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no network\nat all")

    fail.__module__ = keras.applications.MobileNetV3Small.__module__
    monkeypatch.setattr(keras.applications, "MobileNetV3Small", fail)
    with pytest.raises(InputError, match="couldn't be downloaded") as raised:
        open_encoder("keras.applications:MobileNetV3Small")
    assert "\n" not in str(raised.value)
