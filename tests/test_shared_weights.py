"""Weights that only the SavedModel of an entry holds."""

import shutil
import zipfile

import keras
import numpy as np
import pytest

from keras_ssl import saving, shared_weights, zoo
from keras_ssl.errors import InputError


@pytest.fixture
def shared(made, tmp_path):
    """The tiny model's entry as it goes with the package, and its weights."""
    folder = zoo.save(made[0], "tiny", half=True, folder=tmp_path / "zoo")
    copy = saving.plain_copy(made[0])
    saving.round_to_half(copy)
    return folder, copy.get_weights()


def test_a_file_without_its_large_weights_opens_with_all_of_them(shared):
    folder, weights = shared
    file = folder / "model.keras"
    assert shared_weights.is_left(file)
    assert file.stat().st_size < sum(w.nbytes for w in weights if w.size >= shared_weights.LARGE) / 4
    for got, right in zip(saving.open_keras_file(file).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(got, right)


def test_the_model_saved_again_is_whole(shared, tmp_path):
    model = saving.open_keras_file(shared[0] / "model.keras")
    model.save(tmp_path / "alone.keras")
    assert not shared_weights.is_left(tmp_path / "alone.keras")
    for got, right in zip(keras.saving.load_model(tmp_path / "alone.keras").get_weights(), shared[1], strict=True):
        np.testing.assert_array_equal(got, right)


def test_a_weight_that_the_saved_model_has_not_stays(shared, made, tmp_path):
    """The SavedModel holds rounded weights; the file of others keeps its own."""
    other = saving.plain_copy(made[0])
    other.set_weights([w + np.float32(0.3) for w in other.get_weights()])
    place = tmp_path / "other"
    shutil.copytree(shared[0], place)
    other.save(place / "model.keras")
    shared_weights.leave(place / "model.keras", place / "saved_model")
    opened = saving.open_keras_file(place / "model.keras")
    for got, right in zip(opened.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(got, right)


def test_without_its_saved_model_a_file_says_where_its_weights_are(shared, tmp_path):
    shutil.copy(shared[0] / "model.keras", tmp_path / "model.keras")
    with pytest.raises(InputError, match="saved_model.*move both together"):
        saving.open_keras_file(tmp_path / "model.keras")
    with zipfile.ZipFile(shared[0] / "model.keras") as archive:
        assert shared_weights.WEIGHTS not in archive.namelist()  # so that Keras refuses it, and doesn't give zeros


def test_a_damaged_saved_model_is_told_on_loading(shared, monkeypatch):
    monkeypatch.setattr(zoo, "bundled", lambda: shared[0].parent)
    file = shared[0] / "saved_model" / "variables" / "variables.data-00000-of-00001"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        zoo.load("tiny")
