"""Clusters in features, and how well they agree with classes."""

import numpy as np


def kmeans(features, k, seed=0):
    """The cluster of each row of features (N, D) by k-means, the best of five starts: int (N,) in 0..k-1."""
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=5, random_state=seed).fit_predict(features).astype(np.int64)


def nmi(clusters, labels):
    """Normalised mutual information 2 I(clusters; labels) / (H(clusters) + H(labels)), in 0..1."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(labels, clusters))


def assignment_accuracy(clusters, labels):
    """Share of images that are right when each cluster stands for one class, assigned one to one as well as can be.

    clusters, labels: ints (N,) from 0. Clusters beyond the number of classes stand for none.
    """
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((clusters.max() + 1, labels.max() + 1), np.int64)
    np.add.at(counts, (clusters, labels), 1)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(labels))
