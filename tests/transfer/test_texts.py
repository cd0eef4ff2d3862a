"""Encoders of texts carried to labels."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from keras_ssl import architectures, data, transfer, zoo
from keras_ssl.errors import InputError
from keras_ssl.layers.vocabulary import MASK, Vocabulary
from keras_ssl.transfer import subset
from keras_ssl.transfer.bag import bag_of_words
from keras_ssl.transfer.linear import fit_linear

TEXTS = ["good good film", "bad film", "a good story", "a bad story", "good", "bad"]


@pytest.fixture(scope="module")
def words():
    """A table of two numbers a word: good is (1, 0), bad is (0, 1), all else 0."""
    encoder = architectures.build("word_vectors", ["good", "bad", "film"], width=2)
    table = np.zeros((6, 2), "float32")
    table[3], table[4] = [1, 0], [0, 1]
    encoder.get_layer("embedding").set_weights([table])
    return architectures.encoder_of(encoder)


@pytest.fixture(scope="module")
def sentences():
    return data.open("polarity_sample")


def test_features_are_the_mean_of_the_known_words(words):
    expected = [[2 / 3, 0], [0, 1 / 2], [1, 0], [0, 1], [1, 0], [0, 1]]  # "a" and "story" are unknown: not counted
    np.testing.assert_allclose(transfer.features(words, TEXTS), expected, atol=1e-6)
    stream = tf.data.Dataset.from_tensor_slices((TEXTS, np.arange(6)))
    np.testing.assert_allclose(transfer.features(words, stream), expected, atol=1e-6)
    np.testing.assert_array_equal(transfer.features(words, ["", "unheard of"]), np.zeros((2, 2)))


def test_training_sees_the_first_and_the_last_words():
    vocabulary = Vocabulary([str(i) for i in range(10)])
    texts = tf.constant([" ".join("0123456789"), "1 2", ""])
    ids, labels = subset.cut_up(vocabulary, 4, "")((texts, tf.constant([7, 8, 9])), tf.constant([0, 0]))
    first = vocabulary.lookup.get_vocabulary().index("0")
    np.testing.assert_array_equal(
        ids, [[first, first + 1, first + 8, first + 9], [first + 1, first + 2, 0, 0], [0] * 4]
    )
    np.testing.assert_array_equal(labels, [7, 8, 9])


def test_a_tenth_of_the_words_is_hidden_and_no_padding():
    vocabulary = Vocabulary(["a"])
    texts = tf.constant([" ".join("a" * 1000), "a"])
    ids = subset.cut_up(vocabulary, 1000, "drop")((texts, tf.constant([0, 0])), tf.constant([3, 4]))[0].numpy()
    assert 60 < np.sum(ids[0] == MASK) < 140 and not ids[1, 1:].any()
    with pytest.raises(InputError, match="flip"):
        subset.cut_up(vocabulary, 1000, "flip")


@pytest.mark.parametrize("labels", [400, "all"])
def test_bag_of_words_is_scikit_learns(sentences, labels):
    found = bag_of_words(sentences, labels)
    keep = data.choose_labels(sentences, labels)
    texts, truth = sentences.arrays("train", keep=keep)
    bag = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    model = LogisticRegression(C=found["C"], max_iter=1000, tol=1e-8).fit(bag.fit_transform(texts), truth)
    tested, tested_truth = sentences.arrays("test")
    assert found["accuracy"] == pytest.approx(model.score(bag.transform(tested), tested_truth), abs=0.0021)
    assert found["labels"] == len(keep) and found["accuracy"] > 0.55


def test_a_fit_of_small_features_goes_on_to_its_end():
    random = np.random.default_rng(0)
    x = 0.01 * random.normal(size=(4000, 50)).astype("float32")
    y = (x @ random.normal(size=50) + 0.05 * random.normal(size=4000) > 0.02).astype(int)
    folds = [(np.arange(2000), np.arange(2000, 3000))]
    for tol, close in [(1e-6, True), (1e-1, False)]:
        figures, c = fit_linear("classification", x[:3000], y[:3000], x[3000:], y[3000:], folds, cs=(100.0,), tol=tol)
        whole = LogisticRegression(C=c, tol=1e-10, max_iter=1000).fit(x[:3000], y[:3000]).score(x[3000:], y[3000:])
        assert (abs(figures["accuracy"] - whole) < 0.002) is close


def test_fine_tuning_texts(words, sentences, tmp_path):
    model, report = transfer.finetune(
        words, sentences, 100, epochs=3, learning_rate=0.1, out=tmp_path / "run", verbose=0, batch_size=10
    )
    assert model.classes == sentences.classes and report["augment"] == "drop"
    names = [model.classify(text, top=1)[0][0] for text in ("good good good film", "bad")]
    assert set(names) <= set(model.classes) and len(model.classify(TEXTS)) == 6
    assert model.predict("").shape == (2,) and model.predict(TEXTS).sum(axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    reloaded = zoo.load(tmp_path / "run" / "model.keras")
    np.testing.assert_allclose(reloaded.predict(TEXTS), model.predict(TEXTS), atol=1e-6)
    served = tf.saved_model.load(tmp_path / "run" / "saved_model")
    np.testing.assert_allclose(served.serve(tf.constant(TEXTS)), model.predict(TEXTS), atol=1e-5)
    assert json.loads((tmp_path / "run" / "report.json").read_text())["labels"] == 100


@pytest.mark.parametrize("mode", ["probe", "gradual", "discriminative"])
def test_other_modes_take_texts(mode, words, sentences):
    before = words.get_weights()
    model, _ = transfer.finetune(words, sentences, 50, mode, epochs=2, verbose=0)
    table = model.get_layer("encoder").get_layer("embedding").get_weights()[0]
    assert np.array_equal(table, before[-1]) == (mode == "probe")


def test_comparison_of_texts_has_the_bag_of_words(words, sentences):
    _, report = transfer.compare(words, sentences, 50, epochs=1, learning_rate=1e-2, verbose=0)
    assert list(report["results"]) == ["bag of words", "scratch", "linear probe", "fine-tuned"]
    assert all(0.3 < row["accuracy"] < 1 for row in report["results"].values())


def test_pseudo_labels_of_texts(words, sentences):
    model, report = transfer.finetune(
        words, sentences, 60, "pseudo-label", epochs=1, rounds=1, unlabelled=100, threshold=0.0, verbose=0
    )
    assert report["pseudo_labels"]["rounds"][0]["accepted"] == 100 and model.predict("good").shape == (2,)


def test_images_and_texts_arent_mixed_up(words, photos):
    with pytest.raises(InputError, match="text"):
        transfer.finetune(words, {"train": (photos, np.arange(len(photos)) % 2)}, verbose=0)
    image = keras.Input((None, None, 3))
    encoder = architectures.encoder_of(keras.Model(image, keras.layers.Conv2D(2, 3)(image)))
    with pytest.raises(InputError, match="text"):
        transfer.probe(encoder, "polarity_sample")
    with pytest.raises(InputError, match="images"):
        transfer.features(words, photos)
