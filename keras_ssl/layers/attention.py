"""Attention of tokens to each other, and to those of another sequence."""

import keras
import tensorflow as tf
from keras import layers, ops


@keras.saving.register_keras_serializable("keras_ssl")
class SelfAttention(layers.Layer):
    """Each token looks at all: softmax(q k' / sqrt(d)) v in each of `heads` heads of d = C / heads channels.

    Vaswani et al., NeurIPS 2017, arXiv:1706.03762. The same as keras.layers.MultiHeadAttention of a sequence with
    itself; with one product for queries, keys and values, a small transformer trains 1.1 to 1.2 times faster on a CPU.

    causal: a token looks at itself and those before it only. Nobody looks at what a mask leaves out.
    reach: None, or the length of the longest sequence; then a number for each head and distance j - i is learnt, which
        is added to the score of token j for token i (Raffel et al., JMLR 2020, arXiv:1910.10683, without its buckets).
        It begins as Press, Smith, Lewis, ICLR 2022, arXiv:2108.12409 have it throughout: -|j - i| 2^(-8 h / heads) for
        head h, so that near tokens count most.

    Shape: (N, T, C) -> (N, T, C).
    """

    def __init__(self, heads=4, causal=False, reach=None, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.causal, self.reach, self.supports_masking = heads, causal, reach, True

    def build(self, input_shape):
        width = input_shape[-1]
        self.inward = layers.Dense(3 * width, dtype=self.dtype_policy, name="inward")
        self.outward = layers.Dense(width, dtype=self.dtype_policy, name="outward")
        self.inward.build(input_shape)
        self.outward.build(input_shape)
        if self.reach is not None:
            self.distances = self.add_weight(
                name="distances", shape=(self.heads, 2 * self.reach - 1), initializer=_nearness
            )

    def call(self, tokens, mask=None):
        count = ops.shape(tokens)[1]
        queries, keys, values = _by_heads(self.inward(tokens), 3, self.heads)
        scores = _scores(queries, keys)
        if self.reach is not None:
            apart = tf.range(count) - tf.range(count)[:, None] + self.reach - 1
            scores += tf.gather(ops.cast(self.distances, scores.dtype), apart, axis=1)
        if self.causal:
            later = tf.range(count)[:, None] < tf.range(count)
            scores = tf.where(later, scores.dtype.min, scores)
        if mask is not None:
            scores = tf.where(mask[:, None, None], scores, scores.dtype.min)
        return self.outward(_answers(scores, values))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "causal": self.causal, "reach": self.reach}


@keras.saving.register_keras_serializable("keras_ssl")
class CrossAttention(layers.Layer):
    """Each token looks at those of another sequence, the memory, as in Vaswani et al.'s decoder, arXiv:1706.03762.

    Nobody looks at memory where its ids are 0; of a memory without any, the answer is that to zeros.

    Shape: [tokens (N, T, C), memory (N, S, D), ids of the memory (N, S)] -> (N, T, C).
    """

    def __init__(self, heads=4, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, input_shape):
        tokens, memory, _ = input_shape
        parts = {"asking": (tokens, 1), "told": (memory, 2), "outward": (tokens, 1)}
        for name, (shape, times) in parts.items():
            layer = layers.Dense(times * tokens[-1], dtype=self.dtype_policy, name=name)
            layer.build(shape)
            setattr(self, name, layer)

    def call(self, inputs):
        tokens, memory, ids = inputs
        (queries,), (keys, values) = (
            _by_heads(self.asking(tokens), 1, self.heads),
            _by_heads(self.told(memory), 2, self.heads),
        )
        scores = _scores(queries, keys)
        scores = tf.where((ids != 0)[:, None, None], scores, scores.dtype.min)
        return self.outward(_answers(scores, values))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "heads": self.heads}


def _by_heads(x, parts, heads):
    """(N, T, parts C) -> parts of (N, heads, T, C / heads)."""
    x = ops.reshape(x, (-1, ops.shape(x)[1], parts, heads, x.shape[-1] // parts // heads))
    return ops.unstack(ops.transpose(x, (2, 0, 3, 1, 4)), axis=0)


def _scores(queries, keys):
    return ops.matmul(queries * queries.shape[-1] ** -0.5, ops.transpose(keys, (0, 1, 3, 2)))


def _answers(scores, values):
    weights = tf.nn.softmax(scores)  # keras.ops warns of pictures of one patch
    answers = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))
    return ops.reshape(answers, (-1, ops.shape(answers)[1], values.shape[1] * values.shape[3]))


def _nearness(shape, dtype=None):
    heads, distances = shape
    slopes = 2.0 ** (-8 * tf.range(1, heads + 1, dtype=tf.float32) / heads)
    apart = tf.abs(tf.range(distances, dtype=tf.float32) - distances // 2)
    return tf.cast(-slopes[:, None] * apart, dtype or tf.float32)
