"""Data sets from arrays in memory (or memory-mapped)."""

import numpy as np
import tensorflow as tf

from keras_ssl.data.dataset import DataSet
from keras_ssl.data.fitting import check_range, fit, fitted_shape
from keras_ssl.data.masks import fit_mask
from keras_ssl.data.order import ordered, outside_graph
from keras_ssl.data.splits import encoded, paired
from keras_ssl.errors import InputError

GATHERED = 64  # images fetched by one call into Python


class ArraySplit:
    """Images (n, H, W, C) uint8 and labels, or None, of one split."""

    def __init__(self, images, labels, size, channels):
        self._images, self._labels = images, labels
        self._size, self._channels = size, channels

    def count(self):
        return len(self._images)

    def labels(self):
        return self._labels

    def stream(self, keep, shuffle, labels):
        images = self._images
        chosen = ordered(len(images) if keep is None else keep, shuffle)

        def gather(rows):
            # In NumPy, because a tensor of the images would be a second copy, and would load a memory map whole.
            found = tf.numpy_function(lambda at: images[at], [rows], tf.uint8, stateful=False)
            return tf.ensure_shape(found, (None, *images.shape[1:]))

        def prepare(image, *label):
            image = fit(image, self._size, self._channels)
            if label and label[0].shape.rank == 2:
                return image, fit_mask(label[0], self._size)
            return (image, *label) if label else image

        stream = tf.data.Dataset.from_tensor_slices(chosen).batch(GATHERED)
        if labels:
            values = outside_graph(self._labels)
            stream = stream.map(lambda rows: (gather(rows), tf.gather(values, rows)))
        else:
            stream = stream.map(gather)
        return stream.unbatch().map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def open_arrays(splits, *, name="arrays", labels=None, size=None, channels=None, task=None, classes=None, **about):
    """Returns the DataSet of arrays.

    Args:
        splits: {split: images or (images, labels)} with a "train". Images are (n, H, W, C), or (n, H, W) for grey:
            uint8, other whole numbers in [0, 255], or floats in [0, 1].
        labels: False leaves the labels out.
        size, channels: None, or what `fit` takes.
        task: None, or what to take the labels for.
        classes: the class names of labels that are already numbered, or None.
        about: the further attributes of the DataSet.

    Raises:
        InputError: there is no "train", the arrays aren't images, differ in shape, or don't match their labels.
    """
    pairs = paired(splits)
    images = {split: _images(each, split) for split, (each, _) in pairs.items()}
    shapes = {each.shape[1:] for each in images.values()}
    if len(shapes) > 1:
        raise InputError(f"the splits' images differ in shape: {', '.join(map(str, sorted(shapes)))}")
    raw = {split: each for split, (_, each) in pairs.items()}
    counts = {split: len(each) for split, each in images.items()}
    task, classes, values = encoded(raw, counts, "image", labels=labels, task=task, classes=classes)
    if task == "segmentation":
        for split, masks in values.items():
            if masks.shape[1:] != images[split].shape[1:3]:
                of = f"{images[split].shape[1]}x{images[split].shape[2]}"
                raise InputError(f"split {split!r} has images of {of} but masks of {masks.shape[1]}x{masks.shape[2]}")
    stored = {split: ArraySplit(each, values[split], size, channels) for split, each in images.items()}
    shape = fitted_shape(next(iter(shapes)), size, channels)
    return DataSet(name=name, task=task, classes=classes, shape=shape, stored=stored, **about)


def _images(images, split):
    if not isinstance(images, np.ndarray):
        try:
            images = np.asarray(images)
        except ValueError:
            raise InputError(f"the images of split {split!r} differ in shape: an array needs one for all") from None
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or not 1 <= images.shape[3] <= 4 or images.dtype.kind not in "buif":
        found = f"shape {images.shape} and type {images.dtype}"
        right = "images are (n, H, W, C) with 1, 3 or 4 channels, texts are (n,)"
        raise InputError(f"the array of split {split!r} has {found}: {right}")
    if not len(images):
        raise InputError(f"split {split!r} has no images")
    return eight_bit(images, split)


def eight_bit(images, split):
    """Returns an array of images of a split as uint8. InputError where its values can't be brightnesses."""
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind == "b":
        return images.astype(np.uint8) * 255
    check_range(images.dtype, images.min(), images.max(), split)
    return np.rint(images).astype(np.uint8)
