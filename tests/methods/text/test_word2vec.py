import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, training, words
from keras_ssl.errors import InputError
from keras_ssl.layers.vocabulary import Lexicon
from keras_ssl.methods.text import word2vec
from keras_ssl.words import bias, pairs

# Two topics whose words never meet.
TEXTS = [
    *(["the king and the queen ruled the old land", "a queen and a king of the land ruled"] * 20),
    *(["we cook rice with fish and salt tonight", "fish with salt and rice we cook"] * 20),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    monkey = pytest.MonkeyPatch()
    monkey.setenv("KERAS_SSL_ZOO", str(tmp_path_factory.mktemp("zoo")))
    out = tmp_path_factory.mktemp("word2vec")
    model, history = training.pretrain(
        "word2vec", dataset=TEXTS, out=out / "run", name="w2v-test", least=1, epochs=80, window=32, batch_size=4,
        learning_rate=0.05, steps_per_execution=1, verbose=0, options={"sample": 0, "drawn": 8},
        encoder_options={"width": 16},
    )  # fmt: skip
    monkey.undo()
    return model, history


def test_words_of_one_topic_come_together(trained):
    model, history = trained
    assert history["loss"][-1] < history["loss"][0]
    near = [word for word, _ in model.similar("king", 5)]
    assert len({"queen", "ruled", "land", "old", "a", "of"} & set(near)) >= 3
    assert "fish" not in near[:3] and model.doesnt_match(["king", "queen", "rice"]) == "rice"


def test_an_unknown_word_is_told_with_its_nearest_spellings(trained):
    with pytest.raises(KeyError, match="queen"):
        trained[0].vector("quen")
    assert trained[0].vector("queen").shape == (16,)


@pytest.mark.parametrize(
    ("variant", "loss"), [("skip_gram", "negative_sampling"), ("skip_gram", "softmax"), ("cbow", "negative_sampling")]
)
def test_every_variant_learns(variant, loss, tmp_path, own_zoo):
    _, history = training.pretrain(
        "word2vec", dataset=TEXTS, out=tmp_path / "run", name="v", least=1, epochs=40, window=32, batch_size=4,
        learning_rate=0.1, verbose=0, options={"variant": variant, "loss": loss, "drawn": 8},
        encoder_options={"width": 8},
    )  # fmt: skip
    assert history["loss"][-1] < 0.98 * history["loss"][0]


def test_pretext_gives_rows_that_hold_the_kept_words():
    counts = np.array([0, 0, 0, 50, 50, 50])
    windows = tf.constant(np.random.default_rng(0).integers(3, 6, (3, 64)).astype("int32"))
    (some, around, far, others), again = word2vec.pretext(windows, [1, 2], counts, reach=2, drawn=7, sample=0)
    assert some.shape == (3, 2, pairs.ROW) and around.shape == (3, 2, pairs.ROW + 4) and others.shape == (3, 2, 7)
    np.testing.assert_array_equal(tf.reshape(some, (3, 64)), windows)
    assert set(np.unique(far)) == {1, 2} and set(np.unique(others)) <= {3, 4, 5} and again is some


@pytest.mark.parametrize("wrong", [{"reach": 0}, {"reach": 11}])
def test_reach_is_within_the_gap_between_texts(wrong):
    with pytest.raises(InputError, match="reach"):
        word2vec.pretext(tf.zeros((1, 32), tf.int32), [0, 0], np.ones(4), **wrong)


def test_windows_are_whole_rows():
    with pytest.raises(InputError, match="multiple of 32"):
        word2vec.pretext(tf.zeros((1, 33), tf.int32), [0, 0], np.ones(4))


def test_an_encoder_with_more_than_a_table_is_refused():
    with pytest.raises(InputError, match="table of words"):
        word2vec.build(architectures.build("text_transformer", ["a"], width=4, depth=1, heads=1))
    with pytest.raises(InputError, match="skip_gram"):
        word2vec.build(architectures.build("word_vectors", ["a"]), variant="skipgram")


def test_from_finished_vectors_and_back():
    vectors = words.WordVectors(["good", "bad"], np.array([[1.0, 0], [0, 2]], "float32"))
    model = word2vec.from_vectors(vectors)
    np.testing.assert_array_equal(model.vectors().matrix, vectors.matrix)
    np.testing.assert_allclose(model.predict("Good good bad, unheard-of"), [2 / 3, 2 / 3], atol=1e-6)
    np.testing.assert_array_equal(model.predict(""), [0, 0])


def test_texts_of_every_kind_have_finite_answers(trained):
    odd = ["", "🎬🎬", "king " * 20_000, "unheard of", b"caf\xe9 king", "[MASK]"]
    answers = trained[0].predict(odd)
    assert answers.shape == (6, 16) and np.isfinite(answers).all()
    np.testing.assert_allclose(answers[2], trained[0].vector("king"), rtol=1e-4)


def test_the_encoder_gives_words_or_texts(trained):
    model = trained[0]
    encoder = architectures.encoder_of(model)
    one_a_word = encoder.predict(["king queen", "fish"])
    assert one_a_word.shape == (2, 2, 16) and not one_a_word[1, 1].any()
    np.testing.assert_allclose(one_a_word[0, 1], model.vector("queen"), atol=1e-6)
    np.testing.assert_allclose(model.predict(np.array(["king queen"]))[0], one_a_word[0].mean(axis=0), atol=1e-6)


def test_debiasing_needs_the_words_that_tell_the_direction(trained):
    with pytest.raises(InputError, match="direction"):
        trained[0].debias()
    vectors = words.WordVectors(
        ["he", "she", "man", "woman", "doctor"],
        np.array([[1, 0, 1], [-1, 0, 1], [1, 1, 0], [-1, 1, 0], [0.5, 1, 1]], "float32"),
    )
    after = word2vec.from_vectors(vectors).debias()
    assert abs(after.vector("doctor")[0]) < 1e-6 < abs(after.vector("she")[0])
    assert Lexicon(after.vectors().words) == ("he", "she", "man", "woman", "doctor")


def test_the_card_shows_occupations_before_and_after_debiasing(tmp_path):
    draw = np.random.default_rng(0)
    known = ["he", "she", "man", "woman", *bias.occupations()[:40]]
    table = draw.normal(size=(len(known), 20)).astype("float32")
    table[0] = -(table[1] - table[2] + table[3]) / 2
    model = word2vec.from_vectors(words.WordVectors(known, table))
    notes = word2vec.notes(model, tmp_path)
    rows = [line.split(" | ") for line in notes.splitlines() if line.startswith("| ") and "occupation" not in line]
    assert len(rows) == 24 and float(rows[0][1]) > 0 > float(rows[-1][1])
    assert all(row[2] == "0.000 |" for row in rows)
    assert "1903.03862" in notes and (tmp_path / "debiasing.png").stat().st_size > 10_000
    assert word2vec.notes(word2vec.from_vectors(words.WordVectors(["a"], np.ones((1, 2), "float32")))) == ""
