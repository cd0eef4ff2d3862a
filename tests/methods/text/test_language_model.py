import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, data, recipes, training, zoo
from keras_ssl.architectures.text import given_ids
from keras_ssl.errors import InputError
from keras_ssl.layers import SelfAttention, WordEmbedding
from keras_ssl.layers.vocabulary import MASK
from keras_ssl.methods.text import language_model
from keras_ssl.words import answers

WORDS = ["the", "king", "ruled", "land", ".", "fish", "we", "cook"]
TEXTS = ["the king ruled the land .", "we cook the fish ."] * 16
VARIANTS = ["recurrent", "feed_forward", "attention"]


def small(variant="recurrent", window=8):
    encoder = architectures.build("language_model", WORDS, variant=variant, width=8, depth=1, heads=2, window=window)
    return language_model.build(encoder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    monkey = pytest.MonkeyPatch()
    monkey.setenv("KERAS_SSL_ZOO", str(tmp_path_factory.mktemp("zoo")))
    model, history = training.pretrain(
        "next_word", dataset=TEXTS, out=tmp_path_factory.mktemp("run") / "run", name="n", least=1, epochs=30, window=8,
        batch_size=8, learning_rate=0.02, encoder_options={"width": 16, "dropout": 0.0}, options={"drawn": 16},
        verbose=0,
    )  # fmt: skip
    monkey.undo()
    return model, history


def test_each_word_is_asked_for_told_those_before_it():
    windows = tf.constant([[3, 4, 0, 5, 6], [4, 0, 0, 0, 0]])
    (before, _, others, _), asked, weights = language_model.pretext(windows, [1, 2], np.arange(8), drawn=4)
    np.testing.assert_array_equal(before, [[MASK, 3, 0, MASK, 5], [MASK, 0, 0, 0, 0]])  # a text begins twice
    np.testing.assert_array_equal(asked, windows)
    np.testing.assert_allclose(weights, (np.asarray(windows) > 0) * 2.0)
    assert others.shape == (2, 4) and others.numpy().min() >= 1


def test_what_always_follows_is_learned(trained):
    model, _ = trained
    (word, share), *_ = model.next("we cook the", 3)
    assert word == "fish" and share > 0.5
    assert model.next("The king", 1)[0][0] == "ruled"
    assert [len(row) for row in model.next(["we", ""], 2)] == [2, 2]
    # Four of five words follow from those before; the first is one of two.
    assert model.perplexity(TEXTS) < 1.6
    assert model.energy("the king ruled the land .") < model.energy("land the . ruled king the")


def test_perplexity_is_of_all_words_and_energy_of_each_text(trained):
    model, _ = trained
    texts = ["the king ruled the land .", "we", ""]
    energy = model.energy(texts)
    assert energy[2] == 0
    assert model.perplexity(texts) == pytest.approx(np.exp((6 * energy[0] + energy[1]) / 7), rel=1e-4)
    with pytest.raises(InputError, match="no word"):
        model.perplexity(["", " "])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("length", [1, 5, 8, 13, 21])
def test_surprise_adds_up_to_the_chain_rule(variant, length):
    """Word by word, each from `after` of what stands before it; of windows while the text fits into one."""
    model = small(variant)
    ids = np.random.default_rng(length).integers(3, 11, (2, length)).astype("int32")
    found = model.surprise(tf.constant(ids)).numpy()
    assert found.shape == ids.shape and np.isfinite(found).all()
    for place in range(length if variant != "attention" else min(length, 8)):
        logits = model.after(tf.constant(ids), tf.constant([place, place]))
        right = tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, place], logits)
        np.testing.assert_allclose(found[:, place], right, rtol=1e-3, atol=1e-4)


def test_a_window_gives_each_word_at_least_half_of_it_as_context():
    model = small("attention", window=8)
    ids = np.random.default_rng(0).integers(3, 11, (1, 20)).astype("int32")
    before = np.concatenate([[[MASK]], ids[:, :-1]], axis=1)
    found = model.surprise(tf.constant(ids)).numpy()
    logits = model(tf.constant(before[:, 8:16]), training=False)  # the window that holds places 8 to 15
    right = tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, 12:16], logits[:, 4:])
    np.testing.assert_allclose(found[:, 12:16], right, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_word_sees_what_comes_after_it(variant):
    model = small(variant, window=16)
    ids = np.random.default_rng(1).integers(3, 11, (1, 12)).astype("int32")
    other = ids.copy()
    other[0, 7:] = 3
    one, another = model(tf.constant(ids), training=False), model(tf.constant(other), training=False)
    np.testing.assert_allclose(one[0, :7], another[0, :7], atol=1e-5)
    assert np.abs(one[0, 7:] - another[0, 7:]).max() > 1e-3


def test_an_encoder_that_looks_ahead_is_refused():
    with pytest.raises(InputError, match="later words"):
        language_model.build(architectures.build("text_transformer", WORDS, width=8, depth=1, heads=2))

    given, ids, size = given_ids(WORDS)
    x = SelfAttention(2)(WordEmbedding(size, 8)(ids))
    with pytest.raises(InputError, match="later words"):
        language_model.build(keras.Model(given, x, name="encoder"))


def test_a_generated_text_is_the_seeds_and_of_known_words(trained):
    model, _ = trained
    text = model.generate("We cook the", 12, seed=3)
    assert text == model.generate("We cook the", 12, seed=3) != model.generate("We cook the", 12, seed=4)
    assert text.startswith("we cook the") and "[" not in text and " ." not in text
    likely = model.generate("we cook", 2, temperature=1e-3)
    assert likely == "we cook the fish" == model.generate("we cook", 2, top_k=1, seed=9)
    assert model.generate("we cook", 0) == "we cook"
    for wrong in ({"temperature": 0}, {"length": -1}, {"top_k": -1}):
        with pytest.raises(InputError, match="temperature is above 0"):
            model.generate("a", **wrong)


@pytest.mark.parametrize("variant", VARIANTS)
def test_texts_of_every_kind_have_finite_answers(variant):
    model = small(variant)
    odd = ["", "🎬🎬", "king " * 3000, "unheard of", b"caf\xe9 king", "[MASK]"]
    assert np.isfinite(model.predict(odd)).all() and model.predict(odd).shape == (6, 11)
    energy = model.energy(odd)
    assert energy.shape == (6,) and np.isfinite(energy).all() and energy[0] == 0
    assert len(model.next("", 3)) == 3 and model.generate("", 3, seed=1)


def test_pretext_asks_for_each_word_from_those_before_it():
    windows = tf.constant([[5, 6, 7, 8], [9, 0, 0, 0]])
    counts = np.array([0, 4, 0, 16, 16, 16, 16, 16, 16, 16])
    (before, logs, others, logs_of_others), words, weights = language_model.pretext(windows, [1, 2], counts, drawn=6)
    np.testing.assert_array_equal(before, [[MASK, 5, 6, 7], [MASK, 0, 0, 0]])
    np.testing.assert_array_equal(words, windows)
    np.testing.assert_allclose(weights, np.array([[1, 1, 1, 1], [1, 0, 0, 0]]) * 8 / 5, rtol=1e-6)
    assert others.shape == (2, 6) and np.array_equal(others[0], others[1]) and others.numpy().min() > 0
    share = 16**0.75 / (7 * 16**0.75 + 4**0.75)
    np.testing.assert_allclose(np.exp(logs[0]), 6 * share, rtol=1e-4)
    np.testing.assert_allclose(np.exp(logs_of_others)[others == 1], 6 * 4**0.75 / (7 * 8 + 4**0.75), rtol=1e-4)


def test_words_are_put_together_as_people_write():
    words = tf.constant(["a", "film", ",", "(", "really", ")", "good", "!"])
    assert answers.put_together(words).numpy().decode() == "a film, (really) good!"


def test_the_card_ranks_the_variants_that_a_zoo_has(trained, own_zoo):
    model, _ = trained
    assert language_model.notes(model) is None
    recipe = recipes.get("next_word").replace(dataset="polarity_sample", epochs=7, encoder_options={"width": 16})
    zoo.save(model, "next_word_recurrent", recipe=recipe)
    *_, row = language_model.notes(model).splitlines()
    texts = data.open("polarity_sample").arrays("test")[0]
    assert row == f"| recurrent | width=16 | 7 | polarity_sample | {model.perplexity(texts[::10]):.1f} |"
