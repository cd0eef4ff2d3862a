"""Label spreading: a few labels flow along a graph of nearest neighbours to the images without.

Zhou, Bousquet, Lal, Weston, Schoelkopf, "Learning with local and global consistency", NIPS 2003; on features as in
Iscen, Tolias, Avrithis, Chum, CVPR 2019, arXiv:1904.04717.
"""

import itertools
import time
import warnings
from dataclasses import dataclass

import numpy as np

from .encoders import open_both, recipe_of
from .extraction import features
from .linear import standardise
from .neighbours import unit
from .scores import classified, left_over, parts, scores

NEIGHBOURS = (5, 10, 20)  # how many of them an image is joined to, itself counted
ALPHAS = (0.2, 0.8, 0.95)  # what share of its answer an image takes from its neighbours


@dataclass(frozen=True)
class Spread:
    """What the labels of n of N images became: distributions over K classes, whose rows sum to 1, or to 0 where no
    label came.

    held (n, K): of each labelled image, from labels of the others; images (N, K), the labelled ones first; asked
    (M, K): of other images, the mean of their neighbours'. neighbours, alpha: as chosen by `held`.
    """

    held: np.ndarray
    images: np.ndarray
    asked: np.ndarray
    neighbours: int
    alpha: float


def label_spreading(
    encoder, dataset="cifar10_sample", labels="10%", *, block=None, seed=0, grid=3, unlabelled=20_000,
    neighbours=NEIGHBOURS, alphas=ALPHAS,
):  # fmt: skip
    """Spread few labels over the unlabelled images by scikit-learn's LabelSpreading on an encoder's frozen features.

    Features as `features` gives them are standardised and brought to length 1. The graph joins the labelled and the
    unlabelled images; a test image takes the mean of what its neighbours in it got. How many neighbours, and alpha, are
    chosen on labelled images held out.

    encoder, dataset, labels, seed, grid: as for `probe`; block likewise, None for the one that the zoo entry names.
    unlabelled: how many of the rest of the training images to take at most, drawn by `seed`: memory and time grow with
        them, time with their square.

    Returns a dictionary: "accuracy" on the test split in 0..1, "accuracy_unlabelled" where their labels are known,
    "labels", "unlabelled", "neighbours", "alpha", "seconds", "block", "features".
    Raises InputError for anything that can't be used, and where no image is left without a label.
    """
    began = time.perf_counter()
    block = block if block is not None else recipe_of(encoder).get("probe_block") or None
    encoder, dataset = open_both(encoder, dataset, seed)
    part = parts(dataset, labels, seed)
    rest = left_over(dataset, part, unlabelled, seed)
    found, count = spread(encoder, dataset, part, rest, block, grid, neighbours, alphas)
    return {**figures(found, dataset, part, rest), "labels": len(part.keep), "unlabelled": len(rest),
            "neighbours": found.neighbours, "alpha": found.alpha,
            "seconds": round(time.perf_counter() - began, 1), "block": block or "", "features": count}  # fmt: skip


def figures(found, dataset, part, rest):
    """{"accuracy" on the test split, "accuracy_unlabelled"} of a Spread."""
    truth = dataset.labels(part.train)[rest]
    return {
        **scores("classification", dataset.labels(part.test), found.asked),
        "accuracy_unlabelled": scores("classification", truth, found.images[len(part.keep) :])["accuracy"],
    }


def spread(encoder, dataset, part, rest, block=None, grid=3, neighbours=NEIGHBOURS, alphas=ALPHAS):
    """(Spread of the labelled images `part.keep`, those of `rest`, and the test split; the number of features)."""
    classified(dataset)
    x = np.concatenate([
        features(encoder, dataset.stream(part.train, labels=False, keep=rows), block, grid)
        for rows in (part.keep, rest)
    ])  # fmt: skip
    ask = features(encoder, dataset.stream(part.test, labels=False), block, grid)
    standardise(x, ask)
    y = dataset.labels(part.train)[part.keep]
    return spread_labels(unit(x), y, unit(ask), part.folds, len(dataset.classes), neighbours, alphas), x.shape[1]


def spread_labels(x, y, ask, folds, classes, neighbours=NEIGHBOURS, alphas=ALPHAS):
    """Spread the labels y (n,) of the first n rows of x (N, D) over all of them: a `Spread`.

    ask (M, D): further rows. folds: pairs (rows to spread from, rows to choose by), indices into y.
    """
    from sklearn.neighbors import NearestNeighbors

    most = min(max(neighbours), len(x))
    search = NearestNeighbors(n_neighbors=most).fit(x)
    near = search.kneighbors(x, return_distance=False)  # in blocks: memory grows with N
    best = None
    for k, alpha in itertools.product(sorted({min(k, most) for k in neighbours}), alphas):
        graph, held = _graph(near[:, :k]), np.zeros((len(y), classes))
        for rows, out in folds:
            held[out] = _spread(graph, y[rows], rows, alpha, classes)[out]
        asked = np.concatenate([out for _, out in folds])
        reached = scores("classification", y[asked], held[asked])["accuracy"]
        if best is None or reached > best[0]:
            best = reached, k, alpha, held
    _, k, alpha, held = best
    images = _spread(_graph(near[:, :k]), y, np.arange(len(y)), alpha, classes)
    asked = images[search.kneighbors(ask, n_neighbors=k, return_distance=False)].mean(axis=1)
    return Spread(held, images, asked, k, alpha)


def _graph(near):
    """The matrix (N, N) that joins each row to its neighbours near (N, k), and these to it.

    Symmetric as in the paper; scikit-learn's own kernel "knn" isn't, and spreads several points worse.
    """
    from scipy.sparse import csr_matrix

    count, k = near.shape
    joined = csr_matrix((np.ones(near.size), near.ravel(), np.arange(0, near.size + 1, k)), shape=(count, count))
    return joined + joined.T


def _spread(graph, y, rows, alpha, classes):
    """Distributions (N, classes) that the labels y of some rows of the graph become."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.semi_supervised import LabelSpreading

    known = np.full(graph.shape[0], -1)
    known[rows] = y
    # A kernel of one's own may give any matrix: this graph is found once for all choices.
    model = LabelSpreading(kernel=lambda *_: graph, alpha=alpha)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(np.zeros((len(known), 1)), known)
    found = np.zeros((len(known), classes))
    found[:, model.classes_] = model.label_distributions_
    return found
