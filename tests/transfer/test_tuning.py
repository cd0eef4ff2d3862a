import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data, distribution, saving
from keras_ssl.errors import InputError
from keras_ssl.transfer import compare, finetune
from keras_ssl.transfer.classifier import Answer, Classifier
from keras_ssl.transfer.plans import Plan, set_trainable, stages
from keras_ssl.transfer.subset import augmentation, subset
from keras_ssl.transfer.tuning import train

QUICK = {"batch_size": 16, "verbose": 0, "learning_rate": 0.01}


def coloured(count, seed=0, classes=("red", "green", "blue")):
    """(images (count, 8, 8, 3), which channel of each is brighter)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    images = rng.normal(90, 20, (count, 8, 8, 3))
    images[np.arange(count), :, :, labels] += 80
    return images.clip(0, 255).astype("uint8"), np.array(classes)[labels]


@pytest.fixture(scope="module")
def dataset():
    return data.open({"train": coloured(96), "test": coloured(48, seed=1)})


def encoder_weights(model):
    return [weight.numpy() for weight in model.get_layer("encoder").weights]


def changed(before, after):
    return [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


def small(shape=(None, None, 3)):
    """An encoder of two blocks."""
    images = x = keras.Input(shape)
    x = keras.layers.Rescaling(1 / 64, offset=-2)(x)
    for i in "12":
        x = keras.layers.Conv2D(6, 3, strides=2, padding="same", name=f"block{i}_conv")(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU(name=f"block{i}")(x)
    return keras.Model(images, x, name="encoder")


def test_the_whole_network_learns_and_becomes_a_classifier_of_pictures(dataset, tmp_path):
    encoder = small()
    before = [weight.numpy() for weight in encoder.weights]
    model, report = finetune(encoder, dataset, labels=48, epochs=20, **QUICK)
    assert report["accuracy"] > 0.9 and report["labels"] == 48 and report["epochs"] == 20
    assert len(report["history"]["loss"]) == 20 and report["history"]["loss"][-1] < report["history"]["loss"][0] / 2
    assert not any(changed(before, [weight.numpy() for weight in encoder.weights]))
    assert all(changed(before, encoder_weights(model)))  # batch statistics too
    images, labels = dataset.arrays("test")
    assert isinstance(model, Classifier) and model.classes == ["blue", "green", "red"]
    np.testing.assert_allclose(model.predict(images[:5]).sum(axis=1), 1, atol=1e-5)
    [(name, probability), *_] = model.classify(images[0])
    assert name == dataset.classes[labels[0]] and probability > 0.5
    assert len(model.classify(images[:2], top=2)) == 2
    model.save(tmp_path / "model.keras")
    again = saving.open_keras_file(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(images[:5]), model.predict(images[:5]), atol=1e-6)
    assert again.classes == model.classes


def test_a_frozen_encoder_stays_bit_equal(dataset):
    encoder = small()
    model, report = finetune(encoder, dataset, mode="probe", epochs=8, **QUICK)
    assert not any(changed([weight.numpy() for weight in encoder.weights], encoder_weights(model)))
    assert all(layer.trainable for layer in model._flatten_layers())
    assert report["history"]["loss"][-1] < report["history"]["loss"][0]


def test_gradual_unfreezing_goes_from_the_top(tiny):
    plan = Plan(mode="gradual", epochs=14)
    assert stages(tiny(), plan) == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, None)]
    assert stages(tiny(), plan.replace(epochs=4)) == [(0, 1), (1, 5), (2, None)]  # where stages coincide, the later
    assert stages(tiny(), plan.replace(epochs=1)) == [(0, None)]

    def trains(encoder):
        return [layer.name for layer in encoder.layers if layer.trainable_weights]

    encoder = tiny()
    set_trainable(encoder, 0)
    assert trains(encoder) == []
    set_trainable(encoder, 2)
    assert trains(encoder) == ["block3a_conv", "block3a_norm", "block3_conv", "block3_norm"]
    set_trainable(encoder, 6)
    assert trains(encoder)[0] == "block1a_conv"
    set_trainable(encoder, None)
    assert trains(encoder)[0] == "whitening"


def test_gradual_training_changes_lower_blocks_later_on_one_schedule(dataset):
    encoder, kernels, rates = small(), [], []
    names = ["block1_conv", "block2_conv"]

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernels.append([self.model.get_layer("encoder").get_layer(name).kernel.numpy() for name in names])
            rates.append(float(self.model.optimizer.learning_rate))

    _, report = finetune(encoder, dataset, labels=32, mode="gradual", epochs=4, callbacks=[Watch()], **QUICK)
    start = [encoder.get_layer(name).kernel.numpy() for name in names]
    first = [next(e for e, k in enumerate(kernels) if not np.array_equal(k[i], start[i])) for i in range(2)]
    assert first == [2, 1]
    assert len(report["history"]["loss"]) == 4
    finetune(encoder, dataset, labels=32, epochs=4, callbacks=[Watch()], **QUICK)
    np.testing.assert_allclose(rates[:4], rates[4:], rtol=1e-5)
    assert rates[3] < 1e-6


def test_several_labels_an_image():
    def draw(count, seed):
        rng = np.random.default_rng(seed)
        labels = rng.integers(2, size=(count, 3))
        images = rng.normal(90, 20, (count, 8, 8, 3)) + 90 * labels[:, None, None]
        return images.clip(0, 255).astype("uint8"), labels

    dataset = data.open({"train": draw(128, 0), "test": draw(64, 1)}, task="multilabel")
    model, report = finetune(small(), dataset, epochs=20, **QUICK)
    assert report["mean_average_precision"] > 0.9 and report["accuracy"] > 0.8
    assert 0.8 < report["history"]["accuracy"][-1] <= 1
    assert model.predict(dataset.arrays("test")[0][:2]).max() <= 1


def test_numbers_in_their_own_units():
    def draw(count, seed):
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 60, (count, 8, 8, 3)) + rng.integers(0, 190, (count, 1, 1, 3))
        return images.astype("uint8"), images[..., 0].mean(axis=(1, 2)) * 100.0 + 7000

    dataset = data.open({"train": draw(128, 0), "test": draw(64, 1)})
    model, report = finetune(small(), dataset, epochs=25, **QUICK)
    assert report["r2"] > 0.8
    assert 7000 < float(model.predict(dataset.arrays("test")[0][0])[0]) < 33000


def test_answers():
    x = np.array([[0.0, np.log(3.0)]], "float32")
    np.testing.assert_allclose(Answer("classification", ["a", "b"])(x), [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(Answer("multilabel", ["a", "b"])(x), [[0.5, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(Answer("regression", [], [2.0, 1.0], [1.0, 0.0])(x), [[1.0, np.log(3.0)]], rtol=1e-6)


def test_a_seed_gives_the_same_model(dataset):
    encoder = small()
    one, two = (
        train(encoder, subset(dataset, "train", np.arange(32)), Plan(epochs=2, batch_size=16), seed=5)[0] for _ in "12"
    )
    images = dataset.arrays("test")[0]
    np.testing.assert_allclose(one.predict(images), two.predict(images), atol=1e-4)


def test_a_precision_counts_while_training_and_not_after(dataset, monkeypatch):
    seen = {}

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            encoder = self.model.get_layer("encoder")
            seen.update({layer.name: (layer.compute_dtype, layer.variable_dtype) for layer in encoder.layers[1:]})
            seen["head"] = self.model.get_layer("head").compute_dtype

    plan, images = Plan(epochs=6, batch_size=16, precision="mixed_bfloat16"), subset(dataset, "train", np.arange(48))
    encoder = small()
    model, history = train(encoder, images, plan, callbacks=[Watch()])
    assert seen.pop("head") == "float32" and set(seen.values()) == {("bfloat16", "float32")}
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"} == {encoder.dtype}
    assert model.predict(dataset.arrays("test")[0]).dtype == "float32"


class Interrupted(Exception):
    pass


class Interrupt(keras.callbacks.Callback):
    """As an epoch, counted from 0, begins to learn."""

    def __init__(self, epoch):
        super().__init__()
        self.at = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.at:
            raise Interrupted


def noisy(shape):
    encoder = small(shape)
    return keras.Model(encoder.input, keras.layers.Dropout(0.3, name="dropout")(encoder.output), name="encoder")


@pytest.fixture(scope="module")
def whole(dataset, tmp_path_factory):
    """A function mode -> (settings, (model, report) of a run with them that nothing interrupts), each once."""
    done = {}

    def run(mode):
        settings = {**QUICK, "mode": mode, "epochs": 8, "dataset": dataset, "labels": 48, "encoder": noisy}
        if mode not in done:
            keras.utils.set_random_seed(5)
            done[mode] = finetune(out=tmp_path_factory.mktemp("whole") / mode, **settings)
        return settings, done[mode]

    return run


# Of eight epochs, gradual unfreezing trains two with the head alone and two with the last block too.
@pytest.mark.parametrize(("mode", "at"), [("full", 3), ("gradual", 1), ("gradual", 2), ("gradual", 3), ("gradual", 7)])
def test_an_interrupted_run_goes_on_to_the_same_weights(whole, tmp_path, mode, at):
    settings, (uninterrupted, told) = whole(mode)
    keras.utils.set_random_seed(5)
    with pytest.raises(Interrupted):
        finetune(out=tmp_path / "run", callbacks=[Interrupt(at)], **settings)
    assert [path.name for path in tmp_path.iterdir() if "run" in path.name] == ["run.partial"]
    with pytest.raises(InputError, match="go on with --resume"):
        finetune(out=tmp_path / "run", **settings)
    with pytest.raises(InputError, match="began with other values: epochs=8"):
        finetune(out=tmp_path / "run", resume=True, **{**settings, "epochs": 9})
    begun = []
    note = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    keras.utils.set_random_seed(5)
    resumed, report = finetune(out=tmp_path / "run", resume=True, callbacks=[note], **settings)
    assert begun == list(range(at, 8))
    for a, b in zip(uninterrupted.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    assert report["history"] == told["history"] and report["accuracy"] == told["accuracy"]
    assert not (tmp_path / "run.partial").exists() and (tmp_path / "run" / "report.json").exists()


def test_what_cannot_be_resumed_is_told(dataset, tmp_path):
    for settings, message in [
        ({"out": tmp_path / "none"}, "none.partial holds no interrupted run"),
        ({}, "takes the run's folder"),
        ({"out": tmp_path / "none", "mode": "pseudo-label"}, "another mode than pseudo-label"),
    ]:
        with pytest.raises(InputError, match=message):
            finetune(small(), dataset, resume=True, **settings)
    assert not list(tmp_path.iterdir())


def test_two_replicas_train(dataset):
    strategy = distribution.strategy("mirrored", 2)
    _, report = finetune(small(), dataset, labels=32, epochs=2, strategy=strategy, **QUICK)
    assert report["replicas"] == 2 and np.isfinite(report["history"]["loss"]).all()


def test_subsets_in_memory_and_as_a_stream_are_the_same(dataset, monkeypatch):
    keep = np.array([3, 5, 8, 90])
    cached = subset(dataset, "train", keep)
    monkeypatch.setattr("keras_ssl.transfer.subset.CACHED", 0)
    streamed = subset(dataset, "train", keep)
    assert type(cached.stored["train"]) is not type(streamed.stored["train"])
    for each in (cached, streamed):
        np.testing.assert_array_equal(each.labels("train"), dataset.labels("train")[keep])
        np.testing.assert_array_equal(each.arrays("train")[0], dataset.arrays("train", keep=keep)[0])
        shuffled = list(each.stream("train", shuffle=1).as_numpy_iterator())
        assert sorted(label for _, label in shuffled) == sorted(dataset.labels("train")[keep])


def test_augmentation_is_what_it_says(photos):
    batch, seed = (tf.constant(photos[:16]), tf.range(16)), tf.constant([1, 2])
    plain, labels = augmentation("")(batch, seed)
    np.testing.assert_array_equal(plain, photos[:16])
    np.testing.assert_array_equal(labels, range(16))
    flipped = augmentation("flip")(batch, seed)[0].numpy()
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(flipped, photos, strict=False)]
    assert 0 < sum(mirrored) < 16
    assert augmentation("flip, shift")(batch, seed)[0].shape == (16, 32, 32, 3)
    with pytest.raises(InputError, match="unknown augmentation 'flop'; did you mean flip"):
        augmentation("flop")


def test_a_comparison_has_three_rows_and_a_folder(dataset, tmp_path):
    lines = []
    model, report = compare(
        small(), dataset, labels=30, epochs=2, batch_size=16, verbose=0, out=tmp_path / "run", say=lines.append
    )
    assert list(report["results"]) == ["scratch", "linear probe", "fine-tuned"]
    rows = report["results"]
    assert report["gain"] == rows["fine-tuned"]["accuracy"] - rows["scratch"]["accuracy"]
    for way in ("scratch", "fine-tuned"):
        assert len(rows[way]["tried"]) == 2 and rows[way]["labels"] == 30 and rows[way]["seconds"] > 0
        best = max(rows[way]["tried"], key=lambda each: each["accuracy"])
        assert best["learning_rate"] == rows[way]["settings"]["learning_rate"]
    assert len(lines) == 7 and "held-out" in lines[0]
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"report.json", "history.csv", "curve.png", "model.keras", "saved_model", "checksums.json"} <= found
    assert json.loads((tmp_path / "run" / "report.json").read_text())["results"] == rows
    history = list(csv.DictReader((tmp_path / "run" / "history.csv").open()))
    assert [row["epoch"] for row in history] == ["0", "1"] and float(history[1]["loss"]) > 0
    served = tf.saved_model.load(tmp_path / "run" / "saved_model")
    images = dataset.arrays("test")[0][:3]
    np.testing.assert_allclose(served.serve_uint8(images), model.predict(images), atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]  # nothing beside it


def test_what_cannot_be_done_is_said_before_training(dataset, tmp_path):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        finetune(small(), dataset, out=tmp_path)
    with pytest.raises(InputError, match="unknown mode 'ful'; did you mean full"):
        finetune(small(), dataset, mode="ful")
    with pytest.raises(InputError, match="unknown precision 'bfloat16'; did you mean mixed_bfloat16"):
        finetune(small(), dataset, precision="bfloat16")
    with pytest.raises(InputError, match="unknown setting of fine-tuning 'epoch'"):
        finetune(small(), dataset, epoch=3)
    with pytest.raises(InputError, match="opened for classification, not regression"):
        finetune(small(), dataset, task="regression")
    with pytest.raises(InputError, match="takes images of"):
        finetune(small((16, 16, 3)), dataset)
    with pytest.raises(InputError, match="epochs is 1 or more"):
        finetune(small(), dataset, epochs=0)
