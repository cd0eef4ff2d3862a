"""Transformers as functional builders.

Vaswani et al., NeurIPS 2017, arXiv:1706.03762; layer norm before each part: Xiong et al., ICML 2020, arXiv:2002.04745.
"""

import keras
from keras import layers

from ..layers import ShiftedPositions


def causal_transformer(vocabulary, length, width=96, depth=2, heads=4, name="transformer"):
    """Tokens (N, T) in 0..vocabulary-1, T <= length -> logits (N, T, vocabulary) of each, told the tokens before it.

    width: of the vectors inside, a multiple of heads; depth: blocks, "block1", "block2", ...
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(vocabulary, width, name="embedding")(tokens)
    x = ShiftedPositions(length, name="positions")(x)
    for i in range(1, depth + 1):
        x = transformer_block(x, heads, name=f"block{i}", causal=True)
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    return keras.Model(tokens, layers.Dense(vocabulary, dtype="float32", name="logits")(x), name=name)


def transformer_block(x, heads, name, causal=False):
    """Self-attention, then two dense layers, each added to what it was given: (N, T, d) -> (N, T, d).

    causal: an entry sees those before it and itself only.
    """
    width = x.shape[-1]
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x)
    y = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")(y, y, use_causal_mask=causal)
    x = layers.Add(name=f"{name}_attended")([x, y])
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x)
    y = layers.Dense(4 * width, activation="relu", name=f"{name}_wide")(y)
    y = layers.Dense(width, name=f"{name}_narrow")(y)
    return layers.Add(name=name)([x, y])
