import errno
import os
import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import recipes, saving, zoo
from keras_ssl.errors import InputError
from keras_ssl.methods.image import rotation


@pytest.fixture
def entry(made, own_zoo):
    """The folder of the entry "tiny" in the user's own zoo."""
    shutil.copytree(made[1], own_zoo)
    return own_zoo / "tiny"


def refused(function, *arguments, **options):
    """The one line that `function` refuses with."""
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    message = str(caught.value)
    assert message and "\n" not in message
    return message


def test_a_saved_model_comes_back_the_same_and_ready_to_train(made, entry, photos):
    model, _ = made
    loaded = zoo.load("tiny")
    for mine, saved in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, saved)
    np.testing.assert_allclose(loaded.predict(photos[:3]), model.predict(photos[:3]), atol=1e-5)
    assert not loaded.compiled and len(loaded.trainable_weights) == len(model.trainable_weights) > 0
    served = zoo.saved_model("tiny")
    answer = served.serve_uint8(photos[:3]).numpy()
    np.testing.assert_allclose(answer, model.predict(photos[:3]), atol=1e-5)
    served = served.signatures["serving_default"](tf.constant(photos[:3], tf.float32))
    np.testing.assert_allclose(next(iter(served.values())), answer, atol=1e-6)


def test_info_and_names(entry):
    assert zoo.names() == sorted([*zoo.bundled_names(), "tiny"])
    info = zoo.info("tiny")
    assert info["name"] == "tiny" and info["path"] == str(entry) == str(zoo.path("tiny"))
    assert recipes.Recipe.from_dict(info["recipe"]) == recipes.get("rotation").replace(
        dataset="cifar10_sample", epochs=1
    )
    assert info["data"]["origin"].startswith("CIFAR-10") and info["versions"]["keras"] == keras.__version__
    assert info["bytes"] == sum(p.stat().st_size for p in entry.rglob("*") if p.is_file())
    assert info["metrics"] == {}


def test_what_a_killed_save_leaves_is_no_entry(entry):
    for name in (".tiny.a1b2c3", ".tiny.old"):
        shutil.copytree(entry, entry.with_name(name))
    assert zoo.names() == sorted([*zoo.bundled_names(), "tiny"])
    refused(zoo.path, ".tiny.old")


def test_unknown_names_are_answered_with_the_nearest(entry):
    assert "did you mean tiny?" in refused(zoo.load, "tyny")
    for function in (zoo.path, zoo.info, zoo.encoder, zoo.saved_model):
        refused(function, "no_such_entry")


def test_a_bundled_name_cannot_be_taken(made, own_zoo, monkeypatch):
    model, folder = made
    monkeypatch.setattr(zoo, "bundled", lambda: folder)
    for overwrite in (False, True):
        assert "my_tiny" in refused(zoo.save, model, "tiny", overwrite=overwrite)
    assert not own_zoo.exists()


def test_the_name_of_a_recipe_is_kept_for_the_entry_that_may_come(made, own_zoo):
    for name in recipes.RECIPES:
        assert f"my_{name}" in refused(zoo.save, made[0], name)


def test_a_name_of_ones_own_is_replaced_only_when_asked(made, entry):
    assert "overwrite" in refused(zoo.save, made[0], "tiny")
    for bad in ("", "../up", "a/b", ".hidden", "with space", "ü"):
        refused(zoo.save, made[0], bad)
    changed = saving.plain_copy(made[0])
    changed.set_weights([w + 1 for w in changed.get_weights()])
    zoo.save(changed, "tiny", overwrite=True)
    np.testing.assert_array_equal(zoo.load("tiny").get_weights()[0], made[0].get_weights()[0] + 1)
    assert [p.name for p in entry.parent.iterdir()] == ["tiny"]


def full_disk(*arguments, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("broken", ["write_saved_model", "write_keras_file", "write_json", "_swap", "os.replace"])
def test_a_save_that_fails_leaves_the_old_entry(broken, made, entry, monkeypatch):
    if broken == "os.replace":  # the very last step: the new folder can't take its place

        def replace(source, target, replace=os.replace):
            if pathlib.Path(source).name.startswith(".tiny.") and not str(source).endswith(".old"):
                full_disk()
            return replace(source, target)

        monkeypatch.setattr(os, "replace", replace)
        monkeypatch.setattr(saving, "write_saved_model", lambda model, folder: folder.mkdir())
    else:
        monkeypatch.setattr(saving if hasattr(saving, broken) else zoo, broken, full_disk)
        if broken != "write_saved_model":
            monkeypatch.setattr(saving, "write_saved_model", lambda model, folder: folder.mkdir())
    changed = saving.plain_copy(made[0])
    changed.set_weights([w + 1 for w in changed.get_weights()])
    with pytest.raises(OSError, match="No space left"):
        zoo.save(changed, "tiny", overwrite=True)
    monkeypatch.undo()
    assert [p.name for p in entry.parent.iterdir()] == ["tiny"]
    loaded = saving.open_keras_file(entry / "model.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], made[0].get_weights()[0])


def flip(file, place):
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 0x10
    file.write_bytes(content)


@pytest.mark.parametrize("place", [0, 0.3, 0.7, 0.999])
def test_a_flipped_byte_is_told(place, entry):
    flip(entry / "model.keras", place)
    assert "damaged" in refused(zoo.load, "tiny")
    assert "damaged" in refused(zoo.encoder, "tiny")
    flip(entry / "saved_model" / "variables" / "variables.data-00000-of-00001", place)
    assert "damaged" in refused(zoo.saved_model, "tiny")


def test_a_truncated_or_missing_file_is_told(entry):
    file = entry / "model.keras"
    content = file.read_bytes()
    for part in (content[: len(content) // 2], b""):
        file.write_bytes(part)
        assert "damaged" in refused(zoo.load, "tiny")
        assert "damaged" in refused(saving.open_keras_file, file)
    file.unlink()
    assert "missing" in refused(zoo.load, "tiny")
    assert "no model file" in refused(saving.open_keras_file, file)
    (entry / "recipe.json").write_text('{"recipe": ')
    assert "damaged" in refused(zoo.info, "tiny")


def test_half_precision_rounds_large_weights_only(made, own_zoo):
    model, folder = made
    zoo.save(model, "half", half=True)
    loaded = zoo.load("half")
    large = 0
    for mine, weight in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert mine.dtype == np.float32
        large += weight.size >= 1024
        np.testing.assert_array_equal(mine, weight.astype("float16") if weight.size >= 1024 else weight)
    assert large > 0 and model.get_weights()[0].dtype == np.float32
    halved, whole = ((f / "model.keras").stat().st_size for f in (own_zoo / "half", folder / "tiny"))
    assert halved < 0.9 * whole


def test_weights_too_large_for_half_precision_stay(own_zoo):
    inputs = keras.Input((64,))
    model = keras.Model(inputs, keras.layers.Dense(64)(inputs))
    model.layers[-1].kernel.assign(np.linspace(-1e6, 1e6, 4096).reshape(64, 64))
    zoo.save(model, "large", half=True)
    np.testing.assert_array_equal(zoo.load("large").get_weights()[0], model.get_weights()[0])
    served = zoo.saved_model("large")  # a model without verbs of its own
    np.testing.assert_allclose(served.serve(tf.ones((1, 64))), model(np.ones((1, 64))), rtol=1e-5)


def test_a_compiled_model_in_mixed_precision_is_saved_plain(own_zoo, tiny):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = rotation.build(tiny())
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    zoo.save(model, "mixed")
    loaded = zoo.load("mixed")
    assert {layer.compute_dtype for layer in loaded._flatten_layers()} == {"float32"} and not loaded.compiled
    assert model.get_layer("encoder").get_layer("block1").compute_dtype == "bfloat16"
    assert sum(w.size for w in loaded.get_weights()) == sum(w.size for w in model.get_weights())


def test_encoders(entry, photos):
    encoder = zoo.encoder("tiny")
    assert encoder.name == "encoder" and encoder.predict(photos[:2]).shape == (2, 4, 4, 32)
    features = encoder.predict(photos[:2])
    for pooling, reduce in (("avg", np.mean), ("max", np.max)):
        pooled = zoo.encoder("tiny", pooling=pooling)
        np.testing.assert_allclose(pooled.predict(photos[:2]), reduce(features, axis=(1, 2)), rtol=1e-5, atol=1e-6)
    opened = zoo.load(entry / "model.keras")
    np.testing.assert_allclose(opened.predict(photos[:2]), zoo.load("tiny").predict(photos[:2]))
    from_file = zoo.encoder(entry / "model.keras", pooling="avg")
    np.testing.assert_allclose(from_file.predict(photos[0]), features[0].mean(axis=(0, 1)), rtol=1e-4, atol=1e-6)
    assert "avg" in refused(zoo.encoder, "tiny", pooling="mean")
