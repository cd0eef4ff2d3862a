import keras
import numpy as np
import pytest

from keras_ssl.errors import InputError
from keras_ssl.layers import Corruption

KINDS = ["gaussian", "masking", "salt_and_pepper"]
GREY = np.full((40, 50, 60, 3), 128, "uint8")


def test_gaussian_noise_has_its_deviation_in_each_channel():
    noise = Corruption("gaussian", 0.1).corrupt(GREY, [1, 2]).numpy() - 128
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(25.5, rel=0.01) and abs(noise.mean()) < 0.2
    assert np.mean(np.abs(noise) < 25.5) == pytest.approx(0.6827, abs=0.005)
    np.testing.assert_allclose(np.corrcoef(noise.reshape(-1, 3).T), np.eye(3), atol=0.02)
    assert abs(np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1]) < 0.02


def test_gaussian_noise_stays_among_pixels():
    for level in (0, 255):  # half of the noise is cut off
        noisy = Corruption("gaussian", 0.2).corrupt(np.full_like(GREY, level), [1, 2]).numpy()
        assert noisy.min() >= 0 and noisy.max() <= 255
        assert np.mean((noisy - level) ** 2) == pytest.approx(51**2 / 2, rel=0.02)
        assert np.mean(noisy == level) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_masking_blackens_a_share_of_the_pixels(share):
    masked = Corruption("masking", share).corrupt(GREY, [1, 2]).numpy()
    black, kept = (masked == 0).all(axis=-1), (masked == 128).all(axis=-1)
    assert (black | kept).all()  # a pixel in all its channels, or not at all
    assert black.mean() == pytest.approx(share, abs=0.01)
    assert np.ptp(black.mean(axis=(1, 2))) < 0.1  # in each image


def test_salt_and_pepper_are_as_many():
    spoilt = Corruption("salt_and_pepper", 0.3).corrupt(GREY, [1, 2]).numpy()
    shares = [(spoilt == level).all(axis=-1).mean() for level in (0, 255, 128)]
    np.testing.assert_allclose(shares, [0.15, 0.15, 0.7], atol=0.01)
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_spoils_the_same(kind, photos):
    layer = Corruption(kind)
    once, again, *others = (layer.corrupt(photos, seed).numpy() for seed in ([1, 2], [1, 2], [1, 3], [2, 2]))
    np.testing.assert_array_equal(once, again)
    assert all((once != other).any() for other in others) and (once != photos).any()
    first, second = layer.corrupt(np.repeat(photos[:1], 2, axis=0), [1, 2]).numpy()
    assert (first != second).any()


@pytest.mark.parametrize(("kind", "usual"), [("gaussian", 0.1), ("masking", 0.25), ("salt_and_pepper", 0.1)])
def test_in_a_network_it_hands_on_and_is_saved(kind, usual, photos, tmp_path):
    images = keras.Input((None, None, 3))
    keras.Model(images, Corruption(kind, name="corruption")(images)).save(tmp_path / "m.keras")
    model = keras.saving.load_model(tmp_path / "m.keras")
    floats = photos[:2].astype("float32")
    np.testing.assert_array_equal(model(floats), floats)
    again = model.get_layer("corruption")
    assert (again.kind, again.strength) == (kind, usual)
    np.testing.assert_array_equal(again.corrupt(photos, [3, 4]), Corruption(kind, usual).corrupt(photos, [3, 4]))


def test_what_cannot_be_is_told():
    with pytest.raises(InputError, match="did you mean gaussian"):
        Corruption("gausian")
    for strength in (-0.1, 25, "strong"):
        with pytest.raises(InputError, match=r"0\.\.1"):
            Corruption("gaussian", strength)
