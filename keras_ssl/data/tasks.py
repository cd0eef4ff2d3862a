"""What a column of labels means: its task, its classes, and the numbers that training uses."""

import numpy as np

from keras_ssl.data.masks import VOID
from keras_ssl.errors import InputError

TASKS = ("classification", "multilabel", "regression", "segmentation")


def encode(values, task=None, names=None):
    """Returns (task, classes, labels) of raw label values.

    One column of text or whole numbers is a classification (its classes sorted); one of other numbers a regression.
    Several columns of 0 and 1 are one-hot classes where each row has a single 1 and no `names` are given, otherwise
    multilabel; several of other numbers are a regression. Arrays (n, H, W) of whole numbers are masks, for
    segmentation: their classes are the numbers from 0 up, 255 is none.

    Args:
        values: {split: array (n,) or (n, K)} of text, whole or real numbers; or masks.
        task: what to take them for instead.
        names: the names of the K columns, or None.

    Returns:
        task; classes, a list of str; labels, {split: int64 (n,), or float32 (n,) or (n, K), or masks, uint8}.

    Raises:
        InputError: `task` is unknown, or the values can't be labels of it.
    """
    values = {split: np.asarray(each) for split, each in values.items()}
    if task == "segmentation" or (task is None and all(each.ndim == 3 for each in values.values())):
        return _masks(values)
    values = {split: _column(each) for split, each in values.items()}
    whole = np.concatenate(list(values.values()))
    numeric = whole.dtype.kind in "biuf"
    if whole.dtype.kind == "f" and not np.isfinite(whole).all():
        raise InputError("the labels have values that aren't numbers (NaN or infinite)")
    binary = whole.ndim == 2 and numeric and bool(np.isin(whole, (0, 1)).all())
    one_hot = binary and names is None and bool((whole.sum(axis=1) == 1).all())
    if task is None:
        task = _inferred(whole, binary, one_hot)
    if task not in TASKS:
        raise InputError(f"task={task!r} isn't one: give {', '.join(TASKS)}")
    if task == "classification" and (whole.ndim == 1 or one_hot):
        return _classes(values, whole, one_hot)
    if task == "multilabel" and binary:
        return task, names or [str(each) for each in range(whole.shape[1])], _floats(values)
    if task == "regression" and numeric:
        return task, [], _floats(values)
    needs = {
        "classification": "one column of text or numbers",
        "multilabel": "several columns of 0 and 1",
        "regression": "columns of numbers",
    }
    raise InputError(f"these labels can't be used for {task}, which needs {needs[task]}")


def _column(values):
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind == "O":
        values = values.astype(str)
    if values.ndim not in (1, 2) or values.dtype.kind not in "biufUS":
        found = f"shape {values.shape} and type {values.dtype}"
        raise InputError(f"labels of {found} can't be used: they are numbers or text, (n,) or (n, K)")
    return values


def _inferred(whole, binary, one_hot):
    if whole.ndim == 1:
        return "regression" if whole.dtype.kind == "f" else "classification"
    return "classification" if one_hot else "multilabel" if binary else "regression"


def _classes(values, whole, one_hot):
    if one_hot:
        labels = {split: each.argmax(axis=1).astype(np.int64) for split, each in values.items()}
        return "classification", [str(each) for each in range(whole.shape[1])], labels
    present = np.unique(whole)
    labels = {split: np.searchsorted(present, each).astype(np.int64) for split, each in values.items()}
    names = [each.decode() if isinstance(each, bytes) else str(each) for each in present.tolist()]
    return "classification", names, labels


def _masks(values):
    for each in values.values():
        whole = each.ndim == 3 and each.size and each.dtype.kind in "iu" and each.min() >= 0 and each.max() <= VOID
        if not whole:
            found = f"shape {each.shape} and type {each.dtype}"
            raise InputError(f"masks are whole numbers in 0..{VOID}, (n, H, W); these labels have {found}")
    found = {split: each[each < VOID] for split, each in values.items()}
    most = max((int(each.max()) for each in found.values() if each.size), default=0)
    return "segmentation", [str(k) for k in range(most + 1)], {k: each.astype(np.uint8) for k, each in values.items()}


def _floats(values):
    return {split: each.astype(np.float32) for split, each in values.items()}
