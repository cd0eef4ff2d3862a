import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl.errors import InputError
from keras_ssl.layers.vocabulary import SPECIAL, Vocabulary, count_words, split


def cut(text, punctuation=True):
    return [word.decode() for word in split(tf.constant([text]), punctuation)[0].numpy()]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A film, it's GOOD!", ["a", "film", ",", "it's", "good", "!"]),
        ("one<br /><br />two<BR>three", ["one", "two", "three"]),
        ("the 'best' ones' end", ["the", "best", "ones", "end"]),
        ("ÉTÉ İstanbul straße 映画", ["été", "i̇stanbul", "straße", "映画"]),
        ("fun 🎬🎬 10/10", ["fun", "🎬", "🎬", "10", "/", "10"]),
        ("a [MASK] film [mask]", ["a", "[MASK]", "film", "[", "mask", "]"]),
        ("tab\tand\u00a0line\u2028end", ["tab", "and", "line", "end"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_texts_are_cut_into_words(text, words):
    assert cut(text) == words


def test_without_punctuation_other_characters_are_spaces():
    assert cut("A film, it's (really) 🎬 good!", punctuation=False) == ["a", "film", "it's", "really", "good"]


def test_bytes_that_arent_utf8_are_one_odd_character():
    assert cut(b"a caf\xe9 b") == ["a", "caf", "�", "b"]
    assert cut(b"a caf\xe9 b", punctuation=False) == ["a", "caf", "b"]


def test_words_are_counted_the_most_frequent_first():
    counts = count_words(tf.data.Dataset.from_tensor_slices(["b a a", "c b a [MASK]", ""]))
    assert list(counts.items()) == [("a", 3), ("b", 2), ("c", 1)]


def test_ids_and_back():
    vocabulary = Vocabulary(["film", "a"])
    ids = vocabulary(tf.constant(["A film", "a [MASK] unheard-of", ""])).numpy()
    np.testing.assert_array_equal(ids, [[4, 3, 0, 0, 0], [4, 2, 1, 1, 1], [0] * 5])
    assert vocabulary.spell(ids[1]).tolist() == ["a", "[MASK]", "[UNK]", "[UNK]", "[UNK]"]
    assert vocabulary.size == len(SPECIAL) + 2
    np.testing.assert_array_equal(vocabulary(tf.constant(ids)), ids)  # ids pass
    with pytest.raises(InputError, match="at least one word"):
        Vocabulary([])


def test_a_saved_model_keeps_its_words(tmp_path):
    texts = keras.Input((), dtype="string")
    model = keras.Model(texts, Vocabulary(["film", "été"], punctuation=False)(texts))
    model.save(tmp_path / "words.keras")
    reloaded = keras.saving.load_model(tmp_path / "words.keras")
    asked = tf.constant(["un été, film", ""])
    np.testing.assert_array_equal(reloaded(asked), model(asked))
    assert reloaded(asked)[0].numpy().tolist() == [1, 4, 3]
