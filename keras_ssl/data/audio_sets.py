"""Data sets of waveforms in memory: lists and arrays."""

import numpy as np
import tensorflow as tf

from keras_ssl.data.audio_files import FULL_SCALE, RATE
from keras_ssl.data.dataset import DataSet
from keras_ssl.data.order import ordered, outside_graph
from keras_ssl.data.splits import encoded, paired
from keras_ssl.data.text_sets import refuse_sizes
from keras_ssl.errors import InputError

LOUDEST = 8  # floats beyond it are no waveforms in -1..1: a little beyond 1 is common after resampling


class AudioSplit:
    """Waveforms, a list of float32 (T,), and labels, or None, of one split."""

    def __init__(self, waveforms, labels):
        ends = np.cumsum([0, *map(len, waveforms)])
        with tf.init_scope():
            self._samples = tf.constant(np.concatenate(waveforms))
            self._ends = tf.constant(ends)
        self._labels = labels

    def count(self):
        return len(self._ends) - 1

    def labels(self):
        return self._labels

    def stream(self, keep, shuffle, labels):
        samples, ends = self._samples, self._ends
        values = outside_graph(self._labels) if labels else None

        def gather(row):
            waveform = samples[ends[row] : ends[row + 1]]
            return (waveform, values[row]) if labels else waveform

        rows = tf.data.Dataset.from_tensor_slices(ordered(self.count() if keep is None else keep, shuffle))
        return rows.map(gather)


def are_waveforms(examples):
    """Returns whether these are waveforms: an array (n, T) of numbers, or a list or array of such (T,)."""
    if isinstance(examples, np.ndarray) and examples.dtype != object:
        return examples.ndim == 2 and examples.dtype.kind in "if"
    if not isinstance(examples, list | tuple | np.ndarray) or not len(examples):
        return False
    return all(np.ndim(each) == 1 and np.asarray(each).dtype.kind in "iuf" for each in examples)


def open_waveforms(
    splits, *, name="waveforms", labels=None, size=None, channels=None, task=None, classes=None, rate=None, **about
):
    """Returns the DataSet of waveforms in memory.

    Args:
        splits: {split: waveforms or (waveforms, labels)} with a "train". Waveforms are lists or arrays of (T,) each,
            float in -1..1, or whole numbers as sound files have them (int16, ...).
        name: what the data set is called.
        labels: False leaves the labels out.
        size, channels: None: they are for images.
        task: None, or what to take the labels for.
        classes: the class names of the labels in their sorted order, or None.
        rate: their sampling rate; None for 8,000.
        about: the further attributes of the DataSet.

    Raises:
        InputError: there is no "train", some aren't waveforms or don't match their labels, or there is a size.
    """
    refuse_sizes(name, size, channels, "sound")
    pairs = paired(splits)
    waveforms = {
        split: [waveform(each, f"example {i} of split {split!r}") for i, each in enumerate(given)]
        for split, (given, _) in pairs.items()
    }
    empty = next((split for split, each in waveforms.items() if not each), None)
    if empty is not None:
        raise InputError(f"split {empty!r} has no waveforms")
    raw = {split: each for split, (_, each) in pairs.items()}
    counts = {split: len(each) for split, each in waveforms.items()}
    task, classes, values = encoded(raw, counts, "waveform", labels=labels, task=task, classes=classes)
    stored = {split: AudioSplit(each, values[split]) for split, each in waveforms.items()}
    about = {"name": name, "task": task, "classes": classes, **about}
    return DataSet(shape=(None,), stored=stored, kind="audio", rate=rate or RATE, **about)


def waveform(samples, what="the waveform"):
    """Returns samples (T,), floats or a sound file's whole numbers, as float32 in -1..1.

    Args:
        what: how an error's message calls it.

    Raises:
        InputError: they are none, several channels, not numbers, or far beyond -1..1.
    """
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind not in "iuf":
        right = "a waveform is (T,), one channel of float or int16 samples"
        raise InputError(f"{what} has shape {samples.shape} and type {samples.dtype}: {right}")
    if not len(samples):
        raise InputError(f"{what} has no samples")
    if samples.dtype.kind in "iu":
        scale = FULL_SCALE.get(samples.dtype.name)
        if scale is None:
            raise InputError(f"{what} is of type {samples.dtype}: give float in -1..1, int16, int32 or uint8")
        middle = scale if samples.dtype.kind == "u" else 0
        return ((samples.astype("float64") - middle) / scale).astype("float32")
    samples = samples.astype("float32")
    loudest = np.abs(samples).max()
    if not loudest <= LOUDEST:  # NaN isn't either
        raise InputError(f"waveforms are in -1..1, {what} reaches {loudest:g}: 16-bit samples are divided by 32768")
    return samples
