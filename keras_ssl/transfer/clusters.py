"""Clusters of frozen features, found without labels, and how far they agree with the classes."""

import time

import numpy as np

from ..errors import InputError
from .encoders import open_both
from .extraction import features

STARTS = 10  # of k-means; the tightest clustering counts


def kmeans(encoder, dataset, k=None, block=None, seed=0, grid=3, split="test"):
    """k-means on an encoder's features of a split's images, against the labels that it didn't see.

    encoder, dataset, block, grid: as for `probe`. k: how many clusters; None for as many as classes. seed: of where
        they start.

    Returns a dictionary: "nmi" and "accuracy" as `agreement` gives them, and "k", "images", "seconds", "block",
    "features" (their number).
    Raises InputError for a set without classes, fewer images than clusters, and anything else that can't be used.
    """
    began = time.perf_counter()
    encoder, dataset = open_both(encoder, dataset, seed)
    if dataset.task != "classification":
        raise InputError(f"clusters are compared with classes; {dataset.name} has none")
    x = features(encoder, dataset.stream(split, labels=False), block, grid)
    k = k or len(dataset.classes)
    figures = agreement(dataset.labels(split), assign(x, k, seed))
    return {
        **figures, "k": k, "images": len(x), "seconds": round(time.perf_counter() - began, 1), "block": block or "",
        "features": x.shape[1],
    }  # fmt: skip


def assign(x, k, seed=0):
    """The cluster, 0 to k - 1, of each row of features x (N, D), by k-means: int (N,)."""
    from sklearn.cluster import KMeans

    if not 1 <= k <= len(x):
        raise InputError(f"{len(x)} images make 1 to {len(x)} clusters, not {k}")
    return KMeans(k, n_init=STARTS, random_state=seed).fit_predict(x)


def agreement(labels, clusters):
    """How far clusters (N,) agree with class labels (N,), both of small integers from 0 on.

    Returns {"nmi": mutual information over the mean of the two entropies, 0 for independent and 1 for the same parting;
    "accuracy": share of images in the class that stands for their cluster, where each class stands for one cluster at
    most and as many images as possible are right}.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import normalized_mutual_info_score

    table = np.zeros((max(clusters) + 1, max(labels) + 1), np.int64)
    np.add.at(table, (clusters, labels), 1)
    right = table[linear_sum_assignment(table, maximize=True)].sum()
    return {"nmi": float(normalized_mutual_info_score(labels, clusters)), "accuracy": float(right / len(labels))}
