"""Words as numbers, inside the graph, so that a model takes texts wherever it runs."""

import collections

import keras
import numpy as np
import tensorflow as tf

from ..errors import InputError

SPECIAL = ("", "[UNK]", "[MASK]")  # the words of the ids 0 (padding), 1 (unknown) and 2 (hidden)
PADDING, UNKNOWN, MASK = range(3)
_MASK = "\ue000"  # what [MASK] is while a text is cut up: a character for private use, which no text has
COUNTED = 1024  # texts at a time


def split(texts, punctuation=True):
    """Texts (N,) -> the words of each, lower case: a tf.RaggedTensor (N, None) of strings.

    Words are runs of letters, digits and inner apostrophes; HTML's line breaks are spaces. Any other character is a
    word of its own, or, without punctuation, a space. [MASK] is one word.
    """
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")  # bytes that aren't UTF-8 become U+FFFD
    texts = tf.strings.regex_replace(texts, r"\[MASK\]", f" {_MASK} ")
    texts = tf.strings.regex_replace(tf.strings.lower(texts, "utf-8"), r"<br\s*/?>|[\p{Z}\p{Cc}]", " ")
    other = rf"[^\p{{L}}\p{{M}}\p{{N}}\s'{_MASK}]"
    texts = tf.strings.regex_replace(texts, other, r" \0 " if punctuation else " ")
    texts = tf.strings.regex_replace(texts, r"(^|\s)'+|'+(\s|$)", " ")
    return tf.strings.split(tf.strings.regex_replace(texts, _MASK, "[MASK]"))


class Lexicon(tuple):
    """Known words, in the order of their ids, and whether punctuation marks are words: what a Vocabulary is made of.

    target: the Lexicon of the language that is translated to, where there is one.
    """

    def __new__(cls, words, punctuation=True, target=None):
        lexicon = super().__new__(cls, words)
        lexicon.punctuation, lexicon.target = punctuation, target
        return lexicon


@keras.saving.register_keras_serializable("keras_ssl")
class Vocabulary(keras.layers.Layer):
    """Texts -> ids of their words, by keras.layers.TextVectorization: 0 padding, 1 unknown, 2 [MASK], then `words`.

    Ids pass through as they are, so that a network trains on texts that were looked up once, and answers texts.

    words: the known words, in the order of their ids; punctuation: as for `split`.

    Shape: strings (N,) -> int32 (N, T), T the number of words in the longest, at least 1; ids (N, T) -> the same.
    """

    def __init__(self, words, punctuation=True, **kwargs):
        super().__init__(**{**kwargs, "trainable": False})
        self.words, self.punctuation = list(words), punctuation
        if not self.words:
            raise InputError("a vocabulary needs at least one word")
        self.lookup = keras.layers.TextVectorization(
            standardize=None, split=None, ragged=True, vocabulary=[SPECIAL[MASK], *self.words], name="lookup"
        )
        self.built = True

    def call(self, inputs):
        if inputs.dtype != "string":
            return inputs
        ids = tf.cast(self.ragged(inputs).to_tensor(), tf.int32)
        return tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]])  # recurrent layers need a step

    def ragged(self, texts):
        """Texts (N,) -> the ids of each one's words: a tf.RaggedTensor (N, None), int64."""
        words = split(texts, self.punctuation)
        return words.with_flat_values(self.lookup(words.flat_values[:, None])[:, 0])

    def spell(self, ids):
        """Ids, of any shape -> their words, an array of str."""
        return np.array([*SPECIAL, *self.words], object)[np.asarray(ids)]

    @property
    def lexicon(self):
        return Lexicon(self.words, self.punctuation)

    @property
    def size(self):
        """The number of ids, those that stand for no word included."""
        return len(SPECIAL) + len(self.words)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((inputs.shape[0], None if len(inputs.shape) == 1 else inputs.shape[1]), "int32")

    def get_config(self):
        return {**super().get_config(), "words": self.words, "punctuation": self.punctuation}


def count_words(texts, punctuation=True):
    """How often each word is in a tf.data.Dataset of texts: {word: count}, most frequent first, then by spelling."""
    counts = collections.Counter()
    cut = texts.batch(COUNTED).map(lambda batch: split(batch, punctuation).flat_values, tf.data.AUTOTUNE)
    for words in cut.prefetch(2).as_numpy_iterator():
        counts.update(words.tolist())
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return {word.decode(): count for word, count in ordered if word.decode() != SPECIAL[MASK]}
