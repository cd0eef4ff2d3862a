"""Sounds of many lengths as batches of one length, for training."""

import tensorflow as tf

from ..errors import unknown

LONGEST = 10  # seconds that training looks at


def filled(dataset, encoder, names):
    """The "train" of a DataSet of waveforms, each (length,), for `training.epochs_of_batches`.

    The length is the longest sound's, or LONGEST seconds; shorter ones are repeated, so that averages over time are
    those of the sound alone. names: "shift" lets each begin at a place drawn, and go on at its start, "" doesn't.

    Raises InputError for another name.
    """
    if names not in ("shift", ""):
        raise unknown("augmentation of sounds", names, ["shift", ""])
    longest = max(len(each) for each in dataset.stream("train", labels=False).as_numpy_iterator())
    length = min(longest, LONGEST * dataset.rate)
    return _Filled(dataset, getattr(encoder, "longest", int)(length), bool(names))


class _Filled:
    def __init__(self, dataset, length, moved):
        self._dataset, self._length, self._moved = dataset, length, moved

    def count(self, split="train"):
        return self._dataset.count(split)

    def stream(self, split="train", labels=True, shuffle=0):
        def fill(number, example):
            waveform, label = example
            samples = tf.shape(waveform, tf.int64)[0]
            start = tf.constant(0, tf.int64)
            if self._moved:
                seed = tf.stack([tf.cast(shuffle, tf.int64), number])
                start = tf.random.stateless_uniform([], seed, maxval=samples, dtype=tf.int64, alg="philox")
            found = tf.gather(waveform, (start + tf.range(self._length, dtype=tf.int64)) % samples)
            return tf.ensure_shape(found, (self._length,)), label

        return self._dataset.stream(split, shuffle=shuffle).enumerate().map(fill)
