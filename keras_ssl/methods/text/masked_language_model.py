"""Masked words: tell the words of a text that were hidden, from those on both sides.

Devlin, Chang, Lee, Toutanova, "BERT: pre-training of deep bidirectional transformers", NAACL 2019, arXiv:1810.04805,
without its second task, which later work left out (Liu et al., arXiv:1907.11692). Only the hidden words are compared
with the vocabulary, by the table of the words' own vectors (Press and Wolf, EACL 2017, arXiv:1608.05859). The energy
of a text is its pseudo-log-likelihood: Salazar, Liang, Nguyen, Kirchhoff, ACL 2020, arXiv:1910.14659.
"""

import keras
import numpy as np
import tensorflow as tf

from ...architectures.language import table_and_vectors
from ...energies import auc
from ...errors import InputError
from ...layers import AtPlaces, LayerNormalization, WordScores
from ...layers.vocabulary import MASK, SPECIAL
from ...models import TextModel, natural_texts
from ...words import answers, corruption

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
METRICS = []
ASKED = ["a truly [MASK] film", "the acting was [MASK] .", "i watched it with my [MASK] .", "[MASK] movie ever made !"]
SEPARATOR = 1  # padding between texts that share a window
EACH = 7  # for the energy every seventh word is hidden at a time


def pretext(windows, seed, counts, hidden=0.15):
    """A share of each window's words is chosen: 80 % of these become [MASK], 10 % a random word, 10 % stay.

    windows (N, T) of ids -> ((ids (N, T), places of the chosen words (N, P)), the words there (N, P), weights (N, P)),
    P = T hidden, rounded up; weights are 0 for what is left over in short windows, and have the mean 1 otherwise.

    Unknown words are never chosen. hidden: in 0..1. counts: how often each id occurs; random words are drawn evenly.
    """
    if not 0 < hidden < 1:
        raise InputError(f"hidden is the share of words that are asked for, between 0 and 1, got {hidden}")
    rows, length = tf.shape(windows)[0], windows.shape[1]
    most = int(np.ceil(hidden * length))
    seeds = tf.random.experimental.stateless_split(seed, 3)
    eligible = windows >= len(SPECIAL)
    order = tf.random.stateless_uniform(tf.shape(windows), seeds[0]) + tf.cast(eligible, tf.float32)
    places = tf.math.top_k(order, most).indices
    words = tf.gather(windows, places, batch_dims=1)
    share = tf.cast(tf.reduce_sum(tf.cast(eligible, tf.int32), axis=1, keepdims=True), tf.float32) * hidden
    chosen = (tf.range(most) < tf.cast(tf.maximum(tf.round(share), 1), tf.int32)) & (words >= len(SPECIAL))
    kind = tf.random.stateless_uniform(tf.shape(words), seeds[1])
    others = tf.random.stateless_uniform(tf.shape(words), seeds[2], len(SPECIAL), len(counts), tf.int32)
    said = tf.where(kind < 0.8, MASK, tf.where(kind < 0.9, others, words))
    said = tf.where(chosen, said, words)
    at = tf.stack([tf.repeat(tf.range(rows)[:, None], most, axis=1), places], axis=-1)
    weights = tf.cast(chosen, tf.float32)
    weights *= tf.cast(tf.size(weights), tf.float32) / tf.maximum(tf.reduce_sum(weights), 1)
    return (tf.tensor_scatter_nd_update(windows, at, said), places), words, weights


def build(encoder):
    """[ids (N, T), places (N, P)] -> logits (N, P, V) of the words there.

    encoder: see `architectures.language.table_and_vectors`.
    """
    places = keras.Input((None,), dtype="int32", name="places")
    table, x = table_and_vectors(encoder)
    x = AtPlaces(name="at_places")([x, places])
    x = keras.layers.Dense(table.shape[1], activation="gelu", name="turn")(x)
    x = LayerNormalization(epsilon=1e-6, name="turned")(x)
    return MaskedLanguageModel([encoder.input, places], WordScores(name="scores")([x, table]), name="masked_lm")


@keras.saving.register_keras_serializable("keras_ssl")
class MaskedLanguageModel(TextModel):
    """`fill` says what may stand for [MASK], `energy` how unlikely a text's words are beside each other.

    `predict` gives logits of all ids for the first [MASK] of each text, (N, V); of a text without one, for the end.
    """

    def respond(self, texts):
        ids = self.words()(texts)
        some = tf.reduce_any(ids == MASK, axis=1)
        ends = tf.reduce_sum(tf.cast(ids != 0, tf.int32), axis=1)
        ids = tf.pad(ids, [[0, 0], [0, 1]])
        at_end = tf.stack([tf.range(tf.shape(ids)[0]), ends], axis=1)[~some]
        ids = tf.tensor_scatter_nd_update(ids, at_end, tf.fill([tf.shape(at_end)[0]], MASK))
        first = tf.argmax(ids == MASK, axis=1, output_type=tf.int32)
        return self([ids, first[:, None]], training=False)[:, 0]

    def fill(self, texts, k=5):
        """The k likeliest words for its [MASK]: [(word, probability), ...]; for several texts a list of such lists.

        A text with several gets a list for each; one without is asked how it goes on.
        """
        if not isinstance(texts, (str, bytes)) and np.ndim(texts):
            return [self.fill(text, k) for text in natural_texts(texts, self.name)[0]]
        ids = self.words()(tf.constant([texts]))
        if (number := int(tf.math.count_nonzero(ids == MASK))) < 2:
            return answers.likeliest(self.words(), self.answer("respond", texts), k)
        places = tf.cast(tf.reshape(tf.where(ids[0] == MASK), [1, number]), tf.int32)
        return answers.likeliest(self.words(), self([ids, places], training=False)[0], k)

    def energy(self, texts):
        """Mean -log probability of each of a text's known words, hidden with every seventh other: nats, (N,) float32.

        0 for a text without known words.
        """
        return self.answer("unlikely", texts, batch_size=8)

    def unlikely(self, texts):
        """`energy` of a string tensor (N,)."""
        ids = self.words()(texts)
        total = tf.zeros([tf.shape(ids)[0]])
        known = tf.cast(ids >= len(SPECIAL), tf.float32)
        padded = tf.pad(ids, [[0, 0], [0, EACH]])
        for first in range(EACH):
            places = tf.range(first, tf.shape(ids)[1] + first, EACH)  # at least one
            hidden = tf.cast(tf.range(tf.shape(padded)[1]) % EACH == first, tf.int32) * tf.cast(padded > 0, tf.int32)
            places = tf.repeat(places[None], tf.shape(ids)[0], axis=0)
            logits = self([tf.where(hidden > 0, MASK, padded), places], training=False)
            words = tf.gather(padded, places, batch_dims=1)
            counted = tf.cast(words >= len(SPECIAL), tf.float32)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(words, answers.words_alone(logits))
            total += tf.reduce_sum(tf.where(counted > 0, nats, 0), axis=1)
        return total / tf.maximum(tf.reduce_sum(known, axis=1), 1)

    def endpoints(self):
        texts = tf.TensorSpec((None,), tf.string, "texts")
        return {
            **super().endpoints(),
            "fill": (
                lambda texts, k: answers.best(self.words(), self.respond(texts), k),
                [texts, tf.TensorSpec((), tf.int32, "k")],
            ),
            "energy": (self.unlikely, [texts]),
        }


def measure(model, dataset):
    """Masked perplexity on the test split's texts; chance is that of words' frequencies in them.

    energy_auc: the energy of texts as they are against the same with 15 % of the words replaced by others of the texts.
    fill_accuracy: how often the likeliest word is the right one; chance: of the most frequent one.
    """
    windows, counts = answers.windows_of(model, dataset)

    @tf.function
    def step(batch, number):
        (ids, places), asked, weights = pretext(batch, [17, number], counts)
        logits = model([ids, places], training=False)
        chosen = weights > 0  # their mean is 1; here each word counts the same
        lost = tf.nn.sparse_softmax_cross_entropy_with_logits(asked, logits)
        hit = (tf.argmax(logits, axis=-1, output_type=asked.dtype) == asked) & chosen
        return tf.reduce_sum(tf.where(chosen, lost, 0)), tf.math.count_nonzero(hit), asked[chosen]

    nats, right, words = 0.0, 0, []
    for number, batch in enumerate(windows.stream("test").batch(64)):
        lost, hits, asked = step(batch, tf.constant(number))
        nats, right = nats + float(lost), right + int(hits)
        words.append(asked.numpy())
    number = sum(map(len, words))
    often = np.bincount(np.concatenate(words))
    share = often[often > 0] / often.sum()
    texts = dataset.arrays("test", limit=500)[0]
    spoiled = corruption.replaced(texts, model.words(), seed=0)
    return {
        "perplexity": {
            "value": float(np.exp(nats / number)), "by_frequency": float(np.exp(-np.sum(share * np.log(share)))),
        },
        "fill_accuracy": {"value": right / number, "chance": float(often.max() / often.sum())},
        "energy_auc": {"value": auc(model.energy(texts), model.energy(spoiled)), "chance": 0.5},
    }  # fmt: skip


def show(model, asked):
    """Texts with [MASK], and the likeliest words in its stead; the energy of those without."""
    rows = []
    for text in asked:
        if SPECIAL[MASK] not in text:
            rows.append((text, [(f"energy {model.energy(text):.2f} nats a word", None)]))
            continue
        blanks = text.count(SPECIAL[MASK])
        found = model.fill(text, 6)
        for number, row in enumerate(found if blanks > 1 else [found], 1):
            rows.append((f"{text}  (blank {number})" if blanks > 1 else text, row))
    return rows
