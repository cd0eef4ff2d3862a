"""Networks of texts: ids of words (N, T), 0 for padding -> vectors of the words (N, T, d).

`words` is which words are known: a `layers.vocabulary.Lexicon`, or a list.
"""

import keras

from ..errors import InputError
from ..layers import FromWindows, LayerNormalization, Vocabulary, Windows, WordEmbedding
from .transformer import transformer_block


def given_ids(words):
    """(the input of an encoder of texts, ids (N, T) from it, the number of ids). words: a `Lexicon`, or a list."""
    vocabulary = Vocabulary(list(words), getattr(words, "punctuation", True), name="words")
    given = keras.Input((None,), dtype="int32", name="ids")
    return given, vocabulary(given), vocabulary.size


def word_vectors(words, width=100):
    """Ids (N, T) -> vectors of the words alone (N, T, width), unknown words masked: what word2vec trains."""
    given, ids, size = given_ids(words)
    around = keras.initializers.RandomUniform(-0.5 / width, 0.5 / width)
    x = WordEmbedding(size, width, first=3, embeddings_initializer=around, name="embedding")(ids)
    return keras.Model(given, x, name="encoder")


def text_transformer(words, width=192, depth=4, heads=4, window=128, dropout=0.0):
    """Ids (N, T) -> [table of words (V, width), words in their context (N, T, width)]; any length, by windows.

    A word's context are the `window` words of its window; where they stand is told by their distance alone. Blocks
    "block1a" (after the attention), "block1", ..., of windows (M, window, width). Layer norm comes before each part,
    and once at the end. dropout: the share of numbers that each block drops in training.

    Raises InputError for a width that doesn't fit the heads.
    """
    if width % heads:
        raise InputError(f"width is a multiple of heads, got width={width}, heads={heads}")
    given, ids, size = given_ids(words)
    rows, places = Windows(window, name="windows")(ids)
    small = keras.initializers.TruncatedNormal(stddev=0.02)
    embedding = WordEmbedding(size, width, embeddings_initializer=small, name="embedding")
    x = embedding(rows)
    for i in range(1, depth + 1):
        x = transformer_block(x, heads, name=f"block{i}", reach=window, dropout=dropout)
    x = LayerNormalization(epsilon=1e-6, name="norm")(x)
    whole = FromWindows(name="whole")([x, places, ids])
    return keras.Model(given, [embedding(rows, table=True), whole], name="encoder")
