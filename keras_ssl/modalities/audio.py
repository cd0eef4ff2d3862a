"""Sounds: brought to one sampling rate, and trained on as windows of all recordings, one after the other."""

import numpy as np
import tensorflow as tf

from .. import data, pictures
from ..data import audio_files
from ..data.order import ordered
from ..errors import InputError
from . import Prepared, of_its_kind

SAMPLES = {"spoken_digit": "spoken_digit_sample"}
PROBED_ON = {}
ENDPOINTS = ("serve", "serve_int16")
SEEN = 64  # windows that fresh layers are fitted to
COUNT = 4  # sounds in a picture


def open(recipe, source=None, labels=None):
    return of_its_kind(data.open(recipe.dataset if source is None else source, labels=labels), recipe)


def prepare(dataset, recipe, encoder=None):
    """Networks learn nothing but the windows, of `recipe.window` samples."""
    waveforms, _ = dataset.arrays("train")
    windows = Windows(waveforms, recipe.window)
    sample = next(iter(windows.stream("train", False, recipe.seed).batch(SEEN))).numpy()
    return Prepared((None,), windows, sample, list(waveforms[:COUNT]))


def known(dataset, encoder=None):
    return dataset.shape


def network_shape(known, method):
    return known


def opening(encoder, size=None, trained_size=None):
    """The rate that the encoder takes; a size is refused with a reason."""
    return {"rate": getattr(encoder, "rate", None), **({} if size is None else {"size": size})}


def asked(model, recipe, given=(), size=None, sample=True):
    """Sounds to ask a model: a list of paths, as they are given, or else of clean waveforms of the recipe's data.

    Raises InputError for a size, which is for images.
    """
    if size is not None:
        raise InputError("size is for images; sounds keep their length")
    if given:
        return list(given)
    source = SAMPLES.get(recipe["dataset"], recipe["dataset"]) if sample else recipe["dataset"]
    dataset = data.open(source, rate=model.rate)
    waveforms, _ = dataset.arrays("test" if "test" in dataset.splits else "train")
    return list(waveforms[:: max(1, len(waveforms) // COUNT)][:COUNT])


def said(rows):
    """Captions of rows (title, waveforms, captions) as lines."""
    return [f"{title}: {', '.join(captions)}" for title, _, captions in rows if captions]


def draw(rows, path, title=None):
    """Spectrograms of rows of (title, waveforms, captions), as `pictures.spectrograms` takes them."""
    pictures.spectrograms(rows, path, title)


def write(method, model, asked, path):
    """Write what a model makes of one sound as a wav, as long as it was and at its rate; returns the answer's rows.

    asked: as `asked` gives it; of examples the first one.
    Raises InputError for several files, and for one that can't be read.
    """
    if len(asked) > 1 and isinstance(asked[0], str):
        raise InputError(f"a .wav holds one sound, got {len(asked)} files: give one at a time")
    rows = method.show(model, asked[:1])
    _, rate = audio_files.opened(asked[0]) if isinstance(asked[0], str) else (None, model.rate)
    audio_files.write(path, {title: waveforms for title, waveforms, _ in rows}["restored"][0], rate)
    return rows


class Windows:
    """Waveforms one after the other, cut into windows of `length` samples, as a training reads them.

    In each epoch the cuts lie elsewhere. What is shorter than a window is repeated to fill one.
    """

    def __init__(self, waveforms, length):
        joined = np.concatenate(list(waveforms))
        self.length, self._count = length, max(1, len(joined) // length)
        # One window more than is counted: the cuts move by up to a window.
        joined = np.resize(joined, (self._count + 1) * length)
        with tf.init_scope():
            self._samples = tf.constant(joined.astype("float32"))

    def count(self, split="train"):
        return self._count

    def stream(self, split="train", labels=False, shuffle=None):
        """Windows (length,) float32, one by one; shuffle: None or a seed, which moves the cuts too."""
        samples, length = self._samples, self.length
        shift = tf.constant(0, tf.int64)
        if shuffle is not None:
            seed = tf.stack([tf.cast(shuffle, tf.int64), 1])
            shift = tf.random.stateless_uniform([], seed, maxval=length, dtype=tf.int64, alg="philox")

        def window(row):
            begin = row * length + shift
            return tf.ensure_shape(samples[begin : begin + length], (length,))

        return tf.data.Dataset.from_tensor_slices(ordered(self._count, shuffle)).map(window)
