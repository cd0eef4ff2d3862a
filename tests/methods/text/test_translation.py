import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, data, energies, methods, recipes, training
from keras_ssl.errors import InputError
from keras_ssl.layers.vocabulary import MASK, Lexicon
from keras_ssl.methods.text import translation

WORDS = {"a man": "ein mann", "a dog": "ein hund", "two dogs": "zwei hunde", "a child": "ein kind"}
VERBS = {"runs": ("rennt", "rennen"), "sleeps": ("schläft", "schlafen"), "waits": ("wartet", "warten")}
PAIRS = [
    f"{a} {v} .\t{b} {german[b.startswith('zwei')]} ." for a, b in WORDS.items() for v, german in VERBS.items()
] * 4


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    monkey = pytest.MonkeyPatch()
    monkey.setenv("KERAS_SSL_ZOO", str(tmp_path_factory.mktemp("zoo")))
    model, history = training.pretrain(
        "translation", dataset=PAIRS, out=tmp_path_factory.mktemp("run") / "run", name="t", least=1, window=8,
        epochs=40, batch_size=12, learning_rate=5e-3, encoder_options={"width": 32, "depth": 1, "window": 8},
        options={"depth": 1}, verbose=0,
    )  # fmt: skip
    monkey.undo()
    return model, history


def build(**options):
    known = Lexicon(["a", "man", "dog"], True, Lexicon(["ein", "mann", "hund", "."]))
    encoder = architectures.build("text_transformer", known, width=8, depth=1, heads=2)
    return translation.build(encoder, known, heads=2, depth=1, **options)


def test_a_small_language_is_translated(trained):
    model, history = trained
    assert history["loss"][-1] < history["loss"][0] / 2
    assert model.translate("Two dogs sleep.").startswith("zwei hunde")
    assert model.translate(["A man runs.", "a child waits ."]) == ["ein mann rennt.", "ein kind wartet."]
    assert model.translate("") == model.translate("unheard 🎬") == ""
    figures = translation.measure(model, data.open({"train": PAIRS, "test": PAIRS[:12]}))
    assert figures["bleu"]["value"] > 90 > 5 > figures["bleu"]["copied"]
    assert figures["energy_auc"]["value"] > 0.95


def test_energy_tells_a_translation_from_another(trained):
    model, _ = trained
    texts, right = zip(*[pair.split("\t") for pair in PAIRS[:12]], strict=True)
    mine = energies.energy(model, list(texts), list(right))
    assert (
        mine.shape == (12,)
        and energies.auc(mine, energies.energy(model, list(texts), list(right[1:] + right[:1]))) > 0.9
    )
    assert model.energy("a man runs .", "ein mann rennt .") == pytest.approx(
        mine[list(texts).index("a man runs .")], abs=1e-4
    )
    with pytest.raises(InputError, match="got 2 and 1"):
        model.energy(["a", "b"], ["c"])


def test_texts_of_every_kind_are_answered(trained):
    model, _ = trained
    odd = ["", "🎬", "a man " * 3_000, "unheard", b"caf\xe9 man", "a\tman"]
    answers = model.translate(odd)
    assert len(answers) == 6 and answers[0] == "" and all(isinstance(answer, str) for answer in answers)
    assert max(len(answer.split()) for answer in answers) <= translation.LONGEST
    assert np.isfinite(model.energy(odd, odd)).all() and np.isfinite(model.predict(odd)).all()


def test_each_word_and_the_end_are_asked_for():
    pairs = tf.constant([[5, 6, 0, 0, 7, 8, 0, 0], [5, 0, 0, 0, 9, 0, 0, 0]])
    (source, before), words, weights = translation.pretext(pairs, [0, 0])
    np.testing.assert_array_equal(source, [[5, 6], [5, 0]])
    np.testing.assert_array_equal(before, [[MASK, 7, 8], [MASK, 9, 0]])
    np.testing.assert_array_equal(words, [[7, 8, MASK], [9, MASK, 0]])
    np.testing.assert_allclose(weights, (np.asarray(words) > 0) * 6 / 5)


def test_smoothed_loss_is_that_of_keras():
    logits = np.random.default_rng(0).normal(size=(2, 3, 6)).astype("float32")
    logits[..., 0] = -1e9  # padding, which Keras would smooth towards too
    words = np.array([[1, 2, 5], [3, 3, 4]])
    keras_loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, reduction=None)
    right = keras_loss(np.eye(5)[words - 1], logits[..., 1:])
    np.testing.assert_allclose(translation.LOSS(words, logits), right, rtol=1e-5)


def test_what_is_written_later_isnt_seen():
    model = build()
    ids, before = np.array([[3, 4]]), np.array([[MASK, 3, 4, 5]])
    other = np.array([[MASK, 3, 6, 6]])
    np.testing.assert_allclose(model([ids, before])[:, :2], model([ids, other])[:, :2], atol=1e-5)
    assert not np.allclose(model([ids, before])[:, 2], model([ids, other])[:, 2], atol=1e-3)
    padded = np.pad(ids, [(0, 0), (0, 5)])
    np.testing.assert_allclose(model([padded, before]), model([ids, before]), atol=1e-4)


def test_texts_without_translations_are_refused(tmp_path):
    with pytest.raises(InputError, match="isn't of pairs: a text, a tab, and its translation"):
        training.pretrain("translation", dataset=["a man", "a dog"], out=tmp_path / "run", least=1, verbose=0)
    with pytest.raises(InputError, match="multiple of heads"):
        build(width=7)


def test_tables_start_from_vectors_of_each_language_in_one_space():
    row = recipes.get("translation").replace(least=1, window=8)
    method = methods.get(row.method)
    prepared = method.prepare(data.open(PAIRS), row)
    assert method.prepare(data.open(PAIRS), row, vectors="random").begin is None
    encoder = architectures.build("text_transformer", prepared.known, width=16, depth=1)
    model = translation.build(encoder, prepared.known)
    before = [keras.ops.convert_to_numpy(table).copy() for table in model.tables()]
    prepared.begin(model)
    after = [keras.ops.convert_to_numpy(table) for table in model.tables()]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old[:3], new[:3])
        assert not np.allclose(old[3:], new[3:]) and new[3:].std() == pytest.approx(1 / 4, rel=1e-3)
