"""How good predictions are, for each task; and how the labelled images are parted to choose and to test."""

from dataclasses import dataclass

import numpy as np

from ..data.dataset import CUT_SEED, VALIDATION_FRACTION
from ..data.label_choice import choose_labels, held_out
from ..errors import InputError

FEW = 5_000  # labels up to which every one of them is held out once to choose by; of more, a tenth is enough
MAIN = {
    "classification": "accuracy",
    "multilabel": "mean_average_precision",
    "regression": "r2",
    "segmentation": "mean_iou",
}


def scores(task, truth, predicted):
    """Figures of predictions, the main one first.

    classification: truth (N,) class numbers, predicted (N, K) scores -> {"accuracy"}
    multilabel: truth (N, K) of 0 and 1, predicted (N, K) probabilities -> {"mean_average_precision", "accuracy"}: over
        classes that occur, and over all single decisions at 1/2
    regression: truth (N,) or (N, K), predicted likewise -> {"r2"}: 1 - squared error / variance, averaged over columns
    """
    if task == "classification":
        return {"accuracy": float(np.mean(predicted.argmax(axis=1) == truth))}
    if task == "multilabel":
        from sklearn.metrics import average_precision_score

        occurs = (truth.min(axis=0) == 0) & (truth.max(axis=0) == 1)
        precision = average_precision_score(truth[:, occurs], predicted[:, occurs]) if occurs.any() else 0.0
        return {"mean_average_precision": float(precision), "accuracy": float(np.mean((predicted > 0.5) == truth))}
    from sklearn.metrics import r2_score

    return {"r2": float(r2_score(truth, predicted.reshape(truth.shape)))}


@dataclass(frozen=True)
class Parts:
    """Which images are for what.

    train: the split that training takes its labelled images from, and keep: their indices in it (n,), sorted.
    folds: pairs (rows to fit on, rows to choose by) of those labelled images, as indices into `keep`.
    test: the split that figures are taken on.
    """

    train: str
    keep: np.ndarray
    folds: list
    test: str


def parts(dataset, labels="all", seed=0):
    """Part a DataSet for training with some of its labels (as `choose_labels` takes them), choosing, and testing.

    Choices cost no further label: they are made on labelled training images held out for it. Few are cut in five, by
    class, each fifth to be held out in turn; of many, a tenth is held out, the "validation" of the DataSet where all
    are used. Without a test split, "validation" is the test, and training has "fit".

    Raises InputError for a set without labels.
    """
    if dataset.task is None:
        raise InputError(f"{dataset.name} has no labels; give some, or another data set")
    train, test = ("train", "test") if "test" in dataset.splits else ("fit", "validation")
    keep = choose_labels(dataset, labels, split=train, seed=seed)
    if len(keep) < 5:
        raise InputError(f"{len(keep)} labelled images are too few to learn from and to choose by: 5 or more")
    classes = dataset.labels(train)[keep] if dataset.task == "classification" else np.zeros(len(keep), np.int64)
    if len(keep) <= FEW:
        return Parts(train, keep, _fifths(classes, seed), test)
    held = held_out(len(keep), VALIDATION_FRACTION, classes, CUT_SEED)
    return Parts(train, keep, [(np.flatnonzero(~held), np.flatnonzero(held))], test)


def _fifths(classes, seed):
    """Five folds whose held-out parts are disjoint, each class spread over them as evenly as can be."""
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    shuffled = shuffled[np.argsort(classes[shuffled], kind="stable")]
    fold = np.empty(len(classes), np.int64)
    fold[shuffled] = np.arange(len(classes)) % 5
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(5)]


def left_over(dataset, part, most, seed=0):
    """The indices into the split `part.train` of images whose labels aren't used: all, or `most` drawn by the seed.

    Raises InputError where none is left.
    """
    rest = np.setdiff1d(np.arange(dataset.count(part.train)), part.keep)
    if not len(rest):
        raise InputError(f"all {len(part.keep)} labels of {dataset.name} are used, no image is unlabelled: use fewer")
    return np.sort(np.random.default_rng(seed).choice(rest, min(most, len(rest)), replace=False))


def classified(dataset):
    """Raises InputError for a DataSet whose labels aren't one class an image."""
    if dataset.task != "classification":
        raise InputError(f"this takes images of one class each, the labels of {dataset.name} are {dataset.task}")
