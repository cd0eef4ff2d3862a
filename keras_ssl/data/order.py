"""In which order, and which, of a split's images come: by index, or in a stream."""

import numpy as np
import tensorflow as tf


def ordered(keep, shuffle):
    """Returns an int64 tensor of row numbers: `keep`, or all of a count, in the order of the seed `shuffle`.

    Args:
        keep: an int64 array, or an int count.
        shuffle: an int or scalar integer tensor, or None for the order as it is.
    """
    rows = outside_graph(np.arange(keep) if isinstance(keep, int) else keep)
    if shuffle is None:
        return rows
    return tf.random.experimental.stateless_shuffle(rows, tf.stack([tf.cast(shuffle, tf.int64), 0]))


def shuffled(stream, buffer, shuffle):
    """Returns `stream` shuffled in a buffer of elements by the seed `shuffle`; the same seed gives the same order."""

    def shuffle_by(seed):
        # Sets the seed of this function's graph alone: tf.data would otherwise mix TensorFlow's global seed in, and
        # fail where that is 0.
        tf.random.set_seed(1)
        return stream.shuffle(buffer, seed=seed, reshuffle_each_iteration=False)

    return tf.data.Dataset.from_tensors(tf.cast(shuffle, tf.int64)).flat_map(shuffle_by)


def kept(stream, keep, count):
    """Returns the elements of `stream`, `count` of them, whose numbers are in the array `keep`; all when it is None."""
    if keep is None:
        return stream
    mask = np.zeros(count, bool)
    mask[keep] = True
    masks = tf.data.Dataset.from_tensor_slices(outside_graph(mask))
    # tf.data never runs functions that only pick a component, so that leaving an element out costs next to nothing.
    return tf.data.Dataset.zip(masks, stream).filter(lambda kept, _: kept).map(lambda _, element: element)


def outside_graph(values):
    """Returns `values` as an eager tensor, which a function being traced captures instead of copying it into itself."""
    with tf.init_scope():
        return tf.convert_to_tensor(values)
