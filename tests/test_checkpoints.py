import errno
import os
import types

import keras
import numpy as np
import pytest

from keras_ssl import checkpoints
from keras_ssl.errors import InputError


def made(units=3, optimizer="adam"):
    images = keras.Input((4,))
    model = keras.Model(images, keras.layers.Dense(1)(keras.layers.Dropout(0.5)(keras.layers.Dense(units)(images))))
    model.compile(optimizer, "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def everything(model):
    return [np.asarray(v) for v in [*model.weights, *model.optimizer.variables]]


def trained():
    model = made()
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(16, 4)), rng.normal(size=(16, 1)), epochs=2, verbose=0)
    return model


def test_weights_and_optimizer_come_back(tmp_path):
    model, other = trained(), made()
    checkpoints.save(model, tmp_path / "new" / "epoch-0001.npz")
    assert any((a != b).any() for a, b in zip(everything(model), everything(other), strict=True))
    checkpoints.restore(other, tmp_path / "new" / "epoch-0001.npz")
    for a, b in zip(everything(model), everything(other), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(other.optimizer.iterations) == 2
    assert os.listdir(tmp_path / "new") == ["epoch-0001.npz"]


def test_all_optimizers_of_a_model_are_kept():
    one, two = object(), object()
    assert checkpoints.optimizers(types.SimpleNamespace(optimizer=one)) == [one]
    assert checkpoints.optimizers(types.SimpleNamespace(optimizer=one, optimizers=[one, two])) == [one, two]


def test_a_checkpoint_of_something_else_or_damaged_is_told(tmp_path):
    model, file = trained(), tmp_path / "epoch-0001.npz"
    checkpoints.save(model, file)
    for other in (made(units=5), made(optimizer="sgd")):
        before = everything(other)
        with pytest.raises(InputError, match="another model or optimizer"):
            checkpoints.restore(other, file)
        for a, b in zip(everything(other), before, strict=True):
            np.testing.assert_array_equal(a, b)
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0xFF
    for damaged in (content[: len(content) // 2], b"", b"text", bytes(flipped)):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match="damaged") as caught:
            checkpoints.restore(made(), file)
        assert "\n" not in str(caught.value)


def test_a_write_that_fails_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    model, file = trained(), tmp_path / "epoch-0001.npz"
    checkpoints.save(model, file)
    content = file.read_bytes()

    def full_disk(stream, **arrays):
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(model, file)
    assert file.read_bytes() == content and os.listdir(tmp_path) == ["epoch-0001.npz"]


def test_epochs_in_a_folder(tmp_path):
    for name in ("epoch-0010.npz", "epoch-0002.npz", "epoch-0003.partial", "epoch-x.npz", "epoch-12345.npz"):
        (tmp_path / name).touch()
    assert checkpoints.epochs_in(tmp_path) == [2, 10, 12345]
    assert checkpoints.epochs_in(tmp_path / "none") == []


def test_one_file_an_epoch_and_the_last_two_stay(tmp_path):
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(checkpoints.epochs_in(tmp_path))
    )
    made().fit(
        np.zeros((4, 4)),
        np.zeros((4, 1)),
        epochs=4,
        verbose=0,
        callbacks=[checkpoints.EpochCheckpoint(tmp_path), watch],
    )
    assert seen == [[1], [1, 2], [2, 3], [3, 4]]
    made().fit(
        np.zeros((4, 4)), np.zeros((4, 1)), verbose=0, callbacks=[checkpoints.EpochCheckpoint(tmp_path, write=False)]
    )
    assert checkpoints.epochs_in(tmp_path) == [3, 4]


def test_random_layers_draw_by_seed_and_epoch_alone():
    inputs = keras.Input((100,))
    inner = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    model = keras.Model(inputs, keras.layers.GaussianNoise(1.0)(inner(inputs)))

    def draw(seed, epoch, before=0):
        for _ in range(before):  # what was drawn earlier doesn't matter
            model(np.ones((1, 100)), training=True)
        callback = checkpoints.EpochCheckpoint("unused", seed)
        callback.set_model(model)
        callback.on_epoch_begin(epoch)
        return np.asarray(model(np.ones((1, 100)), training=True))

    np.testing.assert_array_equal(draw(1, 2), draw(1, 2, before=3))
    assert (draw(1, 2) != draw(1, 3)).any() and (draw(1, 2) != draw(2, 2)).any()
