"""Weights that a zoo entry holds once: its `.keras` file leaves the large ones to the SavedModel beside it.

Both would hold the same numbers; so the package is half as large, and nothing is lost. Keras itself can't open such a
file: `keras_ssl.zoo.load(name).save(file)` makes one that it can.
"""

import io
import os
import pathlib
import zipfile

import h5py
import numpy as np

from .errors import InputError
from .saving import LARGE  # numbers in a weight from which on it is left to the SavedModel

WEIGHTS, LEFT = "model.weights.h5", "weights_left.h5"  # Keras's member of the archive, and the one in its stead
AT = "at"  # attribute of a weight left out: its name in the SavedModel


def leave(file, folder):
    """Take the large weights that the SavedModel `folder` holds, bit for bit, out of a `.keras` file."""
    reader = _reader(folder)
    by_shape = {}
    for name, shape in reader.get_variable_to_shape_map().items():
        by_shape.setdefault(tuple(shape), []).append(name)

    def left(weight):
        if weight.size < LARGE or weight.dtype != np.float32:
            return None
        value = weight[()]
        equal = (n for n in by_shape.get(weight.shape, ()) if np.array_equal(reader.get_tensor(n), value))
        return next(equal, None)

    def write(weight, place, name):
        at = left(weight)
        place.create_dataset(name, data=weight[()] if at is None else h5py.Empty(weight.dtype))
        if at is not None:
            place[name].attrs[AT] = at

    smaller = file.with_suffix(".smaller")
    _rewrite(file, smaller, WEIGHTS, LEFT, write, zipfile.ZIP_DEFLATED)
    os.replace(smaller, file)


def is_left(file):
    """Whether weights of a `.keras` file are in the SavedModel beside it."""
    with zipfile.ZipFile(file) as archive:
        return LEFT in archive.namelist()


def fetch(file, whole):
    """Write a `.keras` file with all its weights, as `whole`. Raises InputError where the SavedModel isn't there."""
    folder = pathlib.Path(file).parent / "saved_model"
    if not (folder / "variables").is_dir():
        raise InputError(f"{file} has its weights in a folder saved_model, which isn't beside it: move both together")
    reader = _reader(folder)

    def write(weight, place, name):
        at = weight.attrs.get(AT)
        place.create_dataset(name, data=weight[()] if at is None else reader.get_tensor(at).astype(weight.dtype))

    _rewrite(file, whole, LEFT, WEIGHTS, write, zipfile.ZIP_STORED)


def _reader(folder):
    import tensorflow as tf

    return tf.train.load_checkpoint(str(pathlib.Path(folder, "variables", "variables")))


def _rewrite(file, target, old, new, write, compression):
    """Copy an archive, whose member `old` becomes `new`: each dataset of it by write(dataset, group, name)."""
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w", compression) as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == old:
                made = io.BytesIO()
                with h5py.File(io.BytesIO(content)) as before, h5py.File(made, "w") as after:
                    _copy(before, after, write)
                name, content = new, made.getvalue()
            archive.writestr(name, content)


def _copy(group, target, write):
    target.attrs.update(group.attrs)
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            _copy(item, target.create_group(name), write)
        else:
            write(item, target, name)
