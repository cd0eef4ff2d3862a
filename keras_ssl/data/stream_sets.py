"""Data sets from tf.data.Datasets."""

import numpy as np
import tensorflow as tf

from keras_ssl.data.dataset import DataSet
from keras_ssl.data.fitting import check_range, fit, fitted_shape
from keras_ssl.data.order import kept, outside_graph, shuffled
from keras_ssl.data.splits import check_train
from keras_ssl.data.tasks import encode
from keras_ssl.data.text_sets import open_texts
from keras_ssl.errors import InputError

SHUFFLE_BYTES = 256 << 20
SHUFFLE_MOST = 16_384


class StreamSplit:
    """A tf.data.Dataset of images or (image, label), and its labels or None, of one split."""

    def __init__(self, stream, shape, labels, label_value, size, channels):
        self._stream, self._shape = stream, shape
        self._labels, self._label_value = labels, label_value
        self._size, self._channels = size, channels
        self._count = None

    def count(self):
        if self._count is None:
            known = int(self._stream.cardinality())
            self._count = known if known >= 0 else _length(self._stream)
        return self._count

    def labels(self):
        return self._labels

    def stream(self, keep, shuffle, labels):
        def prepare(*element):
            image = tf.ensure_shape(_eight_bit(_with_channel(element[0])), self._shape)
            image = fit(image, self._size, self._channels)
            return (image, self._label_value(element[1])) if labels else image

        stream = kept(self._stream, keep, self.count())
        stream = stream.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        if shuffle is None:
            return stream
        image = (stream.element_spec[0] if labels else stream.element_spec).shape
        size = image.num_elements() or 3 * 512 * 512  # a guess where sizes vary
        buffer = int(np.clip(SHUFFLE_BYTES // size, 64, SHUFFLE_MOST))
        return shuffled(stream, buffer, shuffle)


def open_streams(splits, *, labels=None, size=None, channels=None, task=None):
    """Returns the DataSet of tf.data.Datasets.

    Labels are all read here, in one pass over each labelled split; unlabelled splits aren't, unless they are asked for
    their count and don't know it. Texts are read into memory here.

    Args:
        splits: {split: unbatched tf.data.Dataset of images (H, W, C) or (image, label)} with a "train", in the same
            order each time it is read. Images are numbers in 0..255. In their place there may be scalar texts.
        labels: False leaves the labels out.
        size, channels: None, or for images what `fit` takes.
        task: None, or what to take the labels for.

    Raises:
        InputError: there is no "train", or a split is batched, empty, endless, or without images.
    """
    check_train(splits)
    if all(_gives_texts(stream) for stream in splits.values()):
        texts = {split: _in_memory(stream, split) for split, stream in splits.items()}
        return open_texts(texts, name="tf.data", labels=labels, size=size, channels=channels, task=task)
    shapes = {split: _image_shape(stream, split) for split, stream in splits.items()}
    if len({shape[2] for shape in shapes.values()}) > 1:
        raise InputError(f"the splits' images differ in channels: {', '.join(map(str, shapes.values()))}")
    labelled = [split for split, stream in splits.items() if isinstance(stream.element_spec, tuple)]
    if labelled and len(labelled) < len(splits) and labels is not False:
        raise InputError(f"only the splits {', '.join(labelled)} have labels: give all of them labels, or labels=False")
    if labelled and labels is not False:
        raw = {split: _labels(stream) for split, stream in splits.items()}
        task, classes, values = encode(raw, task)
        label_value = _label_function(raw, task)
    else:
        if task is not None:
            raise InputError(f"there are no labels for task={task!r}")
        classes, values, label_value = [], dict.fromkeys(splits), None
    stored = {
        split: StreamSplit(stream, shapes[split], values[split], label_value, size, channels)
        for split, stream in splits.items()
    }
    sides = [tuple(shape[:2]) for shape in shapes.values()]
    common = tuple(side[0] if len(set(side)) == 1 else None for side in zip(*sides, strict=True))
    shape = fitted_shape((*common, shapes["train"][2]), size, channels)
    return DataSet(name="tf.data", task=task, classes=classes, shape=shape, stored=stored)


def _image_shape(stream, split):
    """The static (H, W, C) of a split's images; C is taken from the first where the stream doesn't say."""
    spec = _example_spec(stream)
    if not isinstance(spec, tf.TensorSpec) or not (spec.dtype.is_integer or spec.dtype.is_floating):
        raise InputError(f"split {split!r} gives {stream.element_spec}: give images, or (image, label), or texts")
    if spec.shape.rank == 4:
        raise InputError(f"split {split!r} is batched: give it unbatched, such as by .unbatch()")
    _check_end(stream, split)
    first = next(iter(stream.take(1)), None)
    if first is None:
        raise InputError(f"split {split!r} has no images")
    first = first[0] if isinstance(first, tuple) else first
    if first.shape.rank not in (2, 3) or (first.shape.rank == 3 and not 1 <= first.shape[2] <= 4):
        raise InputError(f"split {split!r} gives shape {first.shape}: images are (H, W, C) with 1, 3 or 4 channels")
    check_range(spec.dtype.as_numpy_dtype, float(tf.reduce_min(first)), float(tf.reduce_max(first)), split)
    known = spec.shape.as_list() if spec.shape.rank else [None, None]
    return (*known[:2], first.shape[2] if first.shape.rank == 3 else 1)


def _example_spec(stream):
    spec = stream.element_spec
    return spec[0] if isinstance(spec, tuple) and len(spec) == 2 else spec


def _check_end(stream, split):
    if int(stream.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise InputError(f"split {split!r} is endless: give it without .repeat()")


def _gives_texts(stream):
    spec = _example_spec(stream)
    return isinstance(spec, tf.TensorSpec) and spec.dtype == tf.string and spec.shape.rank in (0, None)


def _in_memory(stream, split):
    """The texts of a split, or (texts, labels)."""
    _check_end(stream, split)
    if not isinstance(stream.element_spec, tuple):
        return list(stream.as_numpy_iterator())
    return list(stream.map(lambda text, _: text).as_numpy_iterator()), _labels(stream)


def _with_channel(image):
    return image[..., None] if image.shape.rank == 2 else image


def _eight_bit(image):
    if image.dtype == tf.uint8:
        return image
    if image.dtype.is_floating:
        image = tf.round(image)
    # Opening looked at the first image only; a later one out of range would turn into noise unnoticed.
    within = tf.reduce_all((image >= 0) & (image <= 255))
    message = "images are in 0..255, one leaves that range"
    with tf.control_dependencies([tf.debugging.Assert(within, [message])]):
        return tf.cast(image, tf.uint8)


def _labels(stream):
    labels = list(stream.map(lambda _, label: label).as_numpy_iterator())
    return np.array([each.decode() if isinstance(each, bytes) else each for each in labels])


def _label_function(raw, task):
    """A function from a stream's own label to the one that training uses."""
    whole = np.concatenate(list(raw.values()))
    if task != "classification":
        return lambda label: tf.reshape(tf.cast(label, tf.float32), whole.shape[1:] if whole.shape[1:] != (1,) else ())
    if whole.ndim == 2 and whole.shape[1] > 1:
        return lambda label: tf.argmax(label)
    present = outside_graph(np.unique(whole))
    return lambda label: tf.argmax(tf.cast(tf.equal(present, tf.reshape(label, ())), tf.int32))


def _length(stream):
    return int(stream.reduce(np.int64(0), lambda count, _: count + 1))
