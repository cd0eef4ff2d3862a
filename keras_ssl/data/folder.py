"""Data sets from folders of image files."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_ssl.data import image_files
from keras_ssl.data.csv_labels import read_csv
from keras_ssl.data.dataset import DataSet
from keras_ssl.data.folder_layout import find_files, label_files
from keras_ssl.data.label_choice import held_out
from keras_ssl.data.order import ordered, outside_graph
from keras_ssl.data.tasks import encode
from keras_ssl.errors import InputError

TEST_FRACTION = 0.2
TEST_SEED = 0
NAMED = 5  # unreadable files that the warning names


class FolderSplit:
    """Image files and their labels, or None, of one split."""

    def __init__(self, paths, labels, shape, size):
        self._paths, self._labels = paths, labels
        self._shape, self._size = shape, size

    def count(self):
        return len(self._paths)

    def labels(self):
        return self._labels

    def stream(self, keep, shuffle, labels):
        paths, size, shape = self._paths, self._size, self._shape
        values = outside_graph(self._labels) if labels else None

        def read(row):
            return image_files.read(paths[row], size, shape[2])

        def prepare(row):
            image = tf.ensure_shape(tf.numpy_function(read, [row], tf.uint8, stateful=False), shape)
            return (image, values[row]) if labels else image

        rows = ordered(len(paths) if keep is None else keep, shuffle)
        stream = tf.data.Dataset.from_tensor_slices(rows)
        return stream.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def open_folder(folder, *, labels=None, size=None, mixed_size=None, channels=None, task=None):
    """Returns the DataSet of the images in a folder, of any common format, size and kind of colour.

    Layouts: FOLDER/train/CLASS/... with FOLDER/test/CLASS/... and FOLDER/validation/... or val; FOLDER/CLASS/...;
    image files anywhere below FOLDER without labels; or files anywhere with a table FOLDER/labels.csv. First-level
    sub-folders with images are classes when there are two or more, and no images beside them. Where there is no test
    and no validation folder, 20 % of the images are held out as "test", by class, always the same ones. Hidden files
    and files that aren't images are ignored.

    Every file is decoded once here. Those that can't be are skipped, and named in a warning and in `skipped`. Images
    are grey if all files are, otherwise RGB; EXIF orientations are followed.

    Args:
        folder: the path.
        labels: None for what is there; False for unlabelled; True to insist on sub-folders as classes; or the path
            of a CSV table, absolute or from FOLDER, with the header `file,VALUE[,VALUE...]` and the files' paths from
            FOLDER. Images that it doesn't name are left out.
        size: (H, W) of all images, or None to keep theirs.
        mixed_size: (H, W) for images that differ in size, or None to keep theirs.
        channels: 1, 3, or None.
        task: what to take the labels for instead of what they look like (see `tasks.encode`).

    Raises:
        InputError: the folder isn't there or has no readable image, a table is wrong or names missing files, or
            labels are wanted where none are.
    """
    folder = Path(folder).expanduser()
    name = folder.resolve().name
    if not folder.is_dir():
        found = "is a file, not a folder of images" if folder.exists() else "doesn't exist"
        raise InputError(f"the folder {str(folder)!r} {found}")
    table = _table(folder, labels)
    splits = find_files(folder, table)
    paths = [path for files in splits.values() for path in files]
    if not paths:
        raise InputError(f"the folder {str(folder)!r} has no image files (such as .jpg, .png, .bmp, .gif, .webp)")
    shapes, skipped = _checked(paths, folder, name)
    if not shapes:
        raise InputError(f"none of the {len(paths)} image files in {str(folder)!r} can be read ({skipped[0][1]})")
    splits = {split: [path for path in files if path in shapes] for split, files in splits.items()}
    splits = {split: files for split, files in splits.items() if files or split == "train"}
    if not splits["train"]:
        raise InputError(f"the train folder of {str(folder)!r} has no readable images")
    values, names = label_files(folder, splits, table, labels)
    if values is None:
        if task is not None:
            raise InputError(f"{name!r} has no labels for task={task!r}")
        classes, values = [], dict.fromkeys(splits)
    else:
        task, classes, values = encode(values, task, names)
    if "test" not in splits and "validation" not in splits:
        splits, values = _with_test(splits, values, task)
    shape = _common_shape(shapes.values(), size, channels)
    if mixed_size and None in shape:
        size, shape = mixed_size, (*mixed_size, shape[2])
    stored = {split: FolderSplit(files, values[split], shape, size) for split, files in splits.items()}
    origin = f"the folder {name}"
    return DataSet(name=name, task=task, classes=classes, shape=shape, stored=stored, origin=origin, skipped=skipped)


def _table(folder, labels):
    """The Table of labels to use, or None."""
    if labels is None:
        return read_csv(folder / "labels.csv") if (folder / "labels.csv").is_file() else None
    if isinstance(labels, bool):
        return None
    if not isinstance(labels, (str, os.PathLike)):
        raise InputError(f"labels={labels!r} isn't possible for a folder: give a CSV file, True or False")
    path = folder / Path(labels).expanduser()
    if not path.is_file():
        raise InputError(f"the labels file {str(labels)!r} isn't in {str(folder)!r}")
    return read_csv(path)


def _checked(paths, folder, name):
    """({path: shape} of the files that can be read, [(file, reason)] of the others)."""

    def check(path):
        try:
            return image_files.check(path), None
        except Exception as error:  # Pillow's decoders raise errors of many kinds on broken files
            return None, (str(error).strip() or type(error).__name__).splitlines()[0]

    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")  # Pillow's own, on odd metadata
        checks = list(pool.map(check, paths))
    shapes = {path: shape for path, (shape, _) in zip(paths, checks, strict=True) if shape}
    relative = [os.path.relpath(path, folder) for path in paths]
    skipped = [(file, reason) for file, (_, reason) in zip(relative, checks, strict=True) if reason]
    if skipped and shapes:
        named = ", ".join(file for file, _ in skipped[:NAMED]) + (", ..." if len(skipped) > NAMED else "")
        warnings.warn(f"{len(skipped)} of {len(paths)} image files of {name!r} can't be read: {named}", stacklevel=4)
    return shapes, skipped


def _with_test(splits, values, task):
    """The splits with a "test" held out from "train"; unchanged where that would be empty."""
    files, labels = splits["train"], values["train"]
    held = held_out(len(files), TEST_FRACTION, labels if task == "classification" else None, TEST_SEED)
    if not held.any():
        return splits, values
    parts = {"train": np.flatnonzero(~held), "test": np.flatnonzero(held)}
    cut = {split: [files[i] for i in rows] for split, rows in parts.items()}
    return cut, {split: None if labels is None else labels[rows] for split, rows in parts.items()}


def _common_shape(shapes, size, channels):
    """(H, W, C), H and W None where they vary, C 3 where any of the images has colours."""
    shapes = list(shapes)
    heights, widths = {shape[0] for shape in shapes}, {shape[1] for shape in shapes}
    same = size or (heights.pop() if len(heights) == 1 else None, widths.pop() if len(widths) == 1 else None)
    return (*same, channels or max(shape[2] for shape in shapes))
