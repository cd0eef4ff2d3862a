"""The k-nearest-neighbours classifier: how well images of one kind lie together, with nothing trained on top."""

import time

import numpy as np

from .extraction import frozen
from .scores import scores

ROWS = 512  # test images at a time: with 50,000 training images their similarities take 100 MB


def knn(encoder, dataset, k=200, temperature=0.1, block=None, labels="all", seed=0, grid=3):
    """Weighted k-nearest-neighbours by cosine similarity s: each neighbour votes with exp(s / temperature).

    Source: Wu, Xiong, Yu, Lin, CVPR 2018, arXiv:1805.01978, section 3.4. Multilabel and regression average the
    neighbours' labels with the same weights.

    encoder, dataset, labels, block, seed, grid: as for `probe`. k: at most the number of labels; more means all.

    Returns a dictionary: the figures on the test split as `scores` gives them ("accuracy" first, in 0..1), and "k",
    "temperature", "labels", "seconds", "block", "features".
    Raises InputError for anything that can't be used.
    """
    began = time.perf_counter()
    data = frozen(encoder, dataset, labels, block, seed, grid)
    figures = knn_of_features(data, k, temperature)
    seconds = round(time.perf_counter() - began, 1)
    return {
        **figures, "k": min(k, len(data.x)), "temperature": temperature, "labels": len(data.x), "seconds": seconds,
        "block": block or "", "features": data.x.shape[1],
    }  # fmt: skip


def knn_of_features(data, k=200, temperature=0.1):
    """The figures of `knn` on the test split, of a `Frozen`."""
    y = np.eye(data.y.max() + 1, dtype="float32")[data.y] if data.task == "classification" else data.y
    return scores(data.task, data.test_y, vote(data.x, y, data.test, k, temperature))


def vote(x, y, ask, k=200, temperature=0.1):
    """The weighted mean of the labels y (N,) or (N, K) of each `ask`'s k nearest among x: (M, K).

    x: features (N, D) with y; ask: features (M, D). In blocks, so that memory grows with N, not N x M.
    """
    k = min(k, len(x))
    x, y = unit(x), y.reshape(len(y), -1)
    answers = []
    for start in range(0, len(ask), ROWS):
        similarity = unit(ask[start : start + ROWS]) @ x.T
        nearest = np.argpartition(similarity, -k, axis=1)[:, -k:]
        near = np.take_along_axis(similarity, nearest, axis=1)
        weights = np.exp((near - near.max(axis=1, keepdims=True)) / temperature)  # the same factor for all of a row
        weights /= weights.sum(axis=1, keepdims=True)
        answers.append(np.einsum("mk,mkc->mc", weights, y[nearest]))
    return np.concatenate(answers)


def unit(rows):
    """Rows (N, D) brought to length 1; those of length 0 stay."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
