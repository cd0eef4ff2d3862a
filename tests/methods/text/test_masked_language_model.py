import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, energies, training
from keras_ssl.errors import InputError
from keras_ssl.layers.vocabulary import MASK, Vocabulary, split
from keras_ssl.methods.text import masked_language_model
from keras_ssl.words import corruption

TEXTS = ["the king ruled the old land .", "we cook the fish with rice ."] * 16


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    monkey = pytest.MonkeyPatch()
    monkey.setenv("KERAS_SSL_ZOO", str(tmp_path_factory.mktemp("zoo")))
    model, history = training.pretrain(
        "masked_lm", dataset=TEXTS, out=tmp_path_factory.mktemp("run") / "run", name="m", epochs=120, window=8,
        batch_size=16, learning_rate=0.02, options={"hidden": 0.3}, verbose=0,
        encoder_options={"width": 16, "depth": 1, "heads": 2, "window": 8},
    )  # fmt: skip
    monkey.undo()
    return model, history


def test_hidden_words_are_told_from_both_sides(trained):
    model, history = trained
    assert history["loss"][-1] < history["loss"][0] / 2
    (word, share), *_ = model.fill("we [MASK] the fish with rice .", 3)
    assert word == "cook" and share > 0.5
    assert model.fill("The king ruled the [MASK] land .", 1)[0][0] == "old"


def test_several_blanks_and_several_texts(trained):
    model, _ = trained
    both = model.fill("we [MASK] the fish with [MASK] .", 2)
    assert [len(row) for row in both] == [2, 2] and [row[0][0] for row in both] == ["cook", "rice"]
    many = model.fill(["we [MASK] the fish with rice .", "the [MASK] ruled"], 2)
    assert len(many) == 2 and many[0][0][0] == "cook"
    assert len(model.fill("the king", 4)) == 4  # without a blank, how it goes on
    probabilities = [p for _, p in model.fill("a [MASK]", 100)]
    assert sum(probabilities) == pytest.approx(1, abs=1e-4)


def test_energy_is_that_of_each_word_hidden_with_every_seventh(trained):
    model, _ = trained
    text = "the king ruled the old land . we"  # of eight words, the first and the last are hidden together
    ids = model.words()(tf.constant([text])).numpy()
    nats = []
    for place in range(8):
        hidden = ids.copy()
        hidden[0, place % 7 :: 7] = MASK
        logits = model([tf.constant(hidden), tf.constant([[place]])], training=False).numpy()[0, 0, 3:]
        nats.append(np.log(np.exp(logits).sum()) - logits[ids[0, place] - 3])
    assert model.energy(text) == pytest.approx(np.mean(nats), rel=1e-3)
    assert model.energy("the king ruled the old land .") < model.energy("the king ruled fish old land .")


def test_unlikely_words_raise_the_energy(trained):
    model, _ = trained
    spoiled = corruption.replaced(TEXTS, model.words(), share=0.3)
    assert energies.auc(energies.energy(model, TEXTS), energies.energy(model, spoiled)) > 0.85


def test_texts_of_every_kind_have_finite_answers(trained):
    model, _ = trained
    odd = ["", "🎬🎬", "king " * 20_000, "unheard of", b"caf\xe9 king", "[MASK] [MASK]"]
    energy = model.energy(odd)
    assert energy.shape == (6,) and np.isfinite(energy).all() and energy[0] == energy[3] == 0
    assert np.isfinite(model.predict(odd)).all()
    assert architectures.encoder_of(model).predict(odd[:2]).shape == (2, 2, 16)


def test_pretext_hides_a_share_of_the_known_words():
    draw = np.random.default_rng(0)
    windows = draw.integers(1, 50, (400, 40)).astype("int32")  # 1: unknown
    windows[::2, 20:] = 0
    counts = np.ones(50)
    (said, places), words, weights = masked_language_model.pretext(tf.constant(windows), [1, 2], counts)
    said, places, words, weights = (np.asarray(x) for x in (said, places, words, weights))
    assert places.shape == words.shape == weights.shape == (400, 6)
    np.testing.assert_array_equal(words, np.take_along_axis(windows, places, axis=1))
    chosen = weights > 0
    known = (windows >= 3).sum(axis=1)
    np.testing.assert_array_equal(chosen.sum(axis=1), np.maximum(np.round(known * np.float32(0.15)), 1))
    assert weights.mean() == pytest.approx(1, rel=1e-5) and len(np.unique(weights[chosen])) == 1
    assert words[chosen].min() >= 3 and all(len(set(row)) == 6 for row in places)
    now = np.take_along_axis(said, places, axis=1)
    assert np.mean(now[chosen] == MASK) == pytest.approx(0.8, abs=0.03)
    assert np.mean(now[chosen] == words[chosen]) == pytest.approx(0.1, abs=0.03)
    assert now[chosen].min() >= MASK and (now[~chosen] == words[~chosen]).all()
    same = said == windows
    np.put_along_axis(same, places, True, axis=1)
    assert same.all()  # nothing else is touched
    for wrong in (0, 1, -0.1):
        with pytest.raises(InputError, match="share"):
            masked_language_model.pretext(tf.constant(windows), [1, 2], counts, hidden=wrong)


def test_a_share_of_the_words_is_replaced():
    vocabulary = Vocabulary(["a"])
    texts = ["one two three four five six seven eight nine ten", "eleven", ""]
    spoiled = corruption.replaced(texts, vocabulary, share=0.3, seed=1)
    assert spoiled.tolist() == corruption.replaced(texts, vocabulary, share=0.3, seed=1).tolist()
    cut = [[w.decode() for w in row] for row in split(tf.constant(spoiled.tolist())).to_list()]
    changed = sum(a != b for a, b in zip(cut[0], texts[0].split(), strict=True))
    assert 1 <= changed <= 3 and len(cut[1]) == 1 and cut[2] == []
    assert {w for row in cut for w in row} <= set(" ".join(texts).split())
