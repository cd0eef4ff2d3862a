"""Linear probe and nearest neighbours, against scikit-learn and slow NumPy versions."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from keras_ssl import data
from keras_ssl.data import choose_labels
from keras_ssl.errors import InputError
from keras_ssl.transfer import knn, probe
from keras_ssl.transfer.linear import CS, fit_linear, standardise
from keras_ssl.transfer.neighbours import vote
from keras_ssl.transfer.scores import FEW, parts, scores


@pytest.fixture
def pixels():
    """An encoder whose features are the pixels' means over 3 x 3 cells."""
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.Rescaling(1.0)(images), name="encoder")


@pytest.fixture
def coloured(rng):
    """240 noisy images in 3 classes by their brighter channel, 120 of them for the test."""

    def draw(count):
        labels = rng.integers(3, size=count)
        images = rng.normal(100, 30, (count, 6, 6, 3))
        images[np.arange(count), :, :, labels] += 9
        return images.clip(0, 255).astype("uint8"), labels

    return data.open({"train": draw(240), "test": draw(120)})


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def slow_features(dataset, split, keep=None):
    images, labels = dataset.arrays(split, keep=keep)
    cells = images.astype("float64").reshape(len(images), 3, 2, 3, 2, 3).mean(axis=(2, 4))
    return cells.reshape(len(images), -1), labels


def test_probe_is_scikit_learns_logistic_regression(pixels, coloured):
    found = probe(pixels, coloured, labels=200, seed=4)
    assert found["labels"] == 200 and found["features"] == 27 and found["C"] in CS
    x, y = slow_features(coloured, "train", choose_labels(coloured, 200, seed=4))
    test_x, test_y = slow_features(coloured, "test")
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(C=found["C"], max_iter=1000).fit(scaler.transform(x), y)
    assert found["accuracy"] == pytest.approx(model.score(scaler.transform(test_x), test_y), abs=0.02)
    assert found["accuracy"] > 0.6


def test_the_penalty_is_chosen_on_held_out_labels(rng):
    # Pure noise: the strongest penalty is as good as any, and taken.
    x, y = rng.normal(size=(100, 30)).astype("float32"), rng.integers(2, size=100)
    folds = [(np.arange(50), np.arange(50, 100))]
    _, c = fit_linear("classification", x, y, x[:5], y[:5], folds, cs=(1e-8, 1e-7))
    assert c == 1e-8


def test_standardised_by_the_training_images_alone(rng):
    x, test = rng.normal(3, 5, (50, 4)).astype("float32"), rng.normal(size=(7, 4)).astype("float32")
    x[:, 2] = test[:, 2] = 1
    want = StandardScaler().fit(x).transform(test)
    standardise(x, test)
    np.testing.assert_allclose(test, want, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=0), [1, 1, 0, 1], atol=1e-5)


def test_probe_of_several_labels_an_image(pixels, rng):
    def draw(count):
        images = rng.normal(100, 10, (count, 6, 6, 3))
        labels = rng.integers(2, size=(count, 3))
        return (images + 30 * labels[:, None, None]).clip(0, 255).astype("uint8"), labels

    found = probe(pixels, data.open({"train": draw(120), "test": draw(60)}, task="multilabel"))
    assert list(found)[:2] == ["mean_average_precision", "accuracy"]
    assert found["mean_average_precision"] > 0.99 and found["accuracy"] > 0.9


def test_probe_of_numbers_is_ridge(pixels, rng):
    def draw(count):
        images = rng.integers(0, 255, (count, 6, 6, 3)).astype("uint8")
        return images, images[:, :2, :2].mean(axis=(1, 2)) / 7 + rng.normal(0, 0.2, (count, 3))

    dataset = data.open({"train": draw(120), "test": draw(60)})
    found = probe(pixels, dataset)
    x, y = slow_features(dataset, "train")
    test_x, test_y = slow_features(dataset, "test")
    scaler = StandardScaler().fit(x)
    model = Ridge(alpha=1 / found["C"]).fit(scaler.transform(x), y)
    assert found["r2"] == pytest.approx(model.score(scaler.transform(test_x), test_y), abs=1e-3)
    assert found["r2"] > 0.9


def test_votes_are_those_of_a_slow_version(rng):
    x, ask, y = rng.normal(size=(40, 5)), rng.normal(size=(9, 5)), rng.integers(4, size=40)
    k, temperature = 7, 0.1
    want = np.zeros((9, 4))
    for i, a in enumerate(ask):
        cosine = [float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for b in x]
        for j in np.argsort(cosine)[-k:]:
            want[i, y[j]] += np.exp(cosine[j] / temperature)
    want /= want.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(vote(x, np.eye(4)[y], ask, k, temperature), want, atol=1e-9)


def test_neighbours_on_images(pixels, coloured):
    found = knn(pixels, coloured, k=20)
    assert found["k"] == 20 and found["labels"] == 240 and found["accuracy"] > 0.5
    assert knn(pixels, coloured, labels=30)["k"] == 30


def test_few_labels_are_held_out_once_each_and_many_by_a_tenth():
    y = np.arange(100) % 4
    dataset = data.open(
        {"train": (np.zeros((100, 2, 2, 3), "uint8"), y), "test": (np.zeros((4, 2, 2, 3), "uint8"), y[:4])}
    )
    part = parts(dataset, 40)
    assert len(part.keep) == 40 and part.train == "train" and part.test == "test"
    held = np.concatenate([rows for _, rows in part.folds])
    assert sorted(held) == list(range(40))
    for fit, rows in part.folds:
        assert not set(fit) & set(rows) and len(fit) + len(rows) == 40
        assert np.bincount(y[part.keep[rows]], minlength=4).tolist() == [2, 2, 2, 2]
    many = np.arange(FEW + 100) % 4
    dataset = data.open(
        {"train": (np.zeros((len(many), 2, 2, 1), "uint8"), many), "test": (np.zeros((4, 2, 2, 1), "uint8"), y[:4])}
    )
    [(fit, rows)] = parts(dataset).folds
    _, validation = dataset.arrays("validation")
    np.testing.assert_array_equal(many[rows], validation)
    assert len(fit) == dataset.count("fit")


def test_without_a_test_split_the_validation_images_are_the_test(coloured):
    images, labels = coloured.arrays("train")
    part = parts(data.open({"train": (images, labels)}))
    assert (part.train, part.test) == ("fit", "validation")


def test_scores(rng):
    truth, predicted = rng.integers(2, size=(50, 3)).astype("float32"), rng.random((50, 3))
    found = scores("multilabel", truth, predicted)
    assert found["mean_average_precision"] == pytest.approx(average_precision_score(truth, predicted))
    truth[:, 0] = 0  # a class that never occurs has no average precision
    found = scores("multilabel", truth, predicted)
    assert found["mean_average_precision"] == pytest.approx(average_precision_score(truth[:, 1:], predicted[:, 1:]))
    assert scores("regression", np.array([1.0, 3.0]), np.array([[1.0], [3.0]])) == {"r2": 1.0}
    assert scores("classification", np.array([1, 0]), np.array([[0.2, 0.8], [0.1, 0.9]])) == {"accuracy": 0.5}


def test_what_cannot_be_probed_is_said(pixels, photos):
    with pytest.raises(InputError, match="has no labels"):
        probe(pixels, data.open({"train": photos}))
    with pytest.raises(InputError, match="too few"):
        probe(pixels, data.open({"train": (photos, np.arange(64) % 2), "test": (photos, np.arange(64) % 2)}), labels=3)
