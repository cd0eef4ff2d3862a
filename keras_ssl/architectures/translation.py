"""The half of a translator that writes: what was read, and the words so far -> the next word."""

import keras
from keras import layers

from ..layers import CrossAttention, LayerNormalization, Vocabulary, WordEmbedding, WordScores
from .transformer import added, transformer_block


def translation_decoder(words, memory, width=128, depth=2, heads=4, longest=64, dropout=0.1):
    """[memory (N, S, memory), its ids (N, S), words so far (N, T)] -> logits (N, T, V) of the word after each.

    Causal transformer blocks, each with a look at the memory (Vaswani et al., NeurIPS 2017, arXiv:1706.03762), and one
    table of words for the input and the answers (Press and Wolf, EACL 2017, arXiv:1608.05859).

    words: those of the language that is written, a `Lexicon`; width: a multiple of heads; longest: T at most.
    """
    told = keras.Input((None, memory), name="memory")
    ids = keras.Input((None,), dtype="int32", name="memory_ids")
    before = keras.Input((None,), dtype="int32", name="before")
    vocabulary = Vocabulary(list(words), words.punctuation, name="target_words")
    rows = vocabulary(before)
    # Of a length that suits scores x E': as large as what the last layer norm gives.
    small = keras.initializers.RandomNormal(stddev=width**-0.5)
    embedding = WordEmbedding(vocabulary.size, width, embeddings_initializer=small, name="target_embedding")
    x = layers.Dropout(dropout, name="target_dropout")(embedding(rows))
    for i in range(1, depth + 1):
        y = LayerNormalization(epsilon=1e-6, name=f"look{i}_norm")(x)
        y = CrossAttention(heads, name=f"look{i}_attention")([y, told, ids])
        x = added(x, y, f"look{i}", dropout)
        x = transformer_block(x, heads, f"block{i}", causal=True, reach=longest, dropout=dropout)
    x = LayerNormalization(epsilon=1e-6, name="norm")(x)
    scores = WordScores(name="scores")([x, embedding(rows, table=True)])
    return keras.Model([told, ids, before], scores, name="decoder")
