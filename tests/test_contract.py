"""Every row of recipes.py: a new one is covered with nothing more written."""

import functools
import inspect
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, data, methods, modalities, recipes, saving, training, zoo
from keras_ssl.architectures.text import given_ids
from keras_ssl.errors import InputError
from keras_ssl.layers import WordEmbedding

ROWS = list(recipes.RECIPES)
BATCH = 16


def is_text(name):
    return recipes.get(name).method.startswith("text.")


def modality_of(name):
    return modalities.of(recipes.get(name).method)


@functools.cache
def images_of(name):
    """64 images, texts or waveforms of the bundled sample that stands for the row's data set, labels, its DataSet."""
    row = recipes.get(name)
    opened = modalities.of(row.method).open(row, modalities.of(row.method).SAMPLES.get(row.dataset, row.dataset))
    return *opened.arrays("train", limit=64), opened


@functools.cache
def prepared_for(name):
    row = recipes.get(name)
    return modalities.of(row.method).prepare(images_of(name)[2], row)


def batch_of(name, method):
    """(a batch as pretext takes it, its keyword arguments)."""
    options, _, _ = methods.options_of(method, recipes.get(name).options)
    prepared = prepared_for(name)
    batch = next(iter(prepared.examples.stream("train", labels=getattr(method, "LABELLED", False)).batch(BATCH)))
    return batch, {**options, **methods.wanted(method.pretext, counts=prepared.counts)}


def shrunk(row):
    """The row's encoder options with four channels everywhere, or 16 units, as far as its architecture has those."""
    defaults = {k: p.default for k, p in inspect.signature(architectures.ENCODERS[row.encoder]).parameters.items()}
    blocks = len(row.encoder_options.get("widths", defaults.get("widths", ())))
    small = {"stem": 8, "units": 16, "width": 16, "depth": 2, "widths": [4] * blocks}
    return {**row.encoder_options, **{k: v for k, v in small.items() if k in defaults}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A function row name -> (model, history, folder of its entry, images): one epoch on 64 images; each row once."""
    done = {}
    folder = tmp_path_factory.mktemp("contract")

    def train(name):
        if name not in done:
            row = recipes.get(name)
            images, labels, opened = images_of(name)
            labelled = getattr(methods.get(row.method), "LABELLED", False)
            model, history = training.pretrain(
                row.replace(encoder_options=shrunk(row)),
                dataset=(images, labels) if labelled else images,
                name=f"contract-{name}",
                out=folder / name,
                epochs=1,
                batch_size=BATCH,
                verbose=0,
            )
            done[name] = model, history, zoo.path(f"contract-{name}"), images
        return done[name]

    return train


@pytest.mark.parametrize("name", ROWS)
def test_recipe_is_plain_data(name):
    row = recipes.get(name)
    again = recipes.Recipe.from_dict(json.loads(json.dumps(row.to_dict())))
    assert again == row, "lists and not tuples, so that JSON gives the same back"
    assert row.summary.endswith(".") and "\n" not in row.summary
    assert row.encoder in architectures.ENCODERS or row.encoder.startswith("keras.applications:")
    training.make_optimizer(row, 100)
    assert row.precision in saving.PRECISIONS


@pytest.mark.parametrize("name", ROWS)
def test_method_has_its_names(name):
    method = methods.get(recipes.get(name).method)
    assert method.__doc__.splitlines()[0].endswith(".")
    assert re.search(r"(19|20)\d\d", method.__doc__) or hasattr(method, "LABELLED"), "names its source"
    for function in ("pretext", "build", "measure", "show"):
        assert inspect.getdoc(getattr(method, function)), function
    assert list(inspect.signature(method.pretext).parameters)[1] == "seed"
    assert isinstance(method.METRICS, list) and hasattr(method, "LOSS")
    methods.options_of(method, recipes.get(name).options)


@pytest.mark.parametrize("name", ROWS)
def test_pretext_is_a_function_of_batch_and_seed(name):
    row = recipes.get(name)
    method = methods.get(row.method)
    batch, options = batch_of(name, method)

    def pretext(seed):
        return [np.asarray(x) for x in keras.tree.flatten(method.pretext(batch, tf.constant(seed), **options))]

    once, again, *others = map(pretext, ([3, 4], [3, 4], [3, 5], [4, 4]))
    assert len(once) >= 1 and all(len(x) for x in once)
    for a, b in zip(once, again, strict=True):
        np.testing.assert_array_equal(a, b)
    given = keras.tree.flatten(batch)[0].numpy()
    drawing = inspect.getsource(method.pretext).count("seed") > 1
    if drawing and not all(x.shape == given.shape and (x == given).all() for x in once):  # else nothing is drawn
        for other in others:
            assert any((a != b).any() for a, b in zip(once, other, strict=True))


@pytest.mark.parametrize("name", ROWS)
def test_pretext_runs_in_a_graph(name):
    row = recipes.get(name)
    method = methods.get(row.method)
    batch, options = batch_of(name, method)
    seed = tf.constant([3, 4])
    eager = keras.tree.flatten(method.pretext(batch, seed, **options))
    mapped = tf.data.Dataset.from_tensors((batch, seed)).map(lambda b, s: method.pretext(b, s, **options))
    graph = keras.tree.flatten(next(iter(mapped)))
    for a, b, spec in zip(eager, graph, keras.tree.flatten(mapped.element_spec), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * max(10, np.abs(a).max()))  # pixels reach 255
        known = spec.shape[2:] if row.method == "text.translation" else spec.shape[1:]  # its batches differ in length
        assert spec.shape.rank == a.shape.rank and all(known), "networks need to know their input's shape"


def other_encoder(shape):
    """An encoder that no method knows: no block by a usual name, nor the model, half the size, three channels.

    Of clips, a map of each frame. Of texts, for words: a table of three numbers a word. Of waveforms a sequence.
    """
    if not isinstance(shape[0], int | None):
        given, ids, size = given_ids(shape)
        return keras.Model(given, WordEmbedding(size, 3, name="embedding")(ids), name="mine")
    if len(shape) == 1:
        waveforms = keras.Input(shape, name="waveforms")
        x = keras.layers.Reshape((-1, 1))(waveforms)
        return keras.Model(waveforms, keras.layers.Conv1D(3, 64, strides=50, padding="same")(x), name="mine")
    images = keras.Input(shape, name="image")
    if len(shape) == 4:
        return keras.Model(images, keras.layers.Conv3D(3, 3, (1, 2, 2), padding="same")(images), name="mine")
    x = keras.layers.Conv2D(3, 3, strides=2, padding="same", activation="relu")(images)
    return keras.Model(images, x, name="mine")


def taken(model, images):
    """Images or texts, or of clips as many frames as a model takes."""
    return images[:, : model.input_shape[1]] if len(model.input_shape) == 5 else images


@pytest.mark.parametrize("name", ROWS)
def test_any_encoder_meets_the_method(name):
    row = recipes.get(name)
    images, *_ = images_of(name)
    known = prepared_for(name).known
    if getattr(methods.get(row.method), "OWN_ENCODER", False):
        with pytest.raises(InputError, match="encoder"):
            training.build(row, known, other_encoder)
        return
    model = training.build(row, known, other_encoder)
    answer = model.predict(taken(model, images[:2]))
    assert all(len(a) == 2 and np.isfinite(a).all() for a in keras.tree.flatten(answer))
    encoder = architectures.encoder_of(model)
    assert encoder.name == "encoder" and encoder.count_params() <= model.count_params()
    assert np.isfinite(encoder.predict(taken(encoder, images[:2]))).all()


@pytest.mark.parametrize("name", ROWS)
def test_one_epoch_trains(name, trained):
    model, history, folder, images = trained(name)
    assert all(len(values) == 1 and np.isfinite(values).all() for values in history.values())
    assert any("loss" in key for key in history)
    row = recipes.get(name).replace(encoder_options=shrunk(recipes.get(name)))
    known = modalities.of(row.method).prepare(data.open({"train": images}), row).known
    untrained = training.build(row, known)
    untrained = untrained.kept() if hasattr(untrained, "kept") else untrained
    assert [w.shape for w in model.weights] == [w.shape for w in untrained.weights]
    assert all(np.isfinite(w).all() for w in model.get_weights())
    info = zoo.info(f"contract-{name}")
    assert info["recipe"]["method"] == recipes.get(name).method
    encoder = zoo.encoder(f"contract-{name}", pooling="avg")
    assert encoder.predict(taken(encoder, images[:3])).ndim == 2


@pytest.mark.parametrize("name", ROWS)
def test_show_gives_rows_for_a_picture(name, trained):
    model, _, folder, images = trained(name)
    assert (folder / "preview.png").read_bytes().startswith(b"\x89PNG")
    method = methods.get(recipes.get(name).method)
    rows = method.show(model, method.ASKED if is_text(name) else images[:8])
    assert len(rows) >= 1
    if is_text(name):
        assert all(isinstance(asked, str) and len(answer) == 2 for asked, answers in rows for answer in answers)
        return
    for title, pictures, captions in rows:
        if modality_of(name) is modalities.of("audio"):
            assert all(each.ndim == 1 and np.isfinite(each).all() and np.abs(each).max() <= 8 for each in pictures)
            assert captions is None or len(captions) == len(pictures)
            continue
        pictures = np.asarray(pictures)
        assert isinstance(title, str) and pictures.ndim == 4 and pictures.shape[-1] in (1, 3)
        assert np.isfinite(pictures).all() and pictures.min() >= -1e-3 and pictures.max() <= 255.001
        assert captions is None or len(captions) == len(pictures)


FRESH = """
import json, sys
import keras, numpy as np, tensorflow as tf
from keras_ssl import saving
asked = np.load(sys.argv[1])
found = {}
for name, folder in json.loads(sys.argv[2]).items():
    model = saving.open_keras_file(folder + "/model.keras")
    for i, weight in enumerate(model.get_weights()):
        assert np.array_equal(weight, asked[f"{name}|weight{i}"]), (name, model.weights[i].path)
    assert f"{name}|weight{len(model.weights)}" not in asked.files
    verbs = []
    for endpoint, (function, signature) in model.endpoints().items():
        part = f"{name}|{endpoint}|"
        inputs = [asked[f"{part}in{i}"] for i in range(len(signature))]
        answers = {"endpoint": function(*[tf.constant(i) for i in inputs])}
        if endpoint.startswith("serve"):
            answers["predict"] = model.predict(inputs[0])
        else:  # the verb, called as a person calls it
            inputs = [i.item() if i.ndim == 0 else i for i in inputs]
            answers["verb"] = getattr(model, endpoint)(*inputs)
            if isinstance(answers["verb"], list) and isinstance(answers["verb"][0], str):
                answers["verb"] = np.array(answers["verb"])
            elif isinstance(answers["verb"], list):  # [[(word, probability), ...], ...] of texts
                words, shares = zip(*[zip(*row) for row in answers["verb"]])
                answers["verb"] = [np.array(shares), np.array(words)]
        for way, answer in answers.items():
            for i, a in enumerate(keras.tree.flatten(answer)):
                right = asked[f"{part}out{i}"]
                assert np.shape(a) == right.shape, (name, endpoint, way, np.shape(a), right.shape)
                if right.dtype.kind == "S":
                    encoded = [b if isinstance(b, bytes) else b.encode() for b in np.ravel(np.asarray(a)).tolist()]
                    assert encoded == np.ravel(right).tolist(), (name, endpoint, way)
                    a = right = np.zeros(1)
                difference = float(np.abs(np.asarray(a, "float64") - right).max())
                spread = float(np.ptp(right) if right.ndim else abs(right))
                found[f"{name}|{endpoint}|{way}|{i}"] = difference / max(spread, 1e-6)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def asked(trained, ask_endpoints, request):
    """({row: folder}, {row: what its endpoints answer}, {row: weights}) of the rows that pytest selected."""
    asking = [item.callspec.params for item in request.session.items if "asked" in getattr(item, "fixturenames", ())]
    folders, answers, weights = {}, {}, {}
    for name in sorted({params["name"] for params in asking}, key=ROWS.index):
        model, _, folder, images = trained(name)
        folders[name], answers[name], weights[name] = folder, ask_endpoints(model, images), model.get_weights()
    return folders, answers, weights


@pytest.fixture(scope="module")
def reopened(asked, fresh, write_asked):
    """{"row|endpoint|way|output": difference / range} of the .keras files in a fresh process."""
    folders, answers, weights = asked
    more = {f"{name}|weight{i}": w for name, ws in weights.items() for i, w in enumerate(ws)}
    file = write_asked(answers, more)
    return json.loads(fresh(FRESH, file, json.dumps({k: str(v) for k, v in folders.items()})))


@pytest.fixture(scope="module")
def served(asked, ask_saved_models):
    """{"row|endpoint|output": difference / range} of the SavedModels in a process without keras_ssl."""
    folders, answers, _ = asked
    return ask_saved_models({name: folder / "saved_model" for name, folder in folders.items()}, answers)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ROWS)
def test_file_opens_the_same_in_a_fresh_process(name, reopened):
    mine = {key: value for key, value in reopened.items() if key.split("|")[0] == name}
    assert {key.split("|")[2] for key in mine} >= {"endpoint", "predict"}
    assert max(mine.values()) <= 1e-4, mine


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ROWS)
def test_saved_model_answers_without_the_package(name, served):
    mine = {key: value for key, value in served.items() if key.split("|")[0] == name}
    assert {key.split("|")[1] for key in mine} >= set(modality_of(name).ENDPOINTS)
    assert max(mine.values()) <= 1e-4, mine


@pytest.mark.parametrize("name", ROWS)
def test_figures_stand_beside_what_needs_no_learning(name, trained):
    row = recipes.get(name)
    model, *_ = trained(name)
    images, labels, _ = images_of(name)
    parts = {split: (images[half], labels[half]) if labels is not None else images[half]
             for split, half in (("train", slice(48)), ("test", slice(48, None)))}  # fmt: skip
    figures = methods.get(row.method).measure(model, data.open(parts))
    assert all(np.isfinite([float(v) for v in values.values()]).all() for values in figures.values())
    assert all(next(iter(values)) == "value" for values in figures.values())
    assert any(len(values) > 1 for values in figures.values())
