"""What structure an encoder's features have: clusters, maps of two dimensions, nearest neighbours."""

import pathlib
import time

import keras
import numpy as np

from .. import pictures, training
from ..data.array_sets import ArraySplit
from ..errors import InputError
from .clusters import agreement, assign
from .encoders import open_both, recipe_of
from .extraction import features
from .linear import standardise
from .neighbours import unit
from .reporting import check_folder, whole_folder, write_report

MAPPED = 2_000  # images in the picture of t-SNE, whose time grows faster than their number
CLUSTERS = 10  # where there are no classes to say how many
NEAR = 10  # nearest neighbours that are compared by class
ROWS, COLUMNS = 12, 8  # of the pictures of images


def explore(
    encoder, dataset="cifar10_sample", *, block=None, grid=1, clusters=None, images=5_000, task=None, size=None,
    labels_file=None, seed=0, out=None, overwrite=False,
):  # fmt: skip
    """Look at what lies near what in an encoder's standardised features, with labels or without.

    encoder, dataset, task, size, labels_file: as for `finetune`; labels_file=False leaves the labels out.
    block: as for `features`; None for the one that the zoo entry names, else the encoder's output. grid: likewise; 1
        averages a map over all places.
    clusters: how many k-means makes; None for as many as there are classes, else `CLUSTERS`.
    images: how many to look at, drawn by the seed from the test split, or from "train" where there is none.
    out: a folder to write: report.json; pca.png and tsne.png, the features in two dimensions (t-SNE of at most `MAPPED`
        images; of fewer than 10, none); clusters.png, the images next to each centre; neighbours.png, images and those
        nearest to them by cosine similarity. overwrite: replace it.

    Returns the report: "images", "split", "features" (their number), "seconds"; "clusters": {"count", "sizes"} and,
    of a classification, "nmi" and "accuracy" after the best assignment of clusters to classes; "neighbours": {"count",
    "same_class": how many of an image's nearest ones are of its class, in 0..1}; "pca": {"explained": shares of the
    variance along the first ten axes, "for_90_percent": how many axes hold 90 % of it}. "thumbnails": {"nmi",
    "accuracy", "same_class"} of the same images' pixels averaged over 8 x 8 cells, to compare.
    Raises InputError for anything that can't be used.
    """
    from sklearn.decomposition import PCA

    if out is not None:
        check_folder(out, overwrite)
    for name, value in (("clusters", clusters), ("images", images)):
        if value is not None and value < 2:
            raise InputError(f"{name} is 2 or more, got {value}")
    began = time.perf_counter()
    block = block if block is not None else recipe_of(encoder).get("probe_block") or ""
    named = training.noted(encoder)
    encoder, dataset = open_both(encoder, dataset, seed, labels_file=labels_file, size=size, task=task)
    split = "test" if "test" in dataset.splits else "train"
    count = min(images, dataset.count(split))
    keep = np.sort(np.random.default_rng(seed).permutation(dataset.count(split))[:count])
    shown, labels = dataset.arrays(split, keep=keep)
    stream = ArraySplit(shown, None, None, None).stream(None, None, False)
    x = features(encoder, stream, block or None, grid)
    if not np.isfinite(x).all():
        raise InputError(f"the features of {named} aren't all finite numbers: is it a network of images in 0..255?")
    standardise(x)
    classes = dataset.classes if dataset.task == "classification" else None
    labels = labels if classes else None
    k = clusters or (len(classes) if classes else CLUSTERS)
    if k > count:
        raise InputError(f"{count} images can't make {k} clusters: give fewer (--clusters)")
    near = min(NEAR, count - 1)
    found, nearest = assign(x, k, seed), _nearest(x, near)
    axes = PCA(min(50, *x.shape), random_state=seed).fit(x)
    explained = axes.explained_variance_ratio_[:10].round(6).tolist()
    report = {
        "encoder": named, "dataset": dataset.name, "split": split, "images": count, "block": block, "grid": grid,
        "features": x.shape[1], "seed": seed,
        "clusters": {"count": k, "sizes": np.bincount(found, minlength=k).tolist(), **_agreement(found, labels)},
        "neighbours": {"count": near, **_same(nearest[:, :near], labels)},
        "pca": {"explained": explained, "for_90_percent": _axes_for(x, 0.9)},
    }  # fmt: skip
    if labels is not None:
        thumbnails = features(_identity(dataset.shape), stream, grid=8)
        standardise(thumbnails)
        same = _same(_nearest(thumbnails, near), labels)
        report["thumbnails"] = {**_agreement(assign(thumbnails, k, seed), labels), **same}
    report["seconds"] = round(time.perf_counter() - began, 1)
    if out is not None:
        with whole_folder(pathlib.Path(out)) as folder:
            title = f"{pathlib.Path(named).stem if named.endswith('.keras') else named} on {dataset.name}"
            _draw(folder, title, x, shown, labels, classes, found, nearest, axes, seed)
            report["seconds"] = round(time.perf_counter() - began, 1)
            write_report(folder, report)
    return report


def _draw(folder, title, x, images, labels, classes, found, nearest, axes, seed):
    """Write the pictures of `explore`."""
    from sklearn.manifold import TSNE

    numbered = [f"cluster {i}" for i in range(found.max() + 1)]

    def both(points, names, rows=slice(None)):
        panels = [("k-means clusters", points, found[rows], numbered, names)]
        return panels if labels is None else [("classes", points, labels[rows], classes, names), *panels]

    flat = axes.transform(x)
    flat = np.pad(flat, ((0, 0), (0, max(0, 2 - flat.shape[1]))))
    share = [*axes.explained_variance_ratio_, 0.0]
    names = [f"axis {i + 1}: {share[i]:.0%} of the variance" for i in range(2)]
    pictures.scatter(both(flat[:, :2], names), folder / "pca.png", f"PCA: {title}")
    if len(x) >= 10:
        rows = np.random.default_rng(seed).permutation(len(x))[:MAPPED]
        mapped = TSNE(perplexity=min(30, (len(rows) - 1) / 3), init="pca", random_state=seed).fit_transform(flat[rows])
        pictures.scatter(both(mapped, ("", ""), rows), folder / "tsne.png", f"t-SNE: {title}")

    def called(row):
        return classes[labels[row]][:14] if classes else None

    rows = []
    for row in _queries(labels, len(x), seed):
        near = nearest[row][: COLUMNS - 1]
        captions = ["query", *(called(each) or "" for each in near)]
        rows.append((called(row) or f"image {row}", images[[row, *near]], captions))
    pictures.grid(rows, folder / "neighbours.png", f"Nearest neighbours: {title}")

    rows = []
    for cluster in np.argsort(-np.bincount(found), kind="stable")[:ROWS]:
        inside = np.flatnonzero(found == cluster)
        order = np.argsort(np.linalg.norm(x[inside] - x[inside].mean(axis=0), axis=1), kind="stable")[:COLUMNS]
        name = f"cluster {cluster}\n{len(inside)} images"
        if classes:
            most = np.bincount(labels[inside]).argmax()
            name += f"\n{np.mean(labels[inside] == most):.0%} {classes[most][:10]}"
        near = inside[order]
        rows.append((name, images[near], [called(each) for each in near] if classes else None))
    pictures.grid(rows, folder / "clusters.png", f"Next to the centres of k-means: {title}")


def _queries(labels, count, seed):
    """Rows to show the neighbours of: one a class, or any; at most `ROWS`."""
    order = np.random.default_rng(seed).permutation(count)
    if labels is None:
        return order[:ROWS]
    return [order[labels[order] == each][0] for each in np.unique(labels)[:ROWS]]


def _nearest(x, k):
    """The k nearest others of each row of x (N, D) by cosine similarity, nearest first: int (N, k)."""
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k).fit(unit(x)).kneighbors(return_distance=False)


def _agreement(clusters, labels):
    return {} if labels is None else agreement(labels, clusters)


def _same(nearest, labels):
    return {} if labels is None else {"same_class": float(np.mean(labels[nearest] == labels[:, None]))}


def _axes_for(x, share):
    """How many principal axes of x (N, D), centred, hold this share of its variance."""
    small = x.T @ x if x.shape[1] <= x.shape[0] else x @ x.T
    variances = np.linalg.eigvalsh(small)[::-1].clip(0)
    return int(np.searchsorted(np.cumsum(variances) / max(variances.sum(), 1e-12), share) + 1)


def _identity(shape):
    """A network that gives images as they are."""
    images = keras.Input(shape)
    return keras.Model(images, keras.layers.Rescaling(1 / 255)(images), name="encoder")
