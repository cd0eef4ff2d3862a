"""Finds the image, sound or text files of a folder, and what its sub-folders or its table say about them."""

import os
from pathlib import Path

import numpy as np

from keras_ssl.data import audio_files, image_files, text_files
from keras_ssl.data.dataset import MANY
from keras_ssl.errors import InputError

SUFFIXES = {"image": image_files.SUFFIXES, "audio": audio_files.SUFFIXES, "text": text_files.SUFFIXES}
SPLITS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}


def kind_of(folder, table):
    """Returns what a folder's files, or those that its Table names, are: the first of SUFFIXES of which it has any.

    "image" where it has none.
    """
    files = _files(folder, sum(SUFFIXES.values(), ())) if table is None else table.files
    found = {Path(file).suffix.lower() for file in files}
    return next((kind for kind, suffixes in SUFFIXES.items() if found.intersection(suffixes)), "image")


def find_files(folder, kind, table):
    """Returns {split: sorted paths}, "train" alone where the folder has no split folders.

    Args:
        folder: a Path.
        kind: that of the files, "image", "audio" or "text".
        table: the Table that says which files count, or None for all.

    Raises:
        InputError: there are split folders but none for training, or the table names missing files.
    """
    roots = split_roots(folder)
    if roots and "train" not in roots:
        found = ", ".join(root.name for root in roots.values())
        raise InputError(f"the folder {str(folder)!r} has {found} but no train folder")
    if table is None:
        return {split: _files(root, SUFFIXES[kind]) for split, root in (roots or {"train": folder}).items()}
    paths = [os.path.join(folder, file) for file in table.files]
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        named = ", ".join(os.path.relpath(path, folder) for path in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(f"{table.name} names files that aren't in {str(folder)!r}: {named}{more}")
    if not roots:
        return {"train": paths}
    splits = {split: [path for path in paths if Path(path).is_relative_to(root)] for split, root in roots.items()}
    outside = set(paths).difference(*splits.values())
    if outside:
        first = os.path.relpath(min(outside), folder)
        raise InputError(f"{table.name} names files outside the split folders, such as {first}")
    return {split: files for split, files in splits.items() if files}


def label_files(folder, kind, splits, table, labels):
    """Returns (values, names): {split: array of raw labels} and the table's column names; (None, None) if unlabelled.

    Args:
        folder, kind: as in `find_files`.
        splits: {split: paths}, from `find_files`, without the unreadable ones.
        table: as in `find_files`.
        labels: False for unlabelled, True to insist on sub-folders as classes.

    Raises:
        InputError: `labels` is True but the sub-folders are no classes, or other splits' classes aren't training's.
    """
    if labels is False:
        return None, None
    if table is not None:
        row = {os.path.join(folder, file): i for i, file in enumerate(table.files)}
        values = {split: table.values[[row[path] for path in paths]] for split, paths in splits.items()}
        return values, table.names if table.values.ndim == 2 else None
    roots = split_roots(folder) or {"train": folder}
    classes = {split: [_top_folder(path, roots[split]) for path in paths] for split, paths in splits.items()}
    train = set(classes["train"])
    if None in train or len(train) < 2:
        if labels is True:
            where = "beside its sub-folders" if None in train else "in only one sub-folder"
            right = f"labels need two or more sub-folders of {MANY[kind]}"
            raise InputError(f"{str(roots['train'])!r} has {MANY[kind]} {where}: {right}")
        return None, None
    for split, found in classes.items():
        extra = sorted(str(each) for each in set(found) - train - {None})
        if None in found or extra:
            what = (
                f"classes that train lacks: {', '.join(extra[:5])}" if extra else f"{MANY[kind]} outside class folders"
            )
            raise InputError(f"the folder {str(roots[split])!r} has {what}; with labels=False all are unlabelled")
    return {split: np.array(found) for split, found in classes.items()}, None


def split_roots(folder):
    """{split: its folder} for the sub-folders named like splits, training first."""
    found = {SPLITS[each.name.lower()]: each for each in _folders(folder) if each.name.lower() in SPLITS}
    return {split: found[split] for split in dict.fromkeys(SPLITS.values()) if split in found}


def _folders(folder):
    return sorted(each for each in folder.iterdir() if each.is_dir())


def _files(root, suffixes):
    """All files of some suffixes below a folder, sorted by path; links are followed, but no folder is entered twice."""
    found, seen = [], set()
    for here, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [each for each in folders if not each.startswith(".")]
        wanted = [each for each in files if not each.startswith(".") and Path(each).suffix.lower() in suffixes]
        found += [os.path.join(here, each) for each in wanted]
    return sorted(found)


def _top_folder(path, root):
    """The first-level sub-folder of `root` that a file lies in; None for the root itself."""
    parts = os.path.relpath(path, root).split(os.sep)
    return parts[0] if len(parts) > 1 else None
