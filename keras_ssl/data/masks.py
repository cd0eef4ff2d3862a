"""Labels that are masks: a class for every pixel. Their table of classes, and how they are read and resized."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageColor

from keras_ssl.errors import InputError

VOID = 255  # pixels without a class, which no loss and no figure counts
NAME = "void"  # what a table of classes calls such pixels
CAMVID = {
    "sky": (128, 128, 128), "building": (128, 0, 0), "pole": (192, 192, 128), "road": (128, 64, 128),
    "pavement": (60, 40, 222), "tree": (128, 128, 0), "sign_symbol": (192, 128, 128), "fence": (64, 64, 128),
    "car": (64, 0, 128), "pedestrian": (64, 64, 0), "bicyclist": (0, 128, 192),
}  # fmt: skip


@dataclass(frozen=True)
class ClassTable:
    """What the indices of masks stand for.

    Attributes:
        name: of the file, for messages.
        classes: the names of the K classes; class k is the k-th of `indices`.
        indices: the indices by which masks name them, ascending.
        colours: (red, green, blue) of each in 0..255, or [] where the table has none.
        void: further indices that stand for no class; `VOID` always does.
    """

    name: str
    classes: list
    indices: list
    colours: list
    void: tuple = ()

    def numbers(self):
        """uint8 (256,): the class number of each index, `VOID` for those of no class and for unknown ones."""
        numbers = np.full(256, VOID, np.uint8)
        numbers[self.indices] = np.arange(len(self.indices))
        return numbers

    def unknown(self, mask):
        """The smallest index in a mask that the table lacks; None where it lacks none."""
        odd = np.setdiff1d(np.unique(mask), [*self.indices, *self.void, VOID])
        return int(odd[0]) if len(odd) else None

    def range(self):
        """The table's indices in words."""
        return f"{self.name} has {len(self.indices)} classes, indices {self.indices[0]} to {self.indices[-1]}"


# Sets of TFDS whose features don't say what their masks' indices mean.
KNOWN = {"camvid": ClassTable("camvid", list(CAMVID), list(range(11)), list(CAMVID.values()), (11,))}

# And what TFDS doesn't say of them.
ABOUT = {
    "camvid": {
        "licence": "CC BY-NC 4.0",
        "citation": "G. J. Brostow, J. Fauqueur and R. Cipolla, Semantic Object Classes in Video: A High-Definition "
        "Ground Truth Database, Pattern Recognition Letters 30(2), 2009; classes and splits of arXiv:1511.00561",
    },
}


def read_class_table(path):
    """Returns the ClassTable of a CSV file (UTF-8, commas) with the header `index,name` or `index,name,colour`.

    Indices are whole numbers in 0..254; a class called "void" is none. Colours are as CSS has them, "#808000", "olive".

    Raises:
        InputError: it can't be read, or a line isn't such.
    """
    name = Path(path).name
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = [(n, [cell.strip() for cell in row]) for n, row in enumerate(csv.reader(file), 1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the class table {name} can't be read: {error}") from None
    header = lines[0][1] if lines else []
    if header not in (["index", "name"], ["index", "name", "colour"]):
        raise InputError(f"the class table {name} needs the header 'index,name' or 'index,name,colour'")
    rows = {}
    for line, row in lines[1:]:
        if len(row) != len(header) or not all(row) or not (row[0].isdecimal() and int(row[0]) < VOID):
            raise InputError(f"line {line} of the class table {name} must be {','.join(header)}, the index in 0..254")
        if int(row[0]) in rows:
            raise InputError(f"line {line} of the class table {name} has the index {row[0]} again")
        rows[int(row[0])] = row[1], _colour(row[2], line, name) if len(row) == 3 else None
    indices = sorted(index for index, (title, _) in rows.items() if title.lower() != NAME)
    if not indices:
        raise InputError(f"the class table {name} has no classes")
    colours = [rows[index][1] for index in indices] if len(header) == 3 else []
    return ClassTable(name, [rows[index][0] for index in indices], indices, colours, tuple(set(rows) - set(indices)))


def _colour(text, line, name):
    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        raise InputError(
            f"line {line} of the class table {name} has no colour {text!r}: give one like #808000"
        ) from None


def read_mask(path, numbers=None, size=None):
    """Returns the mask of an image file of indices, uint8 (H, W).

    Args:
        path: a file of one channel, such as a PNG with a palette, or of grey.
        numbers: uint8 (256,) that indices are replaced by, or None.
        size: (H, W) to bring it to as `image_files.read` does an image, by nearest neighbour, or None.

    Raises:
        ValueError: it has colours instead of indices.
    """
    with Image.open(path) as image:
        if image.mode not in ("P", "L", "1"):
            raise ValueError(f"it has pixels of the kind {image.mode}, not indices of classes")
        mask = np.asarray(image).astype(np.uint8)
    mask = mask if numbers is None else numbers[mask]
    return mask if size is None or mask.shape == tuple(size) else mask[np.ix_(*_nearest(mask.shape, size))]


def _nearest(shape, size):
    """Rows and columns of a mask that pixels of the resized and centre-cropped one stand for."""
    scale = min(shape[0] / size[0], shape[1] / size[1])
    middles = (have / 2 + (np.arange(want) + 0.5 - want / 2) * scale for have, want in zip(shape, size, strict=True))
    return [np.clip(middle.astype(int), 0, have - 1) for middle, have in zip(middles, shape, strict=True)]


def fit_mask(mask, size):
    """Returns a mask (H, W) brought to `size` as `fitting.fit` does its image, by nearest neighbour."""
    if size is None or tuple(mask.shape) == tuple(size):
        return mask
    have = tf.cast(tf.shape(mask), tf.float64)
    scale = tf.reduce_min(have / tf.constant(size, tf.float64))
    for axis, want in enumerate(size):
        middles = have[axis] / 2 + (tf.range(want, dtype=tf.float64) + 0.5 - want / 2) * scale
        places = tf.clip_by_value(tf.cast(middles, tf.int32), 0, tf.shape(mask)[axis] - 1)
        mask = tf.gather(mask, places, axis=axis)
    return tf.ensure_shape(mask, size)
