"""Clusters against labels: hand-made tables, the definition of mutual information, every assignment tried."""

import itertools

import numpy as np
import pytest

from keras_ssl import baselines, data
from keras_ssl.errors import InputError
from keras_ssl.transfer import kmeans
from keras_ssl.transfer.clusters import agreement, assign


def test_the_same_parting_under_other_numbers_is_perfect():
    labels = np.array([0, 0, 1, 1, 2, 2, 2])
    assert agreement(labels, np.array([2, 2, 0, 0, 1, 1, 1])) == {"nmi": pytest.approx(1), "accuracy": 1}


def test_independent_partings_share_nothing():
    found = agreement(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert found == {"nmi": pytest.approx(0, abs=1e-12), "accuracy": 0.5}


@pytest.mark.parametrize("clusters_of", [3, 4, 6])
def test_agreement_is_its_definition(clusters_of):
    rng = np.random.default_rng(clusters_of)
    labels, clusters = rng.integers(0, 4, 60), rng.integers(0, clusters_of, 60)
    clusters[:25] = labels[:25] % clusters_of
    together = np.array([[np.mean((labels == i) & (clusters == j)) for j in range(clusters_of)] for i in range(4)])
    p, q = together.sum(axis=1), together.sum(axis=0)
    terms = [together[i, j] * np.log(together[i, j] / p[i] / q[j]) for i, j in np.argwhere(together)]
    entropies = [-sum(each * np.log(each) for each in marginal if each) for marginal in (p, q)]
    square = np.zeros((6, 6))
    square[:4, :clusters_of] = together
    best = max(sum(square[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(6)))
    found = agreement(labels, clusters)
    assert found["nmi"] == pytest.approx(sum(terms) / np.mean(entropies))
    assert found["accuracy"] == pytest.approx(best)


def test_kmeans_finds_kinds_that_lie_apart():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = (labels[:, None, None] * 100 + rng.integers(0, 20, (60, 4, 4))).astype("uint8")
    dataset = data.open({"train": (images, labels), "test": (images[:30], labels[:30])})
    found = kmeans(baselines.pixels((4, 4, 1)), dataset)
    assert found["nmi"] == pytest.approx(1) and found["accuracy"] == 1
    assert (found["k"], found["images"], found["features"]) == (3, 30, 16)
    coarse = kmeans(baselines.pixels((4, 4, 1)), dataset, k=2, split="train")
    assert coarse["accuracy"] == pytest.approx(2 / 3) and coarse["images"] == 60


def test_what_cannot_be_clustered_is_refused():
    with pytest.raises(InputError, match="1 to 3 clusters, not 4"):
        assign(np.zeros((3, 2)), 4)
    images = np.zeros((8, 4, 4), "uint8")
    with pytest.raises(InputError, match="classes"):
        kmeans(baselines.pixels((4, 4, 1)), {"train": images, "test": images})
