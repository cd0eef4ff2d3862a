"""Texts: cut into words, of which the frequent ones make the vocabulary, and trained on as windows of their ids."""

import inspect

import numpy as np
import tensorflow as tf

from .. import architectures, data, methods, pictures
from ..data.order import ordered
from ..errors import InputError
from ..layers.vocabulary import SPECIAL, Lexicon, Vocabulary, count_words
from . import Prepared, of_its_kind

SAMPLES = {
    "imdb_reviews": "polarity_sample", "imdb_reviews/plain_text": "polarity_sample", "multi30k": "caption_pairs_sample",
}  # fmt: skip
PROBED_ON = {"multi30k": "polarity_sample", "caption_pairs_sample": "polarity_sample"}
ENDPOINTS = ("serve",)
KNOWN = 10_000  # words that a vocabulary has unless a recipe says otherwise
SEEN = 64  # windows that fresh layers are fitted to
GATHERED = 64  # windows taken at once
ENCODED = 1024  # texts looked up at once


def open(recipe, source=None, labels=None):
    """ "train" is joined of those splits that the recipe names and the data set has."""
    dataset = of_its_kind(data.open(recipe.dataset if source is None else source, labels=labels), recipe)
    splits = [split for split in recipe.splits.split("+") if split in dataset.stored]
    return dataset.joined("+".join(splits)) if splits else dataset


def prepare(dataset, recipe, encoder=None):
    """Networks learn the words that are frequent, or that an encoder of one's own knows, and windows of ids of them.

    Raises InputError for no words.
    """
    method = methods.get(recipe.method)
    lexicon = architectures.lexicon_of(recipe.encoder if encoder is None else encoder)
    if hasattr(method, "prepare"):
        options = {k: v for k, v in recipe.options.items() if k in inspect.signature(method.prepare).parameters}
        return method.prepare(dataset, recipe, lexicon, **options)
    texts = dataset.stream("train", labels=False)
    lexicon, often = frequent(texts, recipe, dataset.name, lexicon)
    vocabulary = Vocabulary(list(lexicon), lexicon.punctuation)
    ids, ends = encoded(texts, vocabulary)
    separator = getattr(method, "SEPARATOR", None)
    windows = Windows(ids, ends, recipe.window) if separator is None else joined(ids, ends, recipe.window, separator)
    sample = next(iter(windows.stream("train", False, recipe.seed).batch(SEEN))).numpy()
    return Prepared(lexicon, windows, sample, method.ASKED, often)


def frequent(texts, recipe, name, lexicon=None):
    """(the Lexicon of a tf.data.Dataset of texts as a recipe cuts it, how often each id occurs (ids,)).

    name: of the data set, for the InputError where no word is frequent enough. lexicon: one to keep to.
    """
    counts = count_words(texts, recipe.punctuation if lexicon is None else lexicon.punctuation)
    if lexicon is None:
        words = [word for word, count in counts.items() if count >= recipe.least][: recipe.words or None]
        lexicon = Lexicon(words, recipe.punctuation)
    often = np.array([0] * len(SPECIAL) + [counts.get(word, 0) for word in lexicon])
    if not often.any():
        raise InputError(f"{name} has no word that occurs {recipe.least} times or more: lower --set least=")
    return lexicon, often


def known(dataset, encoder=None):
    """The encoder's words, or the most frequent ones of the texts."""
    if encoder is not None:
        return encoder.words().lexicon
    return Lexicon(list(count_words(dataset.stream("train", labels=False)))[:KNOWN])


def network_shape(known, method):
    return known


def opening(encoder, size=None, trained_size=None):
    return {} if size is None else {"size": size}  # which refuses it with a reason


def asked(model, recipe, given=(), size=None, sample=True):
    """The texts given, or the method's own examples."""
    return list(given) or methods.get(recipe["method"]).ASKED


def said(rows):
    """Rows of (text, answers [(answer, number or None), ...]) as lines."""
    lines = []
    for text, answers in rows:
        lines.append(text)
        lines += [f"  {answer}" + ("" if number is None else f"  {number:.3f}") for answer, number in answers]
    return lines


def draw(rows, path, title=None):
    pictures.answers(rows, path, title)


def encoded(texts, vocabulary):
    """(ids of all words of a tf.data.Dataset of texts (W,) int32, where each text ends among them (N,))."""
    parts, lengths = [], []
    ragged = texts.batch(ENCODED).map(vocabulary.ragged, tf.data.AUTOTUNE, deterministic=True)
    for batch in ragged.prefetch(2):
        parts.append(batch.flat_values.numpy().astype("int32"))
        lengths.append(batch.row_lengths().numpy())
    return np.concatenate(parts), np.cumsum(np.concatenate(lengths))


def joined(ids, ends, length, separator):
    """Windows of one stream of all texts, `separator` zeros between them."""
    starts = np.concatenate([[0], ends[:-1]])
    stream = np.zeros(len(ids) + separator * len(ends), "int32")
    shift = np.repeat(np.arange(len(ends)), ends - starts) * separator
    stream[np.arange(len(ids)) + shift] = ids
    return Windows(stream, np.array([len(stream)]), length)


class Windows:
    """Texts cut into windows of `length` ids, the last one of each padded with zeros, as a training reads them.

    ids: of all texts' words (W,); ends: where each text ends among them (N,).
    """

    def __init__(self, ids, ends, length):
        begins = np.concatenate([[0], ends[:-1]])
        parts = -(-(ends - begins) // length)
        number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
        self.length, self._count = length, int(parts.sum())
        with tf.init_scope():
            self._ids = tf.constant(np.concatenate([ids, np.zeros(length, "int32")]))
            self._starts = tf.constant(np.repeat(begins, parts) + number * length)
            self._ends = tf.constant(np.repeat(ends, parts))

    def count(self, split="train"):
        return self._count

    def stream(self, split="train", labels=False, shuffle=None):
        """Windows (length,) int32, one by one; shuffle: None or a seed."""
        ids, starts, ends, length = self._ids, self._starts, self._ends, self.length

        def gather(rows):
            places = tf.gather(starts, rows)[:, None] + tf.range(length, dtype=tf.int64)
            return tf.where(places < tf.gather(ends, rows)[:, None], tf.gather(ids, places), 0)

        rows = tf.data.Dataset.from_tensor_slices(ordered(self._count, shuffle))
        return rows.batch(GATHERED).map(gather).unbatch()
