import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from keras_ssl import data
from keras_ssl.errors import InputError
from keras_ssl.transfer.pixels import by_position, confusion, figures, frequencies, rare_first, segmented

RNG = np.random.default_rng(0)
TRUTH = np.array([[[0, 0, 1], [1, 255, 2]]])
SAID = np.array([[[0, 1, 1], [1, 0, 0]]])


def test_a_confusion_by_hand():
    table = confusion(TRUTH, SAID, 3)
    np.testing.assert_array_equal(table, [[1, 1, 0], [0, 2, 0], [1, 0, 0]])
    found = figures(table, ["a", "b", "c"])
    assert found["class_iou"] == {"a": pytest.approx(1 / 3), "b": pytest.approx(2 / 3), "c": 0.0}
    assert found["mean_iou"] == pytest.approx(1 / 3) and found["global_accuracy"] == pytest.approx(3 / 5)


def test_figures_are_scikit_learns():
    truth, said = RNG.integers(0, 5, (4, 9, 7)), RNG.integers(0, 5, (4, 9, 7))
    truth[RNG.random(truth.shape) < 0.2] = 255
    found = figures(confusion(truth, said, 5), list("abcde"))
    counted = truth != 255
    right = jaccard_score(truth[counted], said[counted], average=None)
    np.testing.assert_allclose(list(found["class_iou"].values()), right)
    assert found["mean_iou"] == pytest.approx(right.mean())
    assert found["global_accuracy"] == pytest.approx((truth == said)[counted].mean())


def test_a_class_that_occurs_nowhere_does_not_count():
    found = figures(confusion([0, 0, 2], [0, 2, 2], 4), list("abcd"))
    assert found["class_iou"] == {"a": 0.5, "b": None, "c": 0.5, "d": None} and found["mean_iou"] == 0.5
    with pytest.raises(InputError, match="no pixel"):
        figures(confusion([255], [0], 2), ["a", "b"])


@pytest.fixture
def dataset():
    images, masks = np.zeros((6, 2, 3, 3), "uint8"), np.zeros((6, 2, 3), int)
    masks[:4, 1, 2] = 2
    masks[:, 0, 0] = 255
    masks[5, 0, 0] = 1
    return data.open({"train": (images, masks), "test": (images[:2], masks[:2])})


def test_the_most_frequent_class_of_each_place(dataset):
    np.testing.assert_array_equal(by_position(dataset), [[1, 0, 0], [0, 0, 2]])
    np.testing.assert_array_equal(by_position(dataset, rows=[3, 4]), [[0, 0, 0], [0, 0, 0]])
    found = segmented(lambda images: np.broadcast_to(by_position(dataset), images.shape[:3]), dataset, "test", batch=1)
    assert found["global_accuracy"] == 1.0 and found["class_iou"] == {"0": 1.0, "1": None, "2": 1.0}


def test_rare_classes_weigh_more(dataset):
    shares = frequencies(dataset)
    np.testing.assert_allclose(shares, np.array([26, 1, 4]) / 31)
    np.testing.assert_allclose(rare_first(shares, 0), 1)
    weights = rare_first(shares, 1)
    np.testing.assert_allclose(weights * shares, 1 / 3)
    assert rare_first(np.array([0.8, 0.2, 0.0]), 0.5)[2] == pytest.approx(rare_first(np.array([0.8, 0.2]), 0.5)[1])
