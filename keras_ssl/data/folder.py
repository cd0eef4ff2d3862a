"""Data sets from folders of image, sound or text files."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tensorflow as tf

from keras_ssl.data import audio_files, image_files, text_files
from keras_ssl.data.audio_sets import AudioSplit
from keras_ssl.data.csv_labels import read_csv
from keras_ssl.data.dataset import MANY, DataSet
from keras_ssl.data.folder_layout import find_files, kind_of, label_files
from keras_ssl.data.mask_folder import has_masks, open_mask_folder
from keras_ssl.data.order import ordered, outside_graph
from keras_ssl.data.splits import with_test
from keras_ssl.data.tasks import encode
from keras_ssl.data.text_sets import TextSplit, clean, refuse_sizes
from keras_ssl.errors import InputError, first_line

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


def open_folder(folder, *, labels=None, size=None, mixed_size=None, channels=None, task=None, rate=None):
    """Returns the DataSet of the images in a folder, of any common format, size and kind of colour, or of its sounds or
    texts.

    A folder without images whose files, or those that its table names, are .wav or .flac files is one of sounds, which
    needs soundfile; one without these, but with .txt files in UTF-8, is one of texts, a document a file.

    Layouts: FOLDER/train/CLASS/... with FOLDER/test/CLASS/... and FOLDER/validation/... or val; FOLDER/CLASS/...;
    files anywhere below FOLDER without labels; or files anywhere with a table FOLDER/labels.csv. First-level
    sub-folders with examples are classes when there are two or more, and no examples beside them. Where there is no
    test and no validation folder, 20 % of the examples are held out as "test", by class, always the same ones. Hidden
    files and those of other kinds are ignored.

    A folder that has images/ and masks/, or whose train folder has, is one of masks: see `open_mask_folder`, which the
    rest here isn't about.

    Every file is read once here. Those that can't be, and blank texts, are skipped, and named in a warning and in
    `skipped`. Images are grey if all files are, otherwise RGB; EXIF orientations are followed. Texts and sounds stay in
    memory; sounds are mixed to one channel and brought to one sampling rate.

    Args:
        folder: the path.
        labels: None for what is there; False for unlabelled; True to insist on sub-folders as classes; or the path
            of a CSV table, absolute or from FOLDER, with the header `file,VALUE[,VALUE...]` and the files' paths from
            FOLDER. Examples that it doesn't name are left out.
        size: (H, W) of all images, or None to keep theirs.
        mixed_size: (H, W) for images that differ in size, or None to keep theirs.
        channels: 1, 3, or None. It and the sizes are for images.
        rate: the sampling rate in Hz that sounds are brought to, None for 8,000.
        task: what to take the labels for instead of what they look like (see `tasks.encode`).

    Raises:
        InputError: the folder isn't there or has no readable example, a table is wrong or names missing files, or
            labels are wanted where none are, there is a size for sounds or texts, or no soundfile for sounds.
    """
    folder = Path(folder).expanduser()
    name = folder.resolve().name
    if not folder.is_dir():
        found = "is a file, not a folder of images" if folder.exists() else "doesn't exist"
        raise InputError(f"the folder {str(folder)!r} {found}")
    if has_masks(folder) and task in (None, "segmentation"):
        return open_mask_folder(folder, labels=labels, size=size, mixed_size=mixed_size, channels=channels)
    if task == "segmentation":
        raise InputError(f"the folder {str(folder)!r} has no folders images and masks, as segmentation needs them")
    table = _table(folder, labels)
    kind = kind_of(folder, table)
    if kind != "image":
        refuse_sizes(name, size, channels, "sound" if kind == "audio" else "texts")
    if kind == "audio":
        audio_files.library()
    splits = find_files(folder, kind, table)
    paths = [path for files in splits.values() for path in files]
    if not paths:
        raise InputError(
            f"the folder {str(folder)!r} has no image files (such as .jpg, .png, .gif, .webp), no .wav or "
            ".flac and no .txt files"
        )
    found, skipped = _checked(paths, folder, name, kind, rate or audio_files.RATE)
    if not found:
        raise InputError(f"none of the {len(paths)} {kind} files in {str(folder)!r} can be read ({skipped[0][1]})")
    splits = {split: [path for path in files if path in found] for split, files in splits.items()}
    splits = {split: files for split, files in splits.items() if files or split == "train"}
    if not splits["train"]:
        raise InputError(f"the train folder of {str(folder)!r} has no readable {MANY[kind]}")
    values, names = label_files(folder, kind, splits, table, labels)
    if values is None:
        if task is not None:
            raise InputError(f"{name!r} has no labels for task={task!r}")
        classes, values = [], dict.fromkeys(splits)
    else:
        task, classes, values = encode(values, task, names)
    if "test" not in splits and "validation" not in splits:
        splits, values = with_test(splits, values, task)
    about = {"name": name, "task": task, "classes": classes, "origin": f"the folder {name}", "skipped": skipped}
    if kind == "text":
        texts = clean({split: [found[path] for path in files] for split, files in splits.items()}, name, stacklevel=4)
        stored = {split: TextSplit(each, values[split]) for split, each in texts.items()}
        return DataSet(shape=(), stored=stored, kind="text", **about)
    if kind == "audio":
        stored = {split: AudioSplit([found[path] for path in files], values[split]) for split, files in splits.items()}
        return DataSet(shape=(None,), stored=stored, kind="audio", rate=rate or audio_files.RATE, **about)
    shape = _common_shape(found.values(), size, channels)
    if mixed_size and None in shape:
        size, shape = mixed_size, (*mixed_size, shape[2])
    stored = {split: FolderSplit(files, values[split], shape, size) for split, files in splits.items()}
    return DataSet(shape=shape, stored=stored, **about)


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


def _checked(paths, folder, name, kind, rate):
    """({path: image's shape, waveform or text} of the files that can be read, [(file, reason)] of the others)."""
    readers = {"image": image_files.check, "text": text_files.check, "audio": lambda path: audio_files.read(path, rate)}
    checked = readers[kind]

    def check(path):
        try:
            return checked(path), None
        except Exception as error:  # Pillow's decoders raise errors of many kinds on broken files
            return None, first_line(error)

    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")  # Pillow's own, on odd metadata
        checks = list(pool.map(check, paths))
    good = {path: found for path, (found, _) in zip(paths, checks, strict=True) if found is not None}
    relative = [os.path.relpath(path, folder) for path in paths]
    skipped = [(file, reason) for file, (_, reason) in zip(relative, checks, strict=True) if reason]
    if skipped and good:
        warn_of(skipped, len(paths), f"{kind} files", name)
    return good, skipped


def warn_of(skipped, total, what, name):
    """One warning, at the line of who called `open`, that names files, [(file, reason)], which can't be read."""
    named = ", ".join(file for file, _ in skipped[:NAMED]) + (", ..." if len(skipped) > NAMED else "")
    warnings.warn(f"{len(skipped)} of {total} {what} of {name!r} can't be read: {named}", stacklevel=5)


def _common_shape(shapes, size, channels):
    """(H, W, C), H and W None where they vary, C 3 where any of the images has colours."""
    shapes = list(shapes)
    heights, widths = {shape[0] for shape in shapes}, {shape[1] for shape in shapes}
    same = size or (heights.pop() if len(heights) == 1 else None, widths.pop() if len(widths) == 1 else None)
    return (*same, channels or max(shape[2] for shape in shapes))
