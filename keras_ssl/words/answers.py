"""What language models answer: words with probabilities, and texts put together from them."""

import numpy as np
import tensorflow as tf

from ..layers.vocabulary import SPECIAL


def words_alone(logits):
    """Logits (..., V) without those ids that stand for no word: padding, unknown, [MASK]."""
    never = np.zeros(logits.shape[-1], "float32")
    never[: len(SPECIAL)] = -1e9
    return logits + never


def likeliest(vocabulary, logits, k):
    """The k likeliest words of logits (V,): [(word, probability), ...]; of (N, V) a list of such lists.

    The special ids aren't among them, nor counted.
    """
    logits = np.asarray(logits, "float64")
    if logits.ndim > 1:
        return [likeliest(vocabulary, row, k) for row in logits]
    shares = np.exp(logits[len(SPECIAL) :] - logits[len(SPECIAL) :].max())
    order = np.argsort(-shares, kind="stable")[:k]
    return [(vocabulary.words[i], float(shares[i] / shares.sum())) for i in order]


def best(vocabulary, logits, k):
    """The same in the graph, of logits (N, V): {"words": strings (N, k), "probabilities": (N, k)}."""
    shares = tf.nn.softmax(tf.cast(logits, tf.float32)[:, len(SPECIAL) :])
    found = tf.math.top_k(shares, tf.minimum(k, tf.shape(shares)[1]))
    return {"words": tf.gather(tf.constant(vocabulary.words), found.indices), "probabilities": found.values}


def put_together(words):
    """Words (..., T) -> texts (...), punctuation marks beside the words they belong to; in the graph."""
    text = tf.strings.reduce_join(words, axis=-1, separator=" ")
    text = tf.strings.regex_replace(text, r" ([.,!?;:%)\]])", r"\1")
    return tf.strings.regex_replace(text, r"([(\[]) ", r"\1")


def windows_of(model, dataset, split="test", length=128):
    """(the split's texts as windows of the model's ids, how often each id occurs in them)."""
    from ..modalities.text import Windows, encoded

    ids, ends = encoded(dataset.stream(split, labels=False), model.words())
    return Windows(ids, ends, length), np.bincount(ids, minlength=model.words().size)
