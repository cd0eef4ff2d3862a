import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_ssl.errors import InputError
from keras_ssl.models import ImageModel, natural_images

LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def model():
    """Gives pictures back as they arrive."""
    images = keras.Input((None, None, 3))
    return ImageModel(images, keras.layers.Identity()(images), name="mirror")


def test_every_shape_a_picture_may_have(photos):
    rgb = photos[:2, :8, :6].astype("float32")
    grey = rgb[..., :1]
    in_three = np.repeat(grey, 3, axis=-1)
    alpha = np.full((2, 8, 6, 1), 17, "float32")
    cases = {
        "batch of RGB": (rgb, rgb, False),
        "one RGB": (rgb[0], rgb[:1], True),
        "batch of RGBA": (np.concatenate([rgb, alpha], axis=-1), rgb, False),
        "one RGBA": (np.concatenate([rgb, alpha], axis=-1)[0], rgb[:1], True),
        "batch of grey": (grey, in_three, False),
        "batch of grey without channels": (grey[..., 0], in_three, False),
        "one grey": (grey[0], in_three[:1], True),
        "one grey without channels": (grey[0, ..., 0], in_three[:1], True),
        "none": (rgb[:0], rgb[:0], False),
    }
    for name, (given, right, single) in cases.items():
        for form in (given, given.astype("uint8"), given.astype("int64"), given.tolist() if given.size else given):
            batch, was_single = natural_images(form, (None, None, 3))
            assert was_single is single and batch.dtype == np.float32, name
            np.testing.assert_array_equal(batch, right, err_msg=name)


def test_colour_for_a_model_of_grey_pictures(photos):
    rgb = photos[:2].astype("float32")
    batch, _ = natural_images(photos[:2], (32, 32, 1))
    np.testing.assert_allclose(batch[..., 0], rgb @ LUMA, rtol=1e-5)
    white, _ = natural_images(np.full((4, 4, 3), 255, "uint8"), (None, None, 1))
    np.testing.assert_allclose(white, 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "shape", "message"),
    [
        ("", (None, None, 3), "readable"),
        (np.zeros((2, 8, 8, 2)), (None, None, 3), "1, 3 or 4 channels"),
        (np.zeros((2, 8, 8, 5)), (None, None, 3), "channels"),
        (np.zeros((1, 2, 8, 8, 3)), (None, None, 3), "channels"),
        (np.zeros(8), (None, None, 3), "channels"),
        (np.full((8, 8, 3), 256.0), (None, None, 3), "0..255"),
        (np.full((8, 8, 3), -1), (None, None, 3), "0..255"),
        (np.full((8, 8, 3), np.nan), (None, None, 3), "0..255"),
        (np.full((8, 8, 3), 0.9), (None, None, 3), "multiply by 255"),
        (np.array([["a"]]), (None, None, 3), "numbers"),
        (np.zeros((8, 8), complex), (None, None, 3), "numbers"),
        (np.zeros((2, 8, 6, 3)), (8, 8, 3), "8x8, got 8x6"),
        (np.zeros((28, 29)), (28, 28, 1), "28x28"),
        ([np.zeros((4, 4, 3)), np.zeros((5, 4, 3))], (None, None, 3), "one shape"),
    ],
)
def test_what_is_no_picture_is_told(given, shape, message):
    with pytest.raises(InputError, match=message) as caught:
        natural_images(given, shape)
    assert "\n" not in str(caught.value)


def test_one_picture_is_answered_as_in_a_batch(model, photos):
    batch = model.predict(photos[:3])
    assert batch.dtype == np.float32 and batch.shape == (3, 32, 32, 3)
    np.testing.assert_array_equal(batch, photos[:3])
    np.testing.assert_array_equal(model.predict(photos[1]), batch[1])
    np.testing.assert_array_equal(model.predict(photos[:3], batch_size=2), batch)


def test_a_path(model, photos, tmp_path):
    Image.fromarray(photos[0]).save(tmp_path / "photo.png")
    Image.fromarray(photos[0]).convert("L").save(tmp_path / "grey.png")
    for path in (tmp_path / "photo.png", str(tmp_path / "photo.png")):
        np.testing.assert_array_equal(model.predict(path), photos[0])
    grey = model.predict(tmp_path / "grey.png")
    np.testing.assert_allclose(grey, np.repeat((photos[0] @ LUMA)[..., None], 3, axis=-1), atol=1)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: to be turned clockwise
    Image.fromarray(photos[0]).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(model.predict(tmp_path / "turned.png"), np.rot90(photos[0], -1))
    (tmp_path / "text.jpg").write_text("no picture")
    for bad in ("text.jpg", "none.jpg"):
        with pytest.raises(InputError, match=bad):
            model.predict(tmp_path / bad)


def test_a_dataset_of_batches(model, photos):
    batches = tf.data.Dataset.from_tensor_slices(photos[:5].astype("float32")).batch(2)
    np.testing.assert_array_equal(model.predict(batches), photos[:5])


def test_several_outputs_lose_the_batch_axis_together(photos):
    images = keras.Input((None, None, 3))
    mean = keras.layers.GlobalAveragePooling2D()(images)
    both = ImageModel(images, {"image": keras.layers.Identity()(images), "mean": mean})
    one, many = both.predict(photos[0]), both.predict(photos[:2])
    assert one["image"].shape == (32, 32, 3) and one["mean"].shape == (3,) and many["mean"].shape == (2, 3)
    np.testing.assert_allclose(one["mean"], photos[0].mean(axis=(0, 1)), rtol=1e-4)


def test_endpoints_take_floats_and_bytes(model, photos):
    endpoints = model.endpoints()
    assert [spec.dtype for _, (spec,) in endpoints.values()] == [tf.float32, tf.uint8]
    assert all(tuple(spec.shape) == (None, None, None, 3) for _, (spec,) in endpoints.values())
    np.testing.assert_array_equal(endpoints["serve_uint8"][0](photos[:2]), photos[:2])
