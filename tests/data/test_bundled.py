import numpy as np
import pytest

from keras_ssl import data


def test_their_names():
    images, texts = (
        ["cifar10_sample", "fashion_mnist_sample", "mnist_sample", "garments_sample"],
        ["caption_pairs_sample", "polarity_sample"],
    )
    assert data.samples() == sorted([*images, *texts, "spoken_digit_sample"])


@pytest.mark.parametrize(
    ("name", "shape", "first"),
    [
        ("cifar10_sample", (32, 32, 3), "airplane"),
        ("fashion_mnist_sample", (28, 28, 1), "T-shirt/top"),
        ("mnist_sample", (28, 28, 1), "0"),
    ],
)
def test_their_contents(name, shape, first):
    opened = data.open(name)
    assert (opened.name, opened.task, opened.shape, opened.classes[0]) == (name, "classification", shape, first)
    assert opened.origin and opened.licence and opened.citation
    assert [opened.count(split) for split in opened.splits] == [2000, 1000, 1800, 200]
    for split, each in (("train", 200), ("test", 100), ("fit", 180), ("validation", 20)):
        assert np.bincount(opened.labels(split)).tolist() == [each] * 10
    assert opened.labels("train")[:10].tolist() == list(range(10))


def test_texts():
    opened = data.open("polarity_sample")
    assert (opened.kind, opened.task, opened.shape) == ("text", "classification", ())
    assert opened.classes == ["negative", "positive"] and "Pang" in opened.citation
    assert opened.origin and opened.licence == "CC BY 4.0"
    assert [opened.count(split) for split in opened.splits] == [1000, 500, 900, 100]
    for split, each in (("train", 500), ("test", 250), ("fit", 450), ("validation", 50)):
        assert np.bincount(opened.labels(split)).tolist() == [each] * 2
    texts, labels = opened.arrays("train", limit=4)
    assert texts[2] == "julia is played with exasperating blandness by laura regan ." and labels.tolist() == [
        0,
        0,
        0,
        1,
    ]
    assert len(set(np.concatenate([opened.arrays(split)[0] for split in ("train", "test")]))) == 1500


def test_texts_with_translations():
    opened = data.open("caption_pairs_sample")
    assert (opened.kind, opened.task, opened.classes, opened.licence) == ("text", None, [], "CC0 1.0")
    assert [opened.count(split) for split in opened.splits] == [600, 100, 540, 60]
    pairs = [text.split("\t") for split in ("train", "test") for text in opened.arrays(split)[0]]
    assert {len(pair) for pair in pairs} == {2} and len({en for en, _ in pairs}) == 700
    assert all(side[0].isupper() and side.endswith(".") for pair in pairs for side in pair)
    assert ["An old man is sleeping.", "Ein alter Mann schläft."] in pairs


def test_the_images_are_those_of_their_labels():
    """A nearest-mean classifier tells digits apart well above chance only when tiles and labels match."""
    opened = data.open("mnist_sample")
    images, labels = opened.arrays("train")
    means = np.stack([images[labels == digit].reshape(-1, 784).mean(axis=0) for digit in range(10)])
    images, labels = opened.arrays("test")
    distances = ((images.reshape(-1, 1, 784) - means) ** 2).sum(axis=-1)
    assert (distances.argmin(axis=1) == labels).mean() > 0.75
