"""Clusters and their agreement with classes, against formulas and brute force."""

import itertools
from math import log

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from keras_ssl.transfer.clusters import assignment_accuracy, kmeans, nmi


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_kmeans_finds_blobs(rng):
    labels = rng.integers(4, size=200)
    features = np.eye(4)[labels] * 10 + rng.normal(size=(200, 4))
    clusters = kmeans(features, 4, seed=1)
    assert clusters.dtype == np.int64 and assignment_accuracy(clusters, labels) == 1
    np.testing.assert_array_equal(kmeans(features, 4, seed=1), clusters)


def test_nmi_is_its_formula_and_scikit_learns(rng):
    clusters, labels = rng.integers(5, size=300), rng.integers(3, size=300)
    labels[clusters == 2] = 1
    share = {(a, b): np.mean((clusters == a) & (labels == b)) for a in range(5) for b in range(3)}
    one, two = ([np.mean(each == a) for a in np.unique(each)] for each in (clusters, labels))
    information = sum(p * log(p / one[a] / two[b]) for (a, b), p in share.items() if p)
    entropies = -sum(p * log(p) for p in [*one, *two])
    assert nmi(clusters, labels) == pytest.approx(2 * information / entropies)
    assert nmi(clusters, labels) == pytest.approx(normalized_mutual_info_score(labels, clusters))
    assert nmi(labels, labels) == pytest.approx(1)


@pytest.mark.parametrize("k, classes", [(4, 4), (5, 3), (3, 5)])
def test_assignment_by_brute_force(rng, k, classes):
    clusters, labels = rng.integers(k, size=60), rng.integers(classes, size=60)
    clusters[:2], labels[:2] = [0, k - 1], [classes - 1, 0]
    names = [*range(classes), *[-1] * k]  # -1 stands for no class
    ways = set(itertools.permutations(names, k))
    want = max(np.mean(np.array(each)[clusters] == labels) for each in ways)
    assert assignment_accuracy(clusters, labels) == pytest.approx(want)
