"""Seeded draws of examples by class: the few labels of a semi-supervised run, and held-out parts."""

import math
import numbers

import numpy as np

from keras_ssl.errors import InputError


def choose_labels(dataset, labels, *, split="train", seed=0):
    """Returns the sorted indices into `split` of the examples whose labels may be used, int64 (n,).

    The draw is reproducible and nested: for one seed, a smaller choice is part of each larger one. A classification
    gives each class the same number of labels, as nearly as its examples allow; other tasks draw uniformly.

    Args:
        dataset: a DataSet with labels.
        labels: a float in (0, 1], the fraction of the labels; an int, their number in all; "all" or None; or any of
            these as typed: "0.01", "1%", "250", "all".
        split: the split to draw from.
        seed: an int.

    Raises:
        InputError: the set has no labels, or `labels` is none of these, is zero, negative or more than there are, or
            is fewer than the classes.
    """
    if dataset.task is None:
        raise InputError(f"{dataset.name!r} has no labels to choose from")
    total = dataset.count(split)
    number = _number(labels, total)
    classes = dataset.labels(split) if dataset.task == "classification" else np.zeros(total, np.int64)
    present = len(np.unique(classes))
    if number < present:
        raise InputError(f"labels={labels} gives {number}, fewer than the {present} classes of {split!r}")
    return np.sort(_balanced_order(classes, seed)[:number])


def held_out(count, fraction, classes, seed):
    """Returns a bool mask (count,) of the examples held out: `fraction` of the whole, and of each class to within one.

    `classes` is an int array (count,), or None to draw uniformly.
    """
    shuffled = np.random.default_rng(seed).permutation(count)
    if classes is not None:
        shuffled = shuffled[np.argsort(classes[shuffled], kind="stable")]
    steps = np.floor(np.arange(count + 1) * fraction + 0.5)
    mask = np.zeros(count, bool)
    mask[shuffled[np.diff(steps) > 0]] = True
    return mask


def _balanced_order(classes, seed):
    """All indices in an order whose every prefix has the classes as equal in number as can be."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(classes))
    _, group = np.unique(classes, return_inverse=True)
    by_class = shuffled[np.argsort(group[shuffled], kind="stable")]
    starts = np.cumsum(np.bincount(group)) - np.bincount(group)
    turn = np.arange(len(classes)) - starts[group[by_class]]
    # Classes take turns in a random order, so that a remainder doesn't always favour the first ones.
    place = rng.permutation(len(starts))[group[by_class]]
    return by_class[np.lexsort((place, turn))]


def _number(labels, total):
    """How many labels a person's `labels` means, of `total`."""
    meant = _typed(labels) if isinstance(labels, str) else labels
    if meant is None:
        return total
    right = f"give a fraction in (0, 1], a number from 1 to {total}, or 'all'"
    if isinstance(meant, bool) or not isinstance(meant, numbers.Real):
        raise InputError(f"labels={labels!r} isn't a number of labels: {right}")
    whole = isinstance(meant, numbers.Integral)
    if not math.isfinite(meant) or meant <= 0 or meant > (total if whole else 1):
        raise InputError(f"labels={labels} isn't possible with {total} labels: {right}")
    number = int(meant) if whole else round(float(meant) * total)
    if number == 0:
        raise InputError(f"labels={labels} of {total} labels is none: {right}")
    return number


def _typed(text):
    """A number of labels as typed on a command line; the text itself where it's none."""
    text = text.strip()
    if text == "all":
        return None
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return int(text.replace(",", "").replace("_", "")) if "." not in text and "e" not in text else float(text)
    except ValueError:
        return text
