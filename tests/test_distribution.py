import contextlib
import json
import socket
import subprocess
import sys
import time
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data, distribution, layers, methods, modalities, pictures, recipes, saving, training, zoo
from keras_ssl.errors import InputError

GPUS = tf.config.list_physical_devices("GPU")
mirrored = pytest.mark.skipif(len(GPUS) == 1, reason="one GPU, and it hides the CPU's logical devices")

# As text, because the workers of the last test need it too.
PLAIN = """
def plain(shape):
    images = x = keras.Input(shape, name="image")
    x = keras.layers.Rescaling(1 / 255)(x)
    for i in (1, 2):
        x = keras.layers.Conv2D(4 * i, 3, strides=2, padding="same", activation="tanh", name=f"block{i}")(x)
    return keras.Model(images, x, name="encoder")
"""
exec(PLAIN)  # an encoder without batch norm: replicas normalise their own shares


def recipe(method, **fields):
    return recipes.Recipe(summary="", method=method, dataset="", epochs=2, batch_size=8, learning_rate=0.1, **fields)


class Replicas(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.count = self.model.distribute_strategy.num_replicas_in_sync


@pytest.fixture
def pretrained(monkeypatch, tmp_path):
    """A function that pretrains without saving and gives the model."""
    monkeypatch.setattr(zoo, "save", lambda *arguments, **options: None)
    monkeypatch.setattr(modalities, "picture", lambda *arguments, **options: None)
    monkeypatch.setattr(pictures, "grid", lambda *arguments, **options: None)
    monkeypatch.setattr(pictures, "curves", lambda *arguments, **options: None)

    def pretrain(recipe, replicas, **options):
        seen = Replicas()
        model, history = training.pretrain(
            recipe, out=tmp_path / str(replicas), strategy="one" if replicas == 1 else "mirrored", replicas=replicas,
            callbacks=[seen], verbose=0, **options,
        )  # fmt: skip
        assert seen.count == replicas
        return model, history

    return pretrain


def same(one, two, tolerance=1e-6):
    """The models' weights are the same and their histories too; and it isn't because nothing was learned."""
    (model, history), (model2, history2) = one, two
    assert len(model.trainable_weights) > 4
    for a, b in zip(model.trainable_weights, model2.trainable_weights, strict=True):
        np.testing.assert_allclose(a, b, atol=tolerance, rtol=0, err_msg=a.path)
    assert history.keys() == history2.keys()
    for key, values in history.items():
        np.testing.assert_allclose(values, history2[key], rtol=1e-4, atol=1e-6, err_msg=key)


def far(one, start):
    """How far training moved the weights, at most."""
    return max(np.abs(a - b).max() for a, b in zip(one[0].get_weights(), start.get_weights(), strict=True))


@mirrored
def test_two_replicas_of_compile_and_fit_learn_what_one_does(pretrained, photos):
    row = recipe("image.rotation")
    runs = [pretrained(row, n, dataset=photos[:24, ::2, ::2].copy(), encoder=plain) for n in (1, 2)]  # noqa: F821
    same(*runs)
    keras.utils.set_random_seed(0)
    assert far(runs[0], training.build(row, (None, None, 3), plain)) > 1e-3  # noqa: F821


@mirrored
def test_two_replicas_of_the_vae_learn_what_one_does(pretrained):
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1)).astype("uint8")
    options = {"code": 3, "widths": [6]}
    row = recipe("image.vae", encoder="mlp", encoder_options={"widths": [8]}, options=options).replace(
        learning_rate=1e-3
    )
    runs = [pretrained(row, n, dataset=images) for n in (1, 2)]
    same(*runs)
    keras.utils.set_random_seed(0)
    assert far(runs[0], training.build(row, (8, 8, 1))) > 1e-3


@mirrored
@pytest.mark.parametrize(
    ("method", "options", "rate"),
    [
        ("image.denoising_autoencoder", {"regularizer": {"class_name": "L2", "config": {"l2": 0.1}}}, 1e-4),
        ("image.super_resolution", {}, 1e-3),
    ],
)
def test_two_replicas_of_the_restorers_learn_what_one_does(pretrained, photos, method, options, rate):
    row = recipe(method, options={**options, "widths": [4, 4, 4, 4]}).replace(learning_rate=rate)
    runs = [pretrained(row, n, dataset=photos[:24, ::2, ::2].copy(), encoder=plain) for n in (1, 2)]  # noqa: F821
    same(*runs)
    keras.utils.set_random_seed(0)
    assert far(runs[0], training.build(row, (None, None, 3), plain)) > 1e-3  # noqa: F821


TEXTS = ["the king and the queen ruled the old land", "we cook rice with fish and salt tonight"] * 8


@mirrored
@pytest.mark.parametrize(
    ("name", "encoder", "options"),
    [
        ("word2vec", {"width": 4}, {"drawn": 4, "sample": 0}),
        ("masked_lm", {"width": 8, "depth": 1, "heads": 2, "window": 16}, {}),
        ("next_word", {"width": 8, "dropout": 0.0}, {"drawn": 4}),
        ("next_word", {"width": 8, "dropout": 0.0, "variant": "attention", "window": 16}, {"loss": "softmax"}),
        ("translation", {"width": 8, "depth": 1, "window": 16}, {"dropout": 0.0, "depth": 1, "vectors": "random"}),
    ],
)
def test_two_replicas_learn_of_texts_what_one_does(pretrained, name, encoder, options):
    row = recipes.get(name).replace(
        epochs=2, batch_size=4, window=32 if name == "word2vec" else 16, optimizer="sgd", momentum=0.9,
        learning_rate=0.1, schedule="constant", encoder_options=encoder, options=options, least=1,
    )  # fmt: skip
    texts = [f"{text}\t{text[::-1]}" for text in TEXTS] if name == "translation" else TEXTS
    one, two = (pretrained(row, n, dataset=texts) for n in (1, 2))
    for a, b in zip(one[0].weights, two[0].weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=0, err_msg=a.path)
    if name != "word2vec":  # whose loss is that of a sample
        np.testing.assert_allclose(one[1]["loss"], two[1]["loss"], rtol=1e-4)
    assert abs(one[1]["loss"][1] - one[1]["loss"][0]) > 1e-3


@mirrored
def test_two_replicas_share_a_penalty_on_codes(pretrained):
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1)).astype("uint8")
    options = {"code": 6, "regularizer": {"class_name": "L1", "config": {"l1": 0.1}}}
    row = recipe("image.sparse_autoencoder", encoder="mlp", encoder_options={"widths": [8]}, options=options)
    runs = [pretrained(row, n, dataset=images) for n in (1, 2)]
    same(*runs)
    assert runs[0][1]["loss"][0] > runs[0][1]["mse"][0] + 0.01
    keras.utils.set_random_seed(0)
    assert far(runs[0], training.build(row, (8, 8, 1))) > 1e-3


@mirrored
def test_two_replicas_of_the_gan_learn_what_one_does(pretrained, photos, monkeypatch):
    """With what differs on purpose taken out: each replica's own batch norm and spread, and images for the penalty."""
    from keras_ssl.architectures import dcgan
    from keras_ssl.methods.image import gan

    synchronized = lambda **options: layers.BatchNormalization(synchronized=True, **options)  # noqa: E731
    monkeypatch.setattr(dcgan, "BatchNormalization", synchronized)
    monkeypatch.setattr(gan, "BatchSpread", lambda **options: keras.layers.Activation("linear", **options))
    images = np.repeat(photos[:1, ::2, ::2], 24, axis=0)  # alike, so that any share has the same slope
    images[:] = images[:, :, 8:9]  # and the same when mirrored
    row = recipe("image.gan", encoder="dcgan", encoder_options={"widths": [4, 4]}, options={"noise": 4})
    runs = [pretrained(row.replace(learning_rate=0.01), n, dataset=images) for n in (1, 2)]
    same(*runs, tolerance=2e-6)
    keras.utils.set_random_seed(0)
    assert far(runs[0], training.build(row, (16, 16, 3))) > 1e-3


@mirrored
def test_each_replica_gets_a_contiguous_share_with_every_turn_in_it():
    images = np.arange(8, dtype="uint8")[:, None, None, None] * np.ones((1, 16, 16, 3), "uint8")
    rotation = methods.get("image.rotation")
    batches, _ = training.epochs_of_batches(data.open(images), rotation.pretext, batch_size=8, epochs=1)
    ((whole, _),) = list(batches)
    strategy = distribution.strategy("mirrored", 2)
    ((turned, labels),) = list(strategy.experimental_distribute_dataset(batches))
    shares = [np.asarray(t)[:, 0, 0, 0] for t in strategy.experimental_local_results(turned)]
    np.testing.assert_array_equal(np.concatenate(shares), whole[:, 0, 0, 0])
    for share, turns in zip(shares, strategy.experimental_local_results(labels), strict=True):
        assert len(set(share)) == 4  # four images of eight, all turns of each
        np.testing.assert_array_equal(turns, np.tile(range(4), 4))


def refused(*arguments, **options):
    with pytest.raises(InputError) as caught:
        distribution.strategy(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_strategies():
    default = tf.distribute.get_strategy()
    assert distribution.strategy("one") is default is distribution.strategy("auto", 1)
    if not GPUS:
        assert distribution.strategy("auto") is default
        assert distribution.strategy("auto", 2).num_replicas_in_sync == 2
    if len(GPUS) != 1:
        assert distribution.strategy("mirrored").num_replicas_in_sync == max(2, len(GPUS))


def test_what_cannot_be_a_strategy_is_told(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert "did you mean mirrored" in refused("miror")
    assert "replicas" in refused("mirrored", 0)
    assert "GPU" in refused("mirrored", 64)
    assert "TF_CONFIG" in refused("multiworker")
    workers = {"worker": ["localhost:1", "localhost:2"]}
    for config in ("{", "[]", "{}", json.dumps({"cluster": workers, "task": {"type": "worker", "index": 2}})):
        monkeypatch.setenv("TF_CONFIG", config)
        assert "TF_CONFIG" in refused("multiworker")
    if not GPUS:
        tf.constant(0) + 1
        with pytest.raises(InputError, match="before TensorFlow's first operation"):
            distribution.divide_cpu(3)


@pytest.mark.parametrize(
    ("task", "jobs", "chief"),
    [
        (("worker", 0), ["worker"], True),
        (("worker", 1), ["worker"], False),
        (("chief", 0), ["chief", "worker"], True),
        (("worker", 0), ["chief", "worker"], False),
        ((None, None), [], True),
    ],
)
def test_one_process_is_the_chief(task, jobs, chief):
    cluster = types.SimpleNamespace(jobs=jobs)
    resolver = types.SimpleNamespace(task_type=task[0], task_id=task[1], cluster_spec=lambda: cluster)
    assert distribution.is_chief(types.SimpleNamespace(cluster_resolver=resolver)) is chief
    assert distribution.is_chief(tf.distribute.get_strategy())


# Two processes on this machine as two workers.

TRAIN = (
    PLAIN
    + """
import keras, numpy as np
from keras_ssl import distribution, training

class Start(keras.callbacks.Callback):
    def __init__(self, file):
        super().__init__()
        self.file = file
    def on_train_begin(self, logs=None):
        with np.load(self.file) as file:
            self.model.set_weights([file[f"arr_{i}"] for i in range(len(file.files))])

def run(folder, out, strategy):
    with np.load(f"{folder}/images.npz") as file:
        images, labels = file["images"], file["labels"]
    model, history = training.pretrain(
        training.recipes.Recipe(summary="", method="image.rotation", dataset="", epochs=2, batch_size=8),
        dataset=images, encoder=plain, out=f"{folder}/{out}", strategy=strategy,
        callbacks=[Start(f"{folder}/start.npz")], verbose=0,
    )
    answers = {f"weight{i}": w for i, w in enumerate(model.get_weights())} | history
    with strategy.scope():  # validation, evaluate and predict
        model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, metrics=["accuracy"])
        model.optimizer.build(model.trainable_variables)
    model.set_weights([np.linspace(-1e-3, 1e-3, 768 * 3).reshape(768, 3), np.zeros(3)])
    distribution.prepare(model, strategy)
    with_validation = {"validation_data": (images, labels), "shuffle": False, "epochs": 2}
    fitted = model.fit(images, labels, batch_size=8, verbose=0, **with_validation)
    answers |= {f"fit_{k}": v for k, v in fitted.history.items()}
    answers["evaluated"] = model.evaluate(images, labels, batch_size=8, verbose=0)
    answers["predicted"] = model.predict(images, batch_size=8, verbose=0)
    return answers
"""
)
WORKER = (
    """
import json, os, sys
folder, index = sys.argv[1:]
written = []
def watch(event, arguments):
    writes = event == "open" and set(str(arguments[1])) & set("wax+") or event in ("os.mkdir", "os.rename", "os.remove")
    if writes and str(arguments[0]).startswith(folder):
        written.append(str(arguments[0]))
sys.addaudithook(watch)
"""
    + TRAIN
    + """
strategy = distribution.strategy("multiworker")
answers = run(folder, "run", strategy)
with np.load(f"{folder}/images.npz") as file:  # two optimizers, a train_step of its own, batch norm
    model, history = training.pretrain(
        "gan", dataset=file["images"], out=f"{folder}/gan", strategy=strategy, epochs=1, batch_size=8, verbose=0,
        options={"noise": 4}, encoder_options={"widths": [4, 4]},
    )
print(json.dumps(written))
np.savez(f"{folder}/worker{index}.npz", **answers)
np.savez(f"{folder}/gan{index}.npz", *model.trainable_variables)
"""
)


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.mark.timeout(900)
def test_two_workers_learn_what_one_process_does(photos, tmp_path, worker_environment, monkeypatch):
    images = photos[:24, ::2, ::2]
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(24) % 3)
    start = training.build(recipe("image.rotation"), (None, None, 3), plain)  # noqa: F821
    np.savez(tmp_path / "start.npz", *start.get_weights())
    workers = [f"localhost:{port}" for port in free_ports(2)]
    processes = []
    try:
        for index in (0, 1):
            config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            env = worker_environment(TF_CONFIG=json.dumps(config), KERAS_SSL_ZOO=str(tmp_path / "zoo"))
            command = [sys.executable, "-c", WORKER, str(tmp_path), str(index)]
            processes.append(
                subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
        began = time.time()
        outputs = [process.communicate(timeout=max(1, 600 - (time.time() - began))) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors[-6000:]
    chief_wrote, other_wrote = (json.loads(out.splitlines()[-1]) for out, _ in outputs)
    assert other_wrote == [] and any(file.endswith("history.csv") for file in chief_wrote)
    assert len(list((tmp_path / "run" / "tensorboard").rglob("events*"))) == 1

    monkeypatch.setenv("KERAS_SSL_ZOO", str(tmp_path / "zoo_of_one"))
    exec(TRAIN, alone := {})
    answers = alone["run"](str(tmp_path), "run_of_one", tf.distribute.get_strategy())
    with np.load(tmp_path / "worker0.npz") as first, np.load(tmp_path / "worker1.npz") as second:
        assert set(first.files) == answers.keys() and set(second.files) < set(first.files)
        for key in second.files:
            np.testing.assert_array_equal(first[key], second[key], err_msg=key)
        for key, values in answers.items():
            np.testing.assert_allclose(first[key], values, atol=1e-5, rtol=1e-5, err_msg=key)
    with np.load(tmp_path / "gan0.npz") as first, np.load(tmp_path / "gan1.npz") as second:
        for key in first.files:  # both workers took the same steps
            np.testing.assert_array_equal(first[key], second[key])
    assert np.isfinite(training.read_history(tmp_path / "gan" / "history.csv")["generator_loss"]).all()
    moved = [np.abs(a - answers[f"weight{i}"]).max() for i, a in enumerate(start.get_weights())]
    assert max(moved) > 1e-3
    loaded = saving.open_keras_file(tmp_path / "zoo" / "run" / "model.keras")
    np.testing.assert_allclose(loaded.get_weights()[0], answers["weight0"], atol=1e-5)
