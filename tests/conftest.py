"""What the tests share: TensorFlow kept quiet and on two logical CPU devices, a zoo of their own, tiny networks."""

import gc
import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # no test needs a GPU; give one to run them on it

# Workers that all had as many threads as there are cores would spend a quarter of the time on waiting for each other.
os.environ.update(
    dict.fromkeys(
        ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
        str(max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))),
    )
)

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ssl
from keras_ssl import data, distribution, recipes, zoo
from keras_ssl.methods.image import rotation

distribution.divide_cpu(2)
# Graphs are millions of objects: by default 8 % of the contract's time went to the collector's rounds, so 3 %.
gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def zoo_of_the_session(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_SSL_ZOO", str(tmp_path_factory.mktemp("zoo")))
        yield


@pytest.fixture
def own_zoo(tmp_path, monkeypatch):
    """An empty folder as the user's own zoo."""
    monkeypatch.setenv("KERAS_SSL_ZOO", str(tmp_path / "own"))
    return tmp_path / "own"


@pytest.fixture(autouse=True)
def seeds():
    keras.utils.set_random_seed(1)


@pytest.fixture(scope="session")
def photos():
    """64 photos (64, 32, 32, 3), uint8."""
    images, _ = data.open("cifar10_sample").arrays("train", limit=64)
    images.flags.writeable = False
    return images


@pytest.fixture(scope="session")
def tiny():
    """Builds the shared encoder with few channels."""

    def build(shape=(None, None, 3), **options):
        return keras_ssl.architectures.build("convnet", shape, **{"widths": (4, 4, 4), "stem": 8, **options})

    return build


@pytest.fixture(scope="session")
def made(tmp_path_factory, tiny):
    """(a tiny model, the folder of a zoo that holds it as "tiny")."""
    keras.utils.set_random_seed(1)
    model = rotation.build(tiny(widths=(4, 4, 32)))
    folder = tmp_path_factory.mktemp("made")
    recipe = recipes.get("rotation").replace(dataset="cifar10_sample", epochs=1)
    zoo.save(model, "tiny", recipe=recipe, dataset=data.open("cifar10_sample"), folder=folder)
    return model, folder


@pytest.fixture(scope="session")
def fresh():
    """Runs Python code in a process of its own and gives what it printed; its failure is the test's."""

    def run(code, *arguments, timeout=None, cwd=None, **env):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)], env=environment(**env),
            capture_output=True, text=True, timeout=timeout, cwd=cwd,
        )  # fmt: skip
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr[-6000:]}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def worker_environment():
    """A function (**env) -> the environment of a new process of these tests."""
    return environment


def environment(**env):
    """This process's environment, in which keras_ssl is found wherever it was found here."""
    found = str(pathlib.Path(keras_ssl.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([found, os.environ.get("PYTHONPATH", "")]), **env}


@pytest.fixture(scope="session")
def ask_endpoints():
    """A function (model, images) -> {endpoint: (inputs, outputs)}: what each of a model's endpoints answers."""

    def ask(model, images):
        answers = {}
        for name, (function, signature) in model.endpoints().items():
            inputs = [example(spec, images) for spec in signature]
            answers[name] = inputs, [np.asarray(o) for o in keras.tree.flatten(function(*inputs))]
        return answers

    return ask


def example(spec, images):
    """An input for an endpoint: pictures, holes for a mask, sounds, texts, small integers, noise, or the number 3."""
    rank = len(spec.shape)
    if spec.name == "mask":
        return tf.cast(tf.random.stateless_uniform(images[:2].shape[:rank], [1, 2]) < 0.3, spec.dtype)
    if spec.name == "waveforms":
        samples = tf.random.stateless_normal([2, 3000], [1, 2]) / 10
        return samples if spec.dtype == tf.float32 else tf.cast(32768 * samples, spec.dtype)
    if spec.dtype == tf.string:
        return tf.constant(list(images[:2]) if rank else images[0])
    if rank == 0:
        return tf.cast(3, spec.dtype)
    if spec.dtype in (tf.int32, tf.int64):
        return tf.random.stateless_uniform([2 if n is None else n for n in spec.shape], [1, 2], 0, 3, spec.dtype)
    if rank == 5:
        return tf.cast(images[:2, : spec.shape[1]], spec.dtype)
    if rank >= 3:
        return tf.cast(images[:2] if rank == 4 else images[0], spec.dtype)
    return tf.random.stateless_normal([2 if n is None else n for n in spec.shape], [1, 2])


def plain(x):
    """An array that a file takes without pickles: texts as bytes."""
    x = np.asarray(x)
    return x.astype("S") if x.dtype == object else x


ASK_SAVED_MODELS = """
import json, sys
sys.modules["keras_ssl"] = None  # importing it fails
import numpy as np, tensorflow as tf
asked = np.load(sys.argv[1])
found = {}
for name, folder in json.loads(sys.argv[2]).items():
    loaded = tf.saved_model.load(folder)
    endpoints = sorted({key.split("|")[1] for key in asked if key.split("|")[0] == name})
    for endpoint in endpoints:
        part = f"{name}|{endpoint}|"
        count = len([key for key in asked if key.startswith(part + "in")])
        inputs = [tf.constant(asked[f"{part}in{i}"]) for i in range(count)]
        answers = tf.nest.flatten(getattr(loaded, endpoint)(*inputs))
        for i, answer in enumerate(answers):
            right = asked[f"{part}out{i}"]
            assert answer.shape == right.shape, (name, endpoint, answer.shape, right.shape)
            if right.dtype.kind == "S":
                assert np.array_equal(np.asarray(answer.numpy()).astype("S"), right), (name, endpoint)
                answer, right = tf.zeros(1), np.zeros(1)
            difference = float(np.abs(answer.numpy().astype("float64") - right).max())
            found[f"{name}|{endpoint}|{i}"] = difference / max(float(np.ptp(right) if right.ndim else abs(right)), 1e-6)
    assert set(loaded.signatures) >= {"serving_default"}, list(loaded.signatures)
print(json.dumps(found))
"""


@pytest.fixture(scope="session")
def write_asked(tmp_path_factory):
    """A function ({name: answers of ask_endpoints}, more arrays) -> a file of them, for another process to compare."""

    def write(answers, more=()):
        arrays = dict(more)
        for name, endpoints in answers.items():
            for endpoint, (inputs, outputs) in endpoints.items():
                arrays |= {f"{name}|{endpoint}|in{i}": plain(x) for i, x in enumerate(inputs)}
                arrays |= {f"{name}|{endpoint}|out{i}": plain(x) for i, x in enumerate(outputs)}
        file = tmp_path_factory.mktemp("asked") / "asked.npz"
        np.savez(file, **arrays)
        return file

    return write


@pytest.fixture(scope="session")
def ask_saved_models(fresh, write_asked):
    """A function ({name: folder}, {name: answers of ask_endpoints}) -> {"name|endpoint|output": difference / range}.

    It asks the SavedModels in a process without keras_ssl.
    """

    def ask(folders, answers):
        folders = {name: str(folder) for name, folder in folders.items()}
        return json.loads(fresh(ASK_SAVED_MODELS, write_asked(answers), json.dumps(folders)))

    return ask
