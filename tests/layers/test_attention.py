"""Self-attention, against loops and Keras's own layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl.layers import CrossAttention, SelfAttention


def layer_and_tokens(width=12, heads=3, **options):
    tokens = np.random.default_rng(0).normal(size=(2, 5, width)).astype("float32")
    layer = SelfAttention(heads, **options)
    layer(tokens)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    return layer, tokens


@pytest.mark.parametrize("reach", [None, 5, 8])
def test_attention_by_hand(reach):
    layer, tokens = layer_and_tokens(reach=reach)
    *apart, kernel, bias, out, out_bias = (w.numpy().astype("float64") for w in layer.weights)
    assert [w.shape for w in apart] == ([] if reach is None else [(3, 2 * reach - 1)])

    def added(head, t, s):
        return apart[0][head, s - t + reach - 1] if apart else 0

    expected = np.zeros(tokens.shape)
    for n in range(2):
        q, k, v = np.split(tokens[n] @ kernel + bias, 3, axis=1)
        for head in range(3):
            part = slice(4 * head, 4 * head + 4)
            for t in range(5):
                scores = np.exp([q[t, part] @ k[s, part] / 2 + added(head, t, s) for s in range(5)])
                answer = sum(w * v[s, part] for s, w in enumerate(scores / scores.sum()))
                expected[n, t] += answer @ out[part]
    np.testing.assert_allclose(layer(tokens), expected + out_bias, rtol=1e-4, atol=1e-5)


def test_near_tokens_count_most_before_training():
    """Press, Smith, Lewis: heads of slopes 1/2 to 1/256."""
    layer = SelfAttention(8, reach=4)
    layer.build((None, 4, 8))
    apart = np.abs(np.arange(-3, 4))
    np.testing.assert_allclose(layer.distances[0], -apart / 2)
    np.testing.assert_allclose(layer.distances[7], -apart / 256)


def test_attention_is_that_of_keras():
    layer, tokens = layer_and_tokens()
    other = keras.layers.MultiHeadAttention(3, 4)
    other.build(tokens.shape, tokens.shape)
    kernel, bias, out, out_bias = layer.get_weights()
    parts = zip(np.split(kernel, 3, axis=1), np.split(bias, 3), strict=True)
    other.set_weights([w for k, b in parts for w in (k.reshape(12, 3, 4), b.reshape(3, 4))]
                      + [out.reshape(3, 4, 12), out_bias])  # fmt: skip
    np.testing.assert_allclose(layer(tokens), other(tokens, tokens), rtol=1e-4, atol=1e-5)


def test_attention_to_another_sequence_is_that_of_keras():
    tokens, memory = (
        np.random.default_rng(i).normal(size=(2, t, c)).astype("float32") for i, t, c in ((0, 3, 8), (1, 5, 6))
    )
    ids = np.array([[1, 2, 3, 4, 5], [1, 2, 0, 0, 0]])
    layer, other = CrossAttention(2), keras.layers.MultiHeadAttention(2, 4)
    layer([tokens, memory, ids])
    layer.set_weights([np.random.default_rng(i).normal(0, 0.5, w.shape) for i, w in enumerate(layer.get_weights())])
    other.build(tokens.shape, memory.shape)
    asking, asking_bias, told, told_bias, out, out_bias = layer.get_weights()
    parts = [(asking, asking_bias), *zip(np.split(told, 2, axis=1), np.split(told_bias, 2), strict=True)]
    weights = [w for k, b in parts for w in (k.reshape(-1, 2, 4), b.reshape(2, 4))]
    other.set_weights([*weights, out.reshape(2, 4, 8), out_bias])
    right = other(tokens, memory, attention_mask=(ids != 0)[:, None])
    np.testing.assert_allclose(layer([tokens, memory, ids]), right, rtol=1e-4, atol=1e-5)
    assert np.isfinite(layer([tokens, memory, 0 * ids])).all()
    assert CrossAttention.from_config(layer.get_config()).heads == 2


def test_causal_attention_is_that_of_the_beginning_alone():
    layer, tokens = layer_and_tokens(causal=True)
    both_ways, _ = layer_and_tokens()
    answers = layer(tokens).numpy()
    for t in range(5):
        alone = both_ways(tokens[:, : t + 1]).numpy()
        np.testing.assert_allclose(answers[:, t], alone[:, t], rtol=1e-4, atol=1e-5)
    assert SelfAttention.from_config(layer.get_config()).causal


def test_attention_doesnt_mind_the_order_and_runs_in_half_precision():
    layer, tokens = layer_and_tokens()
    order = [3, 1, 4, 0, 2]
    np.testing.assert_allclose(layer(tokens[:, order]), layer(tokens).numpy()[:, order], rtol=1e-4, atol=1e-5)
    half, _ = layer_and_tokens(dtype="mixed_bfloat16")
    answer = half(tokens)
    assert answer.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(answer, tf.float32), layer(tokens), atol=0.15)
