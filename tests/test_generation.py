import numpy as np
import pytest

from keras_ssl import data, generation


@pytest.fixture
def dataset():
    """40 training images whose brightness is their number, in two classes; 6 test images."""
    images = np.arange(40, dtype="uint8")[:, None, None, None] * np.ones((1, 4, 4, 1), "uint8")
    return data.open({"train": (images, np.arange(40) % 2), "test": (images[:6], np.array([0, 1, 0, 1, 1, 1]))})


class Bright:
    """Sure of class 1 for images brighter than 100, of class 0 for those of 50 to 100, and unsure below."""

    def predict(self, images, batch_size=None):
        if hasattr(images, "element_spec"):  # the test images
            images = list(images.unbatch().as_numpy_iterator())
        light = np.array([np.mean(image) for image in images])
        first = np.where(light > 100, 0.02, np.where(light >= 50, 0.97, 0.6))
        return np.stack([first, 1 - first], axis=1)


@pytest.fixture
def taught(monkeypatch):
    """The (brightnesses, labels) that each classifier was taught with."""
    lessons = []

    def train(encoder, images, plan, *, seed):
        x, y = images.arrays("train")
        lessons.append((x[:, 0, 0, 0].tolist(), y.tolist()))
        return Bright(), {}

    monkeypatch.setattr(generation, "train", train)
    monkeypatch.setattr(generation.transfer, "open_encoder", lambda *args: None)
    return lessons


def test_generated_images_that_are_sure_join_the_few(dataset, taught):
    made = np.array([30, 60, 120.4, 99.6])[:, None, None, None] * np.ones((1, 4, 4, 1))
    asked = []
    accuracies = generation.teaching(dataset, lambda n, seed: asked.append((n, seed)) or made, (3,), labels=10, made=4)
    (few, few_labels), (all_of_them, labels) = taught
    assert len(few) == 10 and asked == [(4, 3)]
    assert all_of_them == [*few, 60, 120, 100] and labels == [*few_labels, 0, 1, 0]
    assert accuracies == [2 / 6]  # Bright says 0 for all, which two of the six test images are


def test_real_images_are_those_whose_labels_are_not_used(dataset, taught, monkeypatch):
    monkeypatch.setattr(generation, "SURE", 0.0)
    generation.teaching(dataset, "real", (0,), labels=10, made=100)
    (few, _), (all_of_them, _) = taught
    assert sorted(all_of_them) == list(range(40)) and all_of_them[:10] == few


def test_the_few_alone_teach_once(dataset, taught):
    generation.teaching(dataset, None, (0, 1), labels=10)
    assert len(taught) == 2 and taught[0] != taught[1]


def test_an_entry_that_was_trained_on_the_set_is_taken():
    assert generation.trained("autoencoder", "fashion_mnist") == "autoencoder"


def test_the_table_is_sorted_by_distance():
    def found(distance):
        frechet = {"value": distance, "pca64_gaussian": 90.0, "train_images": 1.0}
        return {"frechet": frechet, "smallest_class_share": {"value": 0.05}, "taught": [0.8, 0.82, 0.84]}

    lines = generation.markdown({"far": found(50), "near": found(5)}, [0.7], [0.9]).splitlines()
    assert lines[2:5] == [
        "| none: 600 labelled images alone | | | 70.0% |",
        "| `near` | 5.0 | 5.0% | 82.0% ± 5.0 |",
        "| `far` | 50.0 | 5.0% | 82.0% ± 5.0 |",
    ]
    assert lines[5:] == [
        "| a Gaussian of 64 principal components | 90.0 | | |",
        "| real ones without labels | 1.0 | | 90.0% |",
    ]
