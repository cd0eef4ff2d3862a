import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from keras_ssl import data
from keras_ssl.errors import InputError
from keras_ssl.methods.image import rotation
from keras_ssl.modalities import image


@pytest.fixture
def model(tiny):
    return rotation.build(tiny())


def test_a_recipe_with_a_sample_shows_its_test_images(model):
    shown = image.asked(model, {"dataset": "cifar10"})
    test, _ = data.open("cifar10_sample").arrays("test")
    np.testing.assert_array_equal(shown, test[: len(shown)])
    assert image.asked(model, {"dataset": "cifar10", "size": 48}).shape == (8, 48, 48, 3)


def test_one_without_shows_squares_of_photos(model):
    shown = image.asked(model, {"dataset": "tiny_imagenet"})
    china, flower = (load_sample_image(name)[:426, :426] for name in ("china.jpg", "flower.jpg"))
    assert shown.dtype == np.uint8 and len(shown) == 8
    for photo, squares in ((china, shown[:4]), (flower, shown[4:])):
        rows = [np.concatenate(squares[i : i + 2], axis=1) for i in (0, 2)]
        np.testing.assert_array_equal(np.concatenate(rows), photo)
    assert image.asked(model, {"dataset": "tiny_imagenet"}, size=64).shape == (8, 64, 64, 3)


def test_files_take_the_first_ones_size(model, tmp_path):
    for i, size in enumerate([(40, 48), (64, 40)]):
        Image.fromarray(np.full((*size, 3), 90 * i, "uint8")).save(tmp_path / f"{i}.png")
    shown = image.asked(model, {"dataset": "cifar10"}, [tmp_path / "0.png", tmp_path / "1.png"])
    assert shown.shape == (2, 40, 48, 3) and (shown[1] == 90).all()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="broken.png isn't a readable picture"):
        image.asked(model, {"dataset": "cifar10"}, [tmp_path / "broken.png"])
