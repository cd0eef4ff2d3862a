"""Layers of texts: vectors of words, long texts as windows, averages over what isn't padding."""

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class WordEmbedding(keras.layers.Embedding):
    """keras.layers.Embedding, whose table can also be asked for, such as to be tied to a network's answers.

    first: ids below it are masked: 1 leaves padding out, 3 unknown and hidden words too.

    Shape: ids (N, T) -> (N, T, d) with a mask, 0 where it leaves out; with table=True -> the table (input_dim, d). Ask
    both in one functional model: Keras's files keep a layer one only there.
    """

    def __init__(self, input_dim, output_dim, first=1, **kwargs):
        super().__init__(input_dim, output_dim, **{**kwargs, "mask_zero": True})
        self.first = first

    def call(self, inputs, table=False):
        if table:
            return ops.cast(self.embeddings, self.compute_dtype)
        vectors = super().call(inputs)
        return vectors * ops.cast(self.compute_mask(inputs), vectors.dtype)[..., None]

    def compute_mask(self, inputs, mask=None):
        return ops.greater_equal(inputs, self.first)

    def compute_output_spec(self, inputs, table=False):
        shape = (self.input_dim,) if table else tuple(inputs.shape)
        return keras.KerasTensor((*shape, self.output_dim), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "first": self.first}


@keras.saving.register_keras_serializable("keras_ssl")
class ContextEmbedding(WordEmbedding):
    """word2vec's second table: of words as context. variant: how it is trained, see methods.text.word2vec."""

    def __init__(self, input_dim, output_dim, variant="skip_gram", **kwargs):
        super().__init__(input_dim, output_dim, **kwargs)
        self.variant = variant

    def get_config(self):
        return {**super().get_config(), "variant": self.variant}


@keras.saving.register_keras_serializable("keras_ssl")
class WordScores(keras.layers.Layer):
    """How well each word of a vocabulary fits to vectors: x E' + b, of a table E that is tied to the input's.

    Press and Wolf, EACL 2017, arXiv:1608.05859. Padding fits nowhere.

    Shape: [x (..., d), E (words, d)] -> float32 (..., words).
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.bias = self.add_weight(name="bias", shape=(input_shape[1][0],), initializer="zeros")

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs):
        x, table = inputs
        scores = ops.cast(ops.matmul(ops.cast(x, table.dtype), ops.transpose(table)), "float32")
        never = ops.concatenate([ops.full((1,), -1e9, "float32"), ops.zeros_like(self.bias[1:], dtype="float32")])
        return scores + (ops.cast(self.bias, "float32") + never)

    def among(self, inputs, words, logs, others, logs_of_others):
        """-log p of the right words (N, T), estimated among them and a sample of others (K,), in nats.

        logs (N, T), logs_of_others (K,): log of how often each is expected in such a sample; a score less this makes
        the sampled sum of exp(score) an estimate of that over all words.
        """
        x, table = inputs
        x, bias = tf.cast(x, table.dtype), tf.cast(self.bias, tf.float32)
        right = tf.reduce_sum(tf.cast(x * tf.gather(table, words), tf.float32), axis=-1) + tf.gather(bias, words) - logs
        wrong = tf.cast(tf.matmul(x, tf.gather(table, others), transpose_b=True), tf.float32)
        wrong += tf.gather(bias, others) - logs_of_others
        wrong = tf.where(words[..., None] == others, -1e9, wrong)
        return tf.reduce_logsumexp(tf.concat([right[..., None], wrong], axis=-1), axis=-1) - right

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], input_shape[1][0])


@keras.saving.register_keras_serializable("keras_ssl")
class Windows(keras.layers.Layer):
    """Long texts as windows of `length` words, which a network with a fixed context takes one by one.

    Windows of padding alone are left out, and of a batch of short texts they are as long as its longest: a batch costs
    what its words cost.

    Shape: ids (N, T) -> ids (M, L), L = min(length, T), and the windows' places (M,), n * ceil(T / L) + i of text n's
    window i.
    """

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def call(self, ids):
        rows, count = tf.unstack(tf.shape(ids))
        length = tf.clip_by_value(count, 1, self.length)
        parts = -(-count // length)
        ids = tf.reshape(tf.pad(ids, [[0, 0], [0, parts * length - count]]), [rows * parts, length])
        places = tf.reshape(tf.where(tf.reduce_any(ids != 0, axis=1)), [-1])
        return tf.gather(ids, places), tf.cast(places, "int32")

    def compute_output_spec(self, ids):
        return keras.KerasTensor((None, None), "int32"), keras.KerasTensor((None,), "int32")

    def get_config(self):
        return {**super().get_config(), "length": self.length}


@keras.saving.register_keras_serializable("keras_ssl")
class FromWindows(keras.layers.Layer):
    """What a network said of `Windows`' windows, as whole texts; 0 where there is padding, which the mask leaves out.

    Shape: [windows (M, L, d), places (M,), ids (N, T)] -> (N, T, d).
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        windows, places, ids = inputs
        (rows, count), length, width = tf.unstack(tf.shape(ids)), tf.shape(windows)[1], windows.shape[2]
        parts = -(-count // length)
        whole = tf.scatter_nd(places[:, None], windows, [rows * parts, length, width])
        whole = tf.reshape(whole, [rows, parts * length, width])[:, :count]
        return whole * tf.cast(ids != 0, whole.dtype)[..., None]

    def compute_mask(self, inputs, mask=None):
        return inputs[2] != 0

    def compute_output_spec(self, inputs):
        windows, _, ids = inputs
        return keras.KerasTensor((*ids.shape, windows.shape[2]), windows.dtype)


@keras.saving.register_keras_serializable("keras_ssl")
class LastWords(keras.layers.Layer):
    """The vectors of the last `count` words side by side, at each place of a text; zeros before its first.

    Shape: (N, T, d) -> (N, T, count d).
    """

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count, self.supports_masking = count, True

    def call(self, x):
        length = tf.shape(x)[1]
        padded = tf.pad(x, [[0, 0], [self.count - 1, 0], [0, 0]])
        return tf.concat([padded[:, i : i + length] for i in range(self.count)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.count * input_shape[2])

    def get_config(self):
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("keras_ssl")
class WithoutPadding(keras.layers.Layer):
    """Vectors of words with the mask that leaves padding out, and 0 there: [x (N, T, d), ids (N, T)] -> (N, T, d)."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        x, ids = inputs
        return x * ops.cast(ids != 0, x.dtype)[..., None]

    def compute_mask(self, inputs, mask=None):
        return inputs[1] != 0

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable("keras_ssl")
class Unmasked(keras.layers.Layer):
    """Its input without the mask, for what learns of padding in another way."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return tf.identity(inputs)  # a mask hangs on its tensor

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_ssl")
class MaskedPooling(keras.layers.Layer):
    """Mean or maximum over the entries of a sequence that its mask has; 0 where it has none: (N, T, d) -> (N, d).

    Unlike keras.layers.GlobalAveragePooling1D, which gives NaN for an empty text. Averages are taken in float32.

    kind: "avg" or "max".
    """

    def __init__(self, kind="avg", **kwargs):
        super().__init__(**kwargs)
        self.kind, self.supports_masking = kind, True

    def call(self, inputs, mask=None):
        x = tf.cast(inputs, "float32")
        counted = tf.ones_like(x[..., :1]) if mask is None else tf.cast(mask, "float32")[..., None]
        if self.kind == "avg":
            x = tf.reduce_sum(x * counted, axis=1) / tf.maximum(tf.reduce_sum(counted, axis=1), 1)
        else:
            lowest = tf.where(counted > 0, x, x.dtype.min)
            x = tf.where(tf.reduce_any(counted > 0, axis=1), tf.reduce_max(lowest, axis=1), 0.0)
        return tf.cast(x, inputs.dtype)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable("keras_ssl")
class AtPlaces(keras.layers.Layer):
    """The entries of sequences at some places: [x (N, T, d), places (N, P)] -> (N, P, d)."""

    def call(self, inputs):
        return tf.gather(inputs[0], inputs[1], axis=1, batch_dims=1)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_spec(self, inputs):
        x, places = inputs
        return keras.KerasTensor((*places.shape, x.shape[2]), x.dtype)
