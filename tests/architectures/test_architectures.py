import sys

import keras
import numpy as np
import pytest

from keras_ssl import architectures, colour
from keras_ssl.architectures import applications
from keras_ssl.errors import InputError
from keras_ssl.layers import PatchWhitening
from keras_ssl.models import ImageModel


def refused(*arguments, **options):
    with pytest.raises(InputError) as caught:
        architectures.build(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("size", [(8, 8), (32, 32), (33, 17), (1, 50)])
def test_convnet_takes_any_size(size, tiny):
    encoder = tiny()
    answer = encoder(np.zeros((2, *size, 3), "float32"))
    assert answer.shape == (2, *[-(-s // 8) for s in size], 4)  # an eighth, rounded up
    assert np.isfinite(answer).all()


def test_convnet_names_its_blocks(tiny, photos):
    encoder = tiny(widths=(4, 6))
    assert encoder.name == "encoder"
    sides = {"stem": (32, 8), "block1a": (16, 4), "block1": (16, 4), "block2a": (8, 6), "block2": (8, 6)}
    for block, (side, channels) in sides.items():
        part = keras.Model(encoder.input, encoder.get_layer(block).output)
        features = part(photos[:2]).numpy()
        assert features.shape == (2, side, side, channels)
        assert features.min() >= 0  # after the rectifier


def test_convnet_of_lightness_sees_no_colour(tiny, photos):
    encoder = tiny(colour="lightness")
    rgb = photos[:2].astype("float32")
    lightness = np.asarray(colour.lightness(rgb))
    grey = colour.lab_to_rgb(np.concatenate([lightness, 0 * lightness, 0 * lightness], axis=-1))
    features = encoder(rgb).numpy()
    np.testing.assert_allclose(encoder(grey), features, atol=1e-3 * np.abs(features).max())
    assert np.abs(tiny()(rgb) - tiny()(grey)).max() > 0.01 * np.abs(features).max()


def test_convnet_rescales_inside(tiny):
    encoder = tiny()
    part = keras.Model(encoder.input, encoder.get_layer("rescale").output)
    ends = part(np.array([[[[0, 128, 255]]]], "float32"))
    np.testing.assert_allclose(ends, [[[[-2, 0, 255 / 64 - 2]]]], rtol=1e-6)


@pytest.mark.parametrize("name", sorted({*architectures.ENCODERS}.difference(*architectures.OF.values())))
def test_every_encoder_by_name(name):
    encoder = architectures.build(name, (16, 16, 3))
    assert encoder.name == "encoder" and encoder.input_shape == (None, 16, 16, 3)
    for dtype in ("uint8", "float32"):
        assert np.isfinite(encoder(np.full((1, 16, 16, 3), 200, dtype))).all()
    assert any(layer.name == "block1" for layer in encoder.layers)


def test_what_cannot_be_built_is_told(tmp_path):
    assert "did you mean convnet" in refused("convnets")
    assert "did you mean widths?" in refused("convnet", width=3)
    assert "MobileNetV2" in refused("keras.applications:MobileNetv2")
    assert "RGB" in refused("keras.applications:MobileNetV2", (28, 28, 1))
    assert "size" in refused("mlp", (None, None, 3))
    assert "keras.Input" in refused(keras.Sequential([keras.layers.Conv2D(2, 3)], name="mine"))
    assert "no model file" in refused(str(tmp_path / "none.keras"))


# One network of each kind of preprocessing: "tf" (-1..1), "torch" (ImageNet's mean and deviation), "caffe" (BGR less
# the mean), and none.
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("MobileNetV2", lambda x: x / 127.5 - 1),
        ("DenseNet121", lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        ("VGG16", lambda x: x[..., ::-1] - [103.939, 116.779, 123.68]),
        ("ResNet50", lambda x: x[..., ::-1] - [103.939, 116.779, 123.68]),
        ("EfficientNetB0", lambda x: x),
        ("MobileNetV3Small", lambda x: x),
    ],
)
def test_preprocessing_is_the_networks_own(name, reference):
    images = keras.Input((None, None, 3))
    model = keras.Model(images, keras.layers.Identity()(applications._preprocessing(name)(images)))
    x = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype("float32")
    module = sys.modules[getattr(keras.applications, name).__module__]
    np.testing.assert_allclose(model(x), module.preprocess_input(x.copy()), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(model(x), reference(x), rtol=1e-5, atol=1e-4)


def test_every_network_of_keras_has_a_preprocessing_that_is_affine():
    x = np.random.default_rng(0).integers(0, 256, (1, 3, 3, 3)).astype("float32")
    for name in applications._names():
        module = sys.modules[getattr(keras.applications, name).__module__]
        answer = applications._preprocessing(name)(keras.ops.convert_to_tensor(x))
        np.testing.assert_allclose(answer, module.preprocess_input(x.copy()), rtol=1e-4, atol=1e-4, err_msg=name)


def test_a_network_of_keras_is_an_encoder_that_saves(tmp_path, photos):
    encoder = architectures.build("keras.applications:MobileNetV3Small", alpha=0.35, minimalistic=True)
    assert encoder.name == "encoder" and encoder.input_shape == (None, None, None, 3)
    features = encoder(photos[:2, :, :16])
    assert features.shape[0] == 2 and len(features.shape) == 4
    images = keras.Input((None, None, 3))
    small = keras.Model(images, applications._preprocessing("VGG16")(images), name="encoder")
    small.save(tmp_path / "reversed.keras")  # RGB -> BGR survives the file
    again = architectures.build(str(tmp_path / "reversed.keras"))
    np.testing.assert_allclose(again(photos[:1]), small(photos[:1]), atol=1e-4)


def test_a_model_a_function_or_a_file_as_encoder(tiny, tmp_path, photos):
    model = tiny()
    assert architectures.build(model) is model
    assert architectures.build(tiny, (16, 16, 3)).input_shape == (None, 16, 16, 3)
    outer = keras.Model(model.input, keras.layers.GlobalAveragePooling2D()(model(model.input)))
    for saved in (model, outer):  # the encoder inside, or the model itself
        saved.save(tmp_path / "saved.keras")
        for path in (tmp_path / "saved.keras", str(tmp_path / "saved.keras")):
            encoder = architectures.build(path)
            assert isinstance(encoder, ImageModel) and encoder.name == "encoder"
            np.testing.assert_allclose(encoder(photos[:2]), model(photos[:2]), atol=1e-5)
    # A model of another name is found again inside a bigger one, too.
    own = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3)], name="mine")
    for given in (own, lambda shape: own):
        encoder = architectures.build(given)
        head = keras.Model(encoder.input, keras.layers.GlobalAveragePooling2D()(encoder(encoder.input)))
        np.testing.assert_allclose(architectures.encoder_of(head).predict(photos[:2]), own(photos[:2]), atol=1e-3)


def test_with_skips_gives_the_blocks_and_then_the_output(tiny, photos):
    encoder = tiny()
    block1, block2, out = architectures.with_skips(encoder, ["block1", "block2"])(photos[:2])
    assert block1.shape == (2, 16, 16, 4) and block2.shape == (2, 8, 8, 4)
    np.testing.assert_array_equal(out, encoder(photos[:2]))
    inner = architectures.encoder_of(architectures.with_skips(encoder, ["block1"]))
    np.testing.assert_allclose(inner.predict(photos[:2]), out, atol=1e-6)  # the last output is the encoder's own


def test_pooled():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    np.testing.assert_allclose(architectures.pooled(x), x.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(architectures.pooled(x, "max"), x.max(axis=(1, 2)))
    assert architectures.pooled(x[:, 0, 0]) is not None and architectures.pooled(x[:, 0, 0]).shape == (2, 5)
    with pytest.raises(InputError, match="avg"):
        architectures.pooled(x, "average")


def test_adapt_reaches_layers_inside_inner_models(tiny, photos):
    encoder = tiny()
    model = keras.Model(encoder.input, keras.layers.GlobalAveragePooling2D()(encoder(encoder.input)))
    architectures.adapt(model, photos[:16])
    seen = keras.Model(encoder.input, encoder.get_layer("rescale").output)(photos[:16]).numpy()
    reference = PatchWhitening(8, 2, padding="same")
    reference.build((None, 32, 32, 3))
    reference.adapt(seen)
    np.testing.assert_allclose(encoder.get_layer("whitening").kernel, reference.kernel, atol=1e-5)
