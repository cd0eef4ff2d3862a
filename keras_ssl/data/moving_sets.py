"""Clips of images that move about and bounce off the borders: two moving digits, and what is made like them.

Srivastava, Mansimov, Salakhutdinov, ICML 2015, arXiv:1502.04681; the movement is tensorflow_datasets' own.
"""

import zlib

import numpy as np
import tensorflow as tf

from keras_ssl.data.clip_sets import FRAMES
from keras_ssl.data.dataset import DataSet
from keras_ssl.data.order import ordered, outside_graph
from keras_ssl.errors import InputError

PREFIX = "moving:"
SIDE = 64  # of a clip
MOVING = 2  # images in a clip
VELOCITY = 0.1  # of the way that an image can go, a frame
MOST = {"train": 30_000}  # clips of a split; fewer where it has fewer than two images a clip
MOST_TESTED = 1_000


class MovingSplit:
    """Clips of images of one split, (n, h, w, C) uint8 with classes (n,): which, from where, and whereto is the seed's.

    seed: an int. count, frames, size: how many clips of how many frames of (H, W).
    """

    def __init__(self, images, classes, labels, *, count, frames, size, seed):
        self._images, self._classes, self._labels = images, classes, labels
        self._frames, self._size = frames, size
        drawn = np.random.default_rng(seed)
        self._which = drawn.integers(len(images), size=(count, MOVING))
        self._starts = drawn.uniform(size=(count, MOVING, 2)).astype("float32")
        angles = drawn.uniform(0, 2 * np.pi, (count, MOVING))
        self._velocities = (VELOCITY * np.stack([np.sin(angles), np.cos(angles)], axis=-1)).astype("float32")

    def count(self):
        return len(self._which)

    def labels(self):
        """Which classes move, float32 (count, K) of 0 and 1."""
        return np.eye(self._classes, dtype="float32")[self._labels[self._which]].max(axis=1)

    def stream(self, keep, shuffle, labels):
        from tensorflow_datasets.video.moving_sequence import image_as_moving_sequence  # takes a second

        images, which, starts, velocities = map(
            outside_graph, (self._images, self._which, self._starts, self._velocities)
        )
        values = outside_graph(self.labels()) if labels else None

        def clip(row):
            alone = [
                image_as_moving_sequence(
                    images[which[row, i]], self._frames, self._size, velocities[row, i], starts[row, i]
                ).image_sequence
                for i in range(MOVING)
            ]
            return tf.reduce_max(alone, axis=0)

        def prepare(row):
            return (clip(row), values[row]) if labels else clip(row)

        rows = tf.data.Dataset.from_tensor_slices(ordered(self.count() if keep is None else keep, shuffle))
        return rows.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def open_moving(images, *, frames=None, size=None):
    """Returns the DataSet of clips of two images of another DataSet at a time, moving over black.

    "train" has 30,000 clips of training images, any other split 1,000 of its own images, or fewer where it has fewer
    than two images a clip; they are always the same ones. Labels are the classes that move, for multilabel.

    Args:
        images: a DataSet of images of one size and one channel, or three.
        frames: of a clip, by default 20.
        size: (H, W) of the clips, by default 64x64.

    Raises:
        InputError: the images differ in size, or are larger than the clips.
    """
    size = size or (SIDE, SIDE)
    if images.kind != "image" or None in images.shape:
        raise InputError(f"what moves are images of one size; {images.name!r} has others: open it with a size")
    if any(inner > outer for inner, outer in zip(images.shape, size, strict=False)):
        sides = ["x".join(map(str, each[:2])) for each in (images.shape, size)]
        raise InputError(f"images of {sides[0]} can't move in clips of {sides[1]}: give a larger size")
    stored = {}
    for split in images.stored:
        pixels, labels = images.arrays(split)
        count = max(1, min(MOST.get(split, MOST_TESTED), len(pixels) // MOVING))
        stored[split] = MovingSplit(
            pixels, len(images.classes), labels, count=count, frames=frames or FRAMES, size=tuple(size),
            seed=zlib.crc32(split.encode()),
        )  # fmt: skip
    classified = images.task == "classification"
    return DataSet(
        name=f"{PREFIX}{images.name}",
        task="multilabel" if classified else None,
        classes=images.classes if classified else [],
        shape=(frames or FRAMES, *size, images.shape[2]),
        stored=stored,
        origin=f"{MOVING} images at a time moving over black by tensorflow_datasets, of {images.origin}",
        licence=images.licence,
        citation=images.citation,
        kind="video",
    )
