"""Splits as a person gives them: their examples and labels, and a test held out where there is none."""

import numpy as np

from keras_ssl.data.label_choice import held_out
from keras_ssl.data.tasks import encode
from keras_ssl.errors import InputError

TEST_FRACTION = 0.2
TEST_SEED = 0


def paired(splits):
    """Returns {split: (examples, labels or None)} of {split: examples or (examples, labels)}; a tuple of str is texts.

    Raises:
        InputError: there is no "train", or a tuple isn't a pair.
    """
    check_train(splits)
    pairs = {split: each if _is_tuple_of_arrays(each) else (each, None) for split, each in splits.items()}
    for split, pair in pairs.items():
        if len(pair) != 2:
            raise InputError(f"split {split!r} has {len(pair)} arrays: give examples, or (examples, labels)")
    return pairs


def check_train(splits):
    """Raises InputError where there is no "train"."""
    if "train" not in splits:
        raise InputError(f"the splits {', '.join(map(str, splits)) or '(none)'} lack a 'train'")


def encoded(raw, counts, kind, *, labels=None, task=None, classes=None):
    """Returns (task, classes, {split: labels or None}) of {split: raw labels or None}.

    Args:
        raw: the labels as given.
        counts: {split: how many examples it has}.
        kind: what the examples are, "image" or "text".
        labels: False leaves the labels out.
        task: None, or what to take the labels for.
        classes: the class names of labels that are already numbered, or None.

    Raises:
        InputError: some splits have labels and others none, not one for each example, or none for `task`.
    """
    given = {split: each for split, each in raw.items() if each is not None and labels is not False}
    if given and len(given) < len(raw):
        raise InputError(f"only the splits {', '.join(given)} have labels: give all of them labels, or none")
    for split, each in given.items():
        if len(each) != counts[split]:
            raise InputError(f"split {split!r} has {counts[split]} {kind}s but {len(each)} labels")
    if not given:
        if task is not None:
            raise InputError(f"there are no labels for task={task!r}")
        return None, [], dict.fromkeys(raw)
    task, found, values = encode(given, task)
    return task, [] if task == "regression" else list(classes or found), values


def with_test(splits, values, task):
    """Returns (splits, values) with a "test" held out from "train", by class; unchanged where that would be empty.

    Args:
        splits: {split: list of examples}.
        values: {split: array of labels, or None}.
        task: what the labels are for, or None.
    """
    examples, labels = splits["train"], values["train"]
    held = held_out(len(examples), TEST_FRACTION, labels if task == "classification" else None, TEST_SEED)
    if not held.any():
        return splits, values
    parts = {"train": np.flatnonzero(~held), "test": np.flatnonzero(held)}
    cut = {split: [examples[i] for i in rows] for split, rows in parts.items()}
    return cut, {split: None if labels is None else labels[rows] for split, rows in parts.items()}


def _is_tuple_of_arrays(given):
    return isinstance(given, tuple) and not (given and isinstance(given[0], str | bytes))
