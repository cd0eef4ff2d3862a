import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import saving
from keras_ssl.errors import InputError


def test_no_flipped_byte_in_a_file_without_checksum_gives_another_model(made, tmp_path):
    """Every 97th byte, and every byte of the zip's directory: a clear error, or the model as it was."""
    source = made[1] / "tiny" / "model.keras"
    content, file = source.read_bytes(), tmp_path / "flipped.keras"
    with zipfile.ZipFile(source) as archive:
        directory = archive.start_dir
    opened = []
    monkey = pytest.MonkeyPatch()
    monkey.setattr(keras.saving, "load_model", lambda *a, **k: opened.append(a[0].read_bytes()))
    try:
        for at in [*range(0, directory, 97), *range(directory, len(content))]:
            flipped = bytearray(content)
            flipped[at] ^= 0xFF
            file.write_bytes(flipped)
            try:
                saving.open_keras_file(file)
            except InputError as error:
                assert "\n" not in str(error)
    finally:
        monkey.undo()
    # What Keras gets to see still holds the same parts.
    with zipfile.ZipFile(source) as archive:
        right = {name: archive.read(name) for name in archive.namelist()}
    for changed in opened:
        file.write_bytes(changed)
        with zipfile.ZipFile(file) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        assert all(right.get(name, content) == content for name, content in parts.items())


def test_code_in_a_file_is_refused(tmp_path, made):
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs)).save(tmp_path / "lambda.keras")
    with pytest.raises(InputError, match="can't be opened"):
        saving.open_keras_file(tmp_path / "lambda.keras")

    class Foreign(keras.layers.Layer):
        def call(self, x):
            return x

    keras.Model(inputs, Foreign()(inputs)).save(tmp_path / "foreign.keras")
    with pytest.raises(InputError, match="Foreign"):
        saving.open_keras_file(tmp_path / "foreign.keras")

    with pytest.raises(InputError, match="can't be opened"):
        saving.open_keras_file(rewritten(made, tmp_path / "later.keras", b"ImageModel", b"LaterModel"))


def rewritten(made, file, old, new):
    """The tiny model's file with other words in its configuration."""
    with zipfile.ZipFile(made[1] / "tiny" / "model.keras") as source, zipfile.ZipFile(file, "w") as target:
        for item in source.namelist():
            target.writestr(item, source.read(item).replace(old, new))
    return file


def test_a_class_that_moved_is_found_by_its_registered_name(made, tmp_path, photos):
    file = rewritten(made, tmp_path / "moved.keras", b'"keras_ssl.models"', b'"keras_ssl.methods.image.before"')
    np.testing.assert_allclose(saving.open_keras_file(file).predict(photos[:2]), made[0].predict(photos[:2]), atol=1e-5)


def test_no_pickle_is_written(made):
    with zipfile.ZipFile(made[1] / "tiny" / "model.keras") as archive:
        assert sorted(archive.namelist()) == ["config.json", "metadata.json", "model.weights.h5"]
        json.loads(archive.read("config.json"))


def test_a_plain_copy_keeps_what_layers_know_beside_weights(photos):
    images = keras.Input((32, 32, 3))
    normalization = keras.layers.Normalization()
    normalization.adapt(photos.astype("float32"))
    model = keras.Model(images, normalization(images))
    expected = (photos - photos.mean(axis=(0, 1, 2))) / photos.std(axis=(0, 1, 2))
    np.testing.assert_allclose(saving.plain_copy(model)(photos.astype("float32")), expected, atol=1e-4)

    texts = keras.Input((), dtype="string")
    vectors = keras.layers.TextVectorization(output_sequence_length=3)
    vectors.adapt(["a cat and a dog", "a cat", "a cat and"])
    model = keras.Model(texts, vectors(texts))
    answer = saving.plain_copy(model)(tf.constant(["a dog and more"])).numpy()
    np.testing.assert_array_equal(answer, [[2, 5, 4]])  # by frequency, after padding and unknown


def test_saved_models_hold_weights_in_half_where_nothing_is_lost(tmp_path):
    keras.utils.set_random_seed(0)
    images = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(64, 3, padding="same", name="rounded")(images)
    x = keras.layers.Dense(64, name="exact")(keras.layers.Flatten()(x))
    model = keras.Model(images, keras.layers.Dense(2, name="small")(x))
    kernel = model.get_layer("rounded").kernel
    saving.round_to_half(keras.Model(images, model.get_layer("rounded").output))
    assert np.array_equal(kernel, kernel.numpy().astype("float16"))
    pictures = np.random.default_rng(0).uniform(0, 1, (5, 4, 4, 3)).astype("float32")
    right = model.predict(pictures, verbose=0)
    saving.write_saved_model(model, tmp_path / "saved")
    served = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_array_equal(served.serve(pictures), model(pictures))
    reader = tf.train.load_checkpoint(str(tmp_path / "saved" / "variables" / "variables"))
    kinds = {tuple(reader.get_variable_to_shape_map()[name]): kind
             for name, kind in reader.get_variable_to_dtype_map().items()}  # fmt: skip
    assert kinds[3, 3, 3, 64] == tf.float16 and kinds[1024, 64] == kinds[64, 2] == tf.float32
    # The model itself is as it was, and trains on.
    assert model.get_layer("rounded").kernel.value.dtype == tf.float32
    np.testing.assert_allclose(model.predict(pictures, verbose=0), right, atol=1e-6)
    model.compile("sgd", "mse")
    model.fit(pictures, np.ones((5, 2)), verbose=0)
    assert not np.array_equal(kernel, kernel.numpy().astype("float16"))
