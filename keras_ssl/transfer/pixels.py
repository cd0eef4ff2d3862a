"""How good a segmentation is: intersection over union of each class, and how many pixels are right."""

import numpy as np

from ..data.masks import VOID
from ..errors import InputError


def confusion(truth, predicted, classes):
    """How often each class (row) was taken for each (column): int64 (K, K). Pixels of truth `VOID` don't count.

    truth, predicted: whole numbers of one shape. classes: K.
    """
    truth, predicted = np.asarray(truth).ravel(), np.asarray(predicted).ravel()
    counted = truth != VOID
    pairs = truth[counted].astype(np.int64) * classes + predicted[counted].astype(np.int64)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def figures(table, classes):
    """Figures of a confusion table (K, K), the main one first.

    {"mean_iou": mean over classes that occur, "global_accuracy": share of pixels, "class_iou": {name: intersection over
    union of truth and prediction, None where a class is in neither}}
    """
    right, truth, said = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    union = truth + said - right
    iou = {name: float(right[k] / union[k]) if union[k] else None for k, name in enumerate(classes)}
    found = [value for value in iou.values() if value is not None]
    if not found:
        raise InputError("no pixel of these masks has a class")
    return {"mean_iou": float(np.mean(found)), "global_accuracy": float(right.sum() / truth.sum()), "class_iou": iou}


def segmented(segment, dataset, split, rows=None, batch=32):
    """`figures` of a function (images uint8 (N, H, W, C)) -> classes (N, H, W) on a split, or on some of its images."""
    count = len(dataset.classes)
    table = np.zeros((count, count), np.int64)
    for images, masks in dataset.stream(split, keep=rows).batch(batch).as_numpy_iterator():
        table += confusion(masks, segment(images), count)
    return figures(table, dataset.classes)


def by_position(dataset, split="train", rows=None):
    """The class that is most frequent at each pixel of a split's masks, without looking at the image: int32 (H, W).

    Raises InputError for images that differ in size.
    """
    height, width = dataset.shape[:2]
    if None in (height, width):
        raise InputError(f"the images of {dataset.name} differ in size: open it with size=, such as size=64")
    counts = np.zeros((height, width, len(dataset.classes)), np.int64)
    for _, mask in dataset.stream(split, keep=rows).as_numpy_iterator():
        row, column = np.nonzero(mask != VOID)
        counts[row, column, mask[row, column]] += 1
    return counts.argmax(axis=-1).astype(np.int32)


def without_network(dataset, train="train", rows=None, test="test"):
    """`figures` on a split of what `by_position` guesses of another, or of some of its masks."""
    guess = by_position(dataset, train, rows)
    return segmented(lambda images: np.broadcast_to(guess, (len(images), *guess.shape)), dataset, test)


def frequencies(dataset, split="train"):
    """The share of pixels that each class has, of those with one: float64 (K,)."""
    counts = np.zeros(VOID + 1, np.int64)
    for _, mask in dataset.stream(split).as_numpy_iterator():
        counts += np.bincount(mask.ravel(), minlength=VOID + 1)
    counts = counts[: len(dataset.classes)]
    return counts / counts.sum()


def rare_first(shares, power):
    """Weights of classes that have `shares` (K,) of the pixels, shares^-power, scaled to a mean of 1 over the pixels.

    A class without pixels gets the weight of the rarest.
    """
    weights = np.maximum(shares, shares[shares > 0].min()) ** -power
    return weights / (shares * weights).sum()
