"""Label spreading, against scikit-learn's on a dense graph and against the closed form of its limit."""

import keras
import numpy as np
import pytest
from sklearn.neighbors import kneighbors_graph
from sklearn.semi_supervised import LabelSpreading

from keras_ssl import data
from keras_ssl.errors import InputError
from keras_ssl.transfer import label_spreading
from keras_ssl.transfer.spreading import spread_labels

ALL = [(np.arange(6), np.arange(6))]


@pytest.fixture
def blobs():
    """(x (90, 3), y (90,)): three overlapping clouds, the first six rows two of each."""
    rng = np.random.default_rng(4)
    y = np.arange(90) % 3
    return np.eye(3)[y] * 3 + rng.normal(size=(90, 3)), y


def symmetric(x, k):
    graph = kneighbors_graph(x, k, include_self=True).toarray()
    return graph + graph.T


def test_it_is_scikit_learns(blobs):
    x, y = blobs
    known = np.where(np.arange(90) < 6, y, -1)
    want = LabelSpreading(kernel=lambda a, b: symmetric(x, 7), alpha=0.8).fit(x, known).label_distributions_
    found = spread_labels(x, y[:6], x[:4] + 0.1, ALL, 3, neighbours=(7,), alphas=(0.8,))
    np.testing.assert_allclose(found.images, want, atol=1e-9)
    assert (found.neighbours, found.alpha) == (7, 0.8)
    near = [np.argsort(np.linalg.norm(x - each, axis=1))[:7] for each in x[:4] + 0.1]
    np.testing.assert_allclose(found.asked, [want[rows].mean(axis=0) for rows in near], atol=1e-9)
    assert np.mean(found.images.argmax(axis=1) == y) > 0.85


def test_it_nears_the_closed_form(blobs):
    # Zhou et al., equation 4: F = (I - alpha S)^-1 Y, S = D^-1/2 W D^-1/2 with W's diagonal left out.
    x, y = blobs
    found = spread_labels(x, y[:6], x[:1], ALL, 3, neighbours=(7,), alphas=(0.5,))
    w = symmetric(x, 7) * (1 - np.eye(90))
    s = w / np.sqrt(np.outer(w.sum(axis=0), w.sum(axis=0)))
    want = np.linalg.solve(np.eye(90) - 0.5 * s, np.eye(3)[y] * (np.arange(90) < 6)[:, None])
    want /= want.sum(axis=1, keepdims=True)
    clear = np.sort(want, axis=1)[:, -1] - np.sort(want, axis=1)[:, -2] > 0.1
    assert clear.sum() > 60
    np.testing.assert_array_equal(found.images[clear].argmax(axis=1), want[clear].argmax(axis=1))


def test_held_out_labels_choose_and_are_not_looked_at(blobs):
    x, y = blobs
    folds = [(np.arange(3, 6), np.arange(3)), (np.arange(3), np.arange(3, 6))]
    found = spread_labels(x, y[:6], x[:1], folds, 3, neighbours=(7,), alphas=(0.8,))
    without = spread_labels(x[3:], y[3:6], x[:3], [(np.arange(3), np.arange(3))], 3, neighbours=(7,), alphas=(0.8,))
    assert found.held.shape == (6, 3)
    np.testing.assert_array_equal(found.held[:3].argmax(axis=1), without.asked.argmax(axis=1))
    chosen = spread_labels(x, y[:6], x[:1], folds, 3, neighbours=(2, 7), alphas=(0.8,))
    assert chosen.neighbours == 7  # two, itself counted, leave most of the graph in pieces


@pytest.fixture
def pixels():
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.Rescaling(1.0)(images), name="encoder")


def coloured(count, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.normal(100, 30, (count, 6, 6, 3))
    images[np.arange(count), :, :, labels] += 25
    return images.clip(0, 255).astype("uint8"), labels


def test_figures_of_an_encoder(pixels):
    dataset = data.open({"train": coloured(300), "test": coloured(90, 1)})
    found = label_spreading(pixels, dataset, labels=15)
    assert found["accuracy"] > 0.9 and found["accuracy_unlabelled"] > 0.9
    assert found["labels"] == 15 and found["unlabelled"] == 285 and found["features"] == 27
    assert label_spreading(pixels, dataset, labels=15, unlabelled=40)["unlabelled"] == 40
    with pytest.raises(InputError, match="all 300 labels of .* are used, no image is unlabelled"):
        label_spreading(pixels, dataset, labels="all")
    numbers = data.open({split: (images, labels / 7) for split, (images, labels) in
                         {"train": coloured(60), "test": coloured(30, 1)}.items()})  # fmt: skip
    with pytest.raises(InputError, match="images of one class each, the labels of .* are regression"):
        label_spreading(pixels, numbers, labels=15)
