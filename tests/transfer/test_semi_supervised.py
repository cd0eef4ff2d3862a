"""Pseudo-labels: curve and choice by hand, the rounds against a slow version with a classifier of closed form."""

import json

import keras
import numpy as np
import pytest

from keras_ssl import data
from keras_ssl.errors import InputError
from keras_ssl.transfer import compare, comparison, finetune, finetuning, pseudo_label, semi_supervised
from keras_ssl.transfer.plans import Plan
from keras_ssl.transfer.scores import left_over, parts
from keras_ssl.transfer.semi_supervised import balanced, choose_threshold, teach, threshold_curve

QUICK = {"epochs": 3, "batch_size": 16, "verbose": 0, "learning_rate": 0.01}


def coloured(count, seed=0, brighter=60):
    """(images (count, 6, 6, 3), which channel of each is brighter)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    images = rng.normal(100, 30, (count, 6, 6, 3))
    images[np.arange(count), :, :, labels] += brighter
    return images.clip(0, 255).astype("uint8"), labels


@pytest.fixture(scope="module")
def dataset():
    return data.open({"train": coloured(200), "test": coloured(60, seed=1)})


def small(shape=(None, None, 3)):
    images = x = keras.Input(shape)
    x = keras.layers.Rescaling(1 / 64, offset=-2)(x)
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="block1")(x)
    return keras.Model(images, x, name="encoder")


def test_the_curve_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.3, 0.7]])
    curve = threshold_curve(probabilities, np.array([0, 0, 1, 1]), (0.0, 0.65, 0.75, 0.9, 0.95))
    assert curve["threshold"] == [0.0, 0.65, 0.75, 0.9, 0.95]
    assert curve["coverage"] == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert curve["accuracy"] == [0.5, pytest.approx(2 / 3), 0.5, 1.0, None]


@pytest.mark.parametrize(
    "right, chosen",
    [(0.5, 0.0), (0.7, 0.6), (0.85, 0.9), (0.97, 0.9)],  # none is 97 % right: the best that covers a twentieth
)
def test_the_threshold_by_hand(right, chosen):
    curve = {
        "threshold": [0.0, 0.6, 0.8, 0.9, 0.99, 1.0],
        "coverage": [1.0, 0.7, 0.5, 0.2, 0.04, 0.0],
        "accuracy": [0.6, 0.8, 0.8, 0.9, 1.0, None],
    }
    assert choose_threshold(curve, right) == chosen


class Centroids:
    """A classifier of closed form: probabilities fall with the squared distance of an image's mean colour."""

    def __init__(self, images, labels):
        colour = images.astype("float64").mean(axis=(1, 2))
        self.centres = np.stack([colour[labels == i].mean(axis=0) for i in range(3)])

    def predict(self, stream):
        images = stream if isinstance(stream, np.ndarray) else np.concatenate(list(stream.as_numpy_iterator()))
        colour = images.astype("float64").mean(axis=(1, 2))
        far = ((colour[:, None] - self.centres) ** 2).sum(axis=2) / 100
        powers = np.exp(far.min(axis=1, keepdims=True) - far)
        return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture
def closed_form(monkeypatch):
    """Lets every network be a `Centroids`, and every training instant."""
    for module in (semi_supervised, comparison, finetuning):
        monkeypatch.setattr(
            module, "train", lambda encoder, images, *a, **k: (Centroids(*images.arrays("train")), {"loss": [0.0]})
        )


def test_classes_are_balanced():
    labels = np.array([0, 1, 0, 0, 0, 0, 2, 2, 0])  # six, one and two: three each
    np.testing.assert_array_equal(balanced(labels), [0, 2, 3, 1, 1, 1, 6, 7, 6])


def test_rounds_are_those_of_a_slow_version(closed_form):
    dataset = data.open({"train": coloured(200, brighter=10), "test": coloured(60, 1, brighter=10)})
    part = parts(dataset, 12)
    plan = Plan(mode="pseudo-label", rounds=3, right=0.9, unlabelled=150)
    model, _, record = teach(None, dataset, part, plan)

    images, labels = dataset.arrays("train")
    held = np.zeros((12, 3))
    for rows, out in part.folds:
        held[out] = Centroids(images[part.keep[rows]], labels[part.keep[rows]]).predict(images[part.keep[out]])
    assert record["curve"] == threshold_curve(held, labels[part.keep])
    threshold = choose_threshold(record["curve"], 0.9)
    assert record["threshold"] == threshold
    rest = left_over(dataset, part, 150, 0)
    assert record["unlabelled"] == 150 and not set(rest) & set(part.keep)
    want = Centroids(images[part.keep], labels[part.keep])
    test_images, test_labels = dataset.arrays("test")
    assert record["alone"]["accuracy"] == np.mean(want.predict(test_images).argmax(axis=1) == test_labels)
    for found in record["rounds"]:
        answers = want.predict(images[rest])
        sure, said = answers.max(axis=1) >= threshold, answers.argmax(axis=1)
        assert found["accepted"] == sure.sum() > 12 and found["coverage"] == pytest.approx(sure.mean())
        assert found["right"] == pytest.approx(np.mean((said == labels[rest])[sure]))
        often = max(1, round(sure.sum() / 12 / 3))  # labelled images are a quarter of what is learned from
        surest = sorted(np.flatnonzero(sure), key=lambda i: -answers[i].max())
        pairs = [*zip(part.keep, labels[part.keep], strict=True)] * often + [(rest[i], said[i]) for i in surest]
        learned = []
        for each in range(3):
            ours = [pair for pair in pairs if pair[1] == each]
            learned += [ours[i % len(ours)] for i in range(len(pairs) // 3)]
        want = Centroids(images[[row for row, _ in learned]], np.array([label for _, label in learned]))
        assert found["accuracy"] == np.mean(want.predict(test_images).argmax(axis=1) == test_labels)
    np.testing.assert_allclose(model.centres, want.centres, rtol=1e-9)
    assert len(record["rounds"]) == 3


@pytest.mark.parametrize("mode", ["pseudo-label", "label-spreading"])
def test_labels_that_are_not_chosen_change_nothing(dataset, closed_form, mode):
    images, labels = dataset.arrays("train")
    part = parts(dataset, 12)
    rest = np.setdiff1d(np.arange(200), part.keep)
    wrong = labels.copy()
    wrong[rest] = (labels[rest] + 1) % 3
    encoder, plan, found = small(), Plan(mode=mode, rounds=2, threshold=0.4), []
    for each in (labels, wrong):
        other = data.open({"train": (images, each), "test": dataset.arrays("test")})
        model, _, record = teach(encoder, other, part, plan)
        found.append((model.centres, record))
    (one, record), (two, other) = found
    np.testing.assert_array_equal(one, two)
    assert record["curve"] == other["curve"] and record["rounds"][0]["accepted"] == other["rounds"][0]["accepted"]
    assert record["rounds"][0]["right"] > 0.8 and other["rounds"][0]["right"] < 0.2


def test_pseudo_labels_of_a_network(dataset, tmp_path):
    model, report = pseudo_label(small(), dataset, 30, rounds=2, out=tmp_path / "run", **{**QUICK, "epochs": 20})
    record = report["pseudo_labels"]
    assert report["mode"] == "pseudo-label" and report["rounds"] == 2 and report["labels"] == 30
    assert report["accuracy"] == record["rounds"][-1]["accuracy"] > 0.8
    assert record["unlabelled"] == 170 and len(record["rounds"]) == 2
    assert (tmp_path / "run" / "pseudo_labels.png").stat().st_size > 5_000
    assert json.loads((tmp_path / "run" / "report.json").read_text())["pseudo_labels"] == record
    assert model.classes == dataset.classes


def test_a_comparison_has_rows_for_both_ways(dataset, closed_form):
    _, report = compare(small(), dataset, 30, "label-spreading", **QUICK)
    rows = report["results"]
    assert list(rows) == ["scratch", "linear probe", "fine-tuned", "label spreading", "label-spreading"]
    assert rows["label spreading"]["accuracy"] == report["pseudo_labels"]["spread"]["accuracy"] > 0.8
    assert report["gain_unlabelled"] == rows["label-spreading"]["accuracy"] - rows["fine-tuned"]["accuracy"]
    assert rows["fine-tuned"]["settings"]["mode"] == "full" and "threshold" not in rows["fine-tuned"]["settings"]
    _, report = compare(small(), dataset, 30, "pseudo-label", rounds=1, **QUICK)
    assert list(report["results"])[-1] == "pseudo-label"
    assert report["pseudo_labels"]["alone"]["accuracy"] == report["results"]["fine-tuned"]["accuracy"]


def test_several_seeds(dataset, closed_form):
    hard = data.open({"train": coloured(200, brighter=3), "test": coloured(60, 1, brighter=3)})
    _, report = finetune(small(), hard, 30, seeds=2, seed=5, **QUICK)
    assert report["seeds"] == [5, 6] and [run["seed"] for run in report["runs"]] == [5, 6]
    assert report["values"] == [run["accuracy"] for run in report["runs"]]
    assert report["accuracy"] == pytest.approx(np.mean(report["values"])) and report["interval"] > 0
    _, report = compare(small(), hard, 30, "pseudo-label", seeds=2, **QUICK)
    # Student's t of one degree of freedom at 97.5 % is tan(0.475 pi). Gains are taken seed by seed.
    for gain in ("gain", "gain_unlabelled"):
        one, two = (run[gain] for run in report["runs"])
        assert report[gain] == pytest.approx((one + two) / 2)
        assert report[f"{gain}_interval"] == pytest.approx(np.tan(0.475 * np.pi) * abs(one - two) / 2)
    tuned = report["results"]["fine-tuned"]
    assert tuned["values"] == [run["results"]["fine-tuned"]["accuracy"] for run in report["runs"]]
    assert tuned["labels"] == 30 and tuned["values"][0] != tuned["values"][1]


def test_what_cannot_be_taught_is_said(dataset):
    with pytest.raises(InputError, match="all 200 labels of .* are used, no image is unlabelled"):
        finetune(small(), dataset, "all", "pseudo-label", **QUICK)
    images, labels = dataset.arrays("train")
    numbers = data.open({"train": (images, labels / 7)})
    for way in (finetune, compare):
        with pytest.raises(InputError, match="images of one class each, the labels of .* are regression"):
            way(small(), numbers, 30, "label-spreading", **QUICK)
    for wrong, message in (({"rounds": 0}, "rounds is 1 or more"), ({"unlabelled": 0}, "unlabelled is 1 or more"),
                           ({"threshold": 95}, "threshold is a number in 0..1")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            finetune(small(), dataset, 30, "pseudo-label", **wrong, **QUICK)
    with pytest.raises(InputError, match="seeds is 1 or more"):
        finetune(small(), dataset, 30, seeds=0, **QUICK)
