"""Bag of words: what a linear model makes of a text's words without their order, the baseline of every text encoder."""

import time

import numpy as np

from .linear import fit_linear
from .scores import parts

CS = (1e-1, 1.0, 10.0, 100.0)
TOL = 1e-6  # a word of many has a small gradient: by 1e-3 a fit to 25,000 reviews ends after a step or two


def bag_of_words(dataset, labels="all", seed=0):
    """Logistic regression, or ridge, on tf-idf of a DataSet's words, by scikit-learn's TfidfVectorizer.

    Words and their document frequencies are those of the labelled training texts; counts enter by 1 + log. The penalty
    is chosen as `probe` does. Arguments, and what is returned, as for `probe`.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    began = time.perf_counter()
    part = parts(dataset, labels, seed)
    bag = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", dtype=np.float32)
    x = bag.fit_transform(dataset.arrays(part.train, keep=part.keep)[0])
    test = bag.transform(dataset.arrays(part.test)[0])
    y = dataset.labels(part.train)[part.keep]
    figures, c = fit_linear(dataset.task, x, y, test, dataset.labels(part.test), part.folds, CS, TOL)
    seconds = round(time.perf_counter() - began, 1)
    return {**figures, "C": c, "labels": len(part.keep), "seconds": seconds, "block": "", "features": x.shape[1]}
