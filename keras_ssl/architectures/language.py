"""Language models' encoders: what stands before a place in a text -> a vector that tells the next word."""

import keras
from keras import layers

from ..errors import InputError, unknown
from ..layers import (
    FromWindows,
    LastWords,
    LayerNormalization,
    Vocabulary,
    Windows,
    WithoutPadding,
    WordEmbedding,
)
from .text import given_ids
from .transformer import transformer_block

VARIANTS = ("recurrent", "feed_forward", "attention")


def language_model(words, variant="recurrent", width=256, depth=1, heads=4, window=128, order=6, dropout=0.2):
    """Ids (N, T) -> [table of words (V, width), vectors (N, T, width)], each of what stands up to its place, no more.

    variant: "feed_forward": the vectors of the last `order` words, side by side, through two dense layers (Bengio,
        Ducharme, Vincent, Jauvin, JMLR 2003); "recurrent": `depth` LSTM layers (Mikolov et al., Interspeech 2010;
        Zaremba, Sutskever, Vinyals, arXiv:1409.2329); "attention": `depth` causal transformer blocks over the words so
        far of a window of `window` words (Vaswani et al., NeurIPS 2017, arXiv:1706.03762).
    dropout: the share of numbers that is dropped before and after in training.
    Blocks "block1", "block2", ...

    Raises InputError for an unknown variant, and a width that doesn't fit the heads.
    """
    if variant not in VARIANTS:
        raise unknown("variant", variant, VARIANTS)
    if variant == "attention" and width % heads:
        raise InputError(f"width is a multiple of heads, got width={width}, heads={heads}")
    given, ids, size = given_ids(words)
    rows = ids
    if variant == "attention":
        rows, places = Windows(window, name="windows")(ids)
    # Of a length that suits scores x E': as large as what the last layer norm gives.
    small = keras.initializers.RandomNormal(stddev=width**-0.5)
    embedding = WordEmbedding(size, width, embeddings_initializer=small, name="embedding")
    x = layers.Dropout(dropout, name="input_dropout")(embedding(rows))
    if variant == "feed_forward":
        x = LastWords(order, name="last_words")(x)
        x = layers.Dense(2 * width, activation="relu", name="block1")(x)
        x = layers.Dense(2 * width, activation="relu", name="block2")(x)
        x = layers.Dense(width, name="narrow")(x)
    elif variant == "recurrent":
        for i in range(1, depth + 1):
            x = layers.LSTM(width, return_sequences=True, name=f"block{i}")(x)
    else:
        for i in range(1, depth + 1):
            x = transformer_block(x, heads, name=f"block{i}", causal=True, reach=window)
    x = LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = layers.Dropout(dropout, name="output_dropout")(x)
    x = (
        FromWindows(name="whole")([x, places, ids])
        if variant == "attention"
        else WithoutPadding(name="whole")([x, ids])
    )
    return keras.Model(given, [embedding(rows, table=True), x], name="encoder")


def table_and_vectors(encoder):
    """(table of words (V, d), vectors (N, T, d)) of an encoder, for `layers.WordScores`.

    Either it gives both, as `language_model` and `text_transformer` do, or the vectors alone; then there is a second
    table of words. Raises InputError for what doesn't give a vector for each word.
    """
    outputs = encoder(encoder.input)
    if isinstance(outputs, (list, tuple)) and len(outputs) == 2:
        return outputs
    vocabulary = next((layer for layer in encoder.layers if isinstance(layer, Vocabulary)), None)
    if vocabulary is None or isinstance(outputs, (list, tuple)) or len(outputs.shape) != 3:
        raise InputError("a language model's encoder takes texts and gives a vector for each word: language_model")
    small = keras.initializers.RandomNormal(stddev=0.02)
    answers = WordEmbedding(vocabulary.size, outputs.shape[-1], embeddings_initializer=small, name="answers")
    return answers(encoder.input, table=True), outputs
