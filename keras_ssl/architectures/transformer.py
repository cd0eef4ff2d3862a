"""Transformers as functional builders.

Vaswani et al., NeurIPS 2017, arXiv:1706.03762; layer norm before each part: Xiong et al., ICML 2020, arXiv:2002.04745.
"""

import keras
from keras import layers

from ..layers import LayerNormalization, SelfAttention, ShiftedPositions


def causal_transformer(vocabulary, length, width=96, depth=2, heads=4, name="transformer"):
    """Tokens (N, T) in 0..vocabulary-1, T <= length -> logits (N, T, vocabulary) of each, told the tokens before it.

    width: of the vectors inside, a multiple of heads; depth: blocks, "block1", "block2", ...
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(vocabulary, width, name="embedding")(tokens)
    x = ShiftedPositions(length, name="positions")(x)
    for i in range(1, depth + 1):
        x = transformer_block(x, heads, name=f"block{i}", activation="relu", causal=True)
    x = LayerNormalization(epsilon=1e-6, name="norm")(x)
    return keras.Model(tokens, layers.Dense(vocabulary, dtype="float32", name="logits")(x), name=name)


def transformer_block(tokens, heads, name, activation="gelu", causal=False, reach=None, dropout=0.0):
    """Tokens (N, T, C) -> (N, T, C): self-attention, then two dense layers, each added to what it was given.

    causal: a token sees those before it and itself only. reach: see `layers.SelfAttention`.
    dropout: the share of numbers that is dropped before each addition in training.
    Layers: NAMEa after the attention, NAME at the end.
    """
    width = tokens.shape[-1]
    x = LayerNormalization(epsilon=1e-6, name=f"{name}a_norm")(tokens)
    x = SelfAttention(heads, causal, reach, name=f"{name}a_attention")(x)
    tokens = added(tokens, x, f"{name}a", dropout)
    x = LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(tokens)
    x = layers.Dense(4 * width, activation=activation, name=f"{name}_wide")(x)
    x = layers.Dense(width, name=f"{name}_narrow")(x)
    return added(tokens, x, name, dropout)


def added(tokens, x, name, dropout):
    """A residual connection: the sum, after dropout of what is added."""
    if dropout:
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return layers.Add(name=name)([tokens, x])
