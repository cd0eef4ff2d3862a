"""Parallel texts: each beside its translation in another language, as `words.bilingual` and a translator read them."""

import numpy as np
import tensorflow as tf

from ..data.order import ordered
from ..errors import InputError
from ..layers.vocabulary import SPECIAL, Vocabulary


def sides(dataset, split="train"):
    """The two halves of a set's pairs, tf.data.Datasets of texts. InputError for texts that aren't parted by a tab."""
    texts = dataset.stream(split, labels=False)
    some = next(iter(texts.batch(100))).numpy()
    if not all(text.count(b"\t") == 1 for text in some):
        raise InputError(f"{dataset.name} isn't of pairs: a text, a tab, and its translation")
    return [texts.map(lambda pair, i=i: parted(pair)[i]) for i in (0, 1)]


def parted(pairs):
    """What stands before the first tab of strings, and what behind it."""
    return tf.strings.regex_replace(pairs, r"(?s)\t.*", ""), tf.strings.regex_replace(pairs, r"(?s)^[^\t]*\t?", "")


def ids_of(texts, lexicon):
    from ..modalities.text import encoded

    return encoded(texts, Vocabulary(list(lexicon), lexicon.punctuation))


def texts_of(side, lexicon):
    """Ids of the known words of each text, a list of arrays."""
    ids, ends = ids_of(side, lexicon)
    return [text[text >= len(SPECIAL)] for text in np.split(ids, ends[:-1])]


class Pairs:
    """Pairs of texts as a training reads them: ids of a text and of its translation, each padded to `length`.

    Pairs with nothing on one side, or without room for `length` words and an end, are left out.

    sides: (ids of all words (W,), where each text ends among them (N,)) of each language. batch: how many a training
    takes at once; these are then of similar length, so that there's little padding.
    """

    def __init__(self, sides, length, batch=1):
        whole = [np.split(ids, ends[:-1]) for ids, ends in sides]
        kept = [i for i, both in enumerate(zip(*whole, strict=True)) if all(0 < len(side) < length for side in both)]
        rows = np.zeros((len(kept), 2 * length), "int32")
        for row, i in zip(rows, kept, strict=True):
            for at, side in zip((0, length), whole, strict=True):
                row[at : at + len(side[i])] = side[i]
        filled = np.count_nonzero(rows.reshape(-1, 2, length), axis=2)
        with tf.init_scope():
            self._rows = tf.constant(rows)
            self._lengths = tf.constant(filled[:, 1] * length + filled[:, 0])  # of translations, then of texts
        self._batch = batch

    def count(self, split="train"):
        return len(self._rows)

    def stream(self, split="train", labels=False, shuffle=None):
        """Pairs (2 length,) int32, one by one; shuffle: None or a seed."""
        from ..modalities.text import GATHERED

        order = ordered(self.count(), shuffle)
        if shuffle is not None:
            # tf.data's bucket_by_sequence_length makes batches whose number isn't known before, so none can be resumed.
            whole = self.count() - self.count() % self._batch  # the rest, another one each time, is left over
            some = tf.gather(order, tf.argsort(tf.gather(self._lengths, order[:whole]), stable=True))
            batches = tf.reshape(some, [-1, self._batch])
            batches = tf.gather(batches, ordered(whole // self._batch, shuffle))
            order = tf.concat([tf.reshape(batches, [-1]), order[whole:]], axis=0)
        rows = tf.data.Dataset.from_tensor_slices(order)
        return rows.batch(GATHERED).map(lambda some: tf.gather(self._rows, some)).unbatch()
