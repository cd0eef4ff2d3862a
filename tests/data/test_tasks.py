import numpy as np
import pytest

from keras_ssl.data.tasks import encode
from keras_ssl.errors import InputError


def test_whole_numbers_are_classes_numbered_from_0_over_all_splits():
    task, classes, labels = encode({"train": np.array([30, 7]), "test": np.array([7, 12])})
    assert (task, classes) == ("classification", ["7", "12", "30"])
    assert labels["train"].tolist() == [2, 0] and labels["test"].tolist() == [0, 1]
    assert labels["train"].dtype == np.int64


@pytest.mark.parametrize("values", [np.array(["b", "a", "b"]), np.array(["b", "a", "b"], object)])
def test_text_is_classes(values):
    task, classes, labels = encode({"train": values})
    assert (task, classes, labels["train"].tolist()) == ("classification", ["a", "b"], [1, 0, 1])


def test_a_column_of_shape_n_by_1_is_one_column():
    assert encode({"train": np.array([[3], [1]])})[2]["train"].tolist() == [1, 0]


def test_real_numbers_are_a_regression():
    task, classes, labels = encode({"train": np.array([0.5, 2.0])})
    assert (task, classes, labels["train"].dtype) == ("regression", [], np.float32)


def test_several_columns():
    one_hot = encode({"train": np.array([[0, 1], [1, 0]])})
    assert one_hot[0] == "classification" and one_hot[2]["train"].tolist() == [1, 0]
    several = encode({"train": np.array([[1, 1], [0, 0]])})
    assert several[:2] == ("multilabel", ["0", "1"]) and several[2]["train"].dtype == np.float32
    named = encode({"train": np.array([[0, 1], [1, 0]])}, names=["sky", "sea"])
    assert named[:2] == ("multilabel", ["sky", "sea"])
    assert encode({"train": np.array([[0.5, 1], [1, 0]])})[0] == "regression"


def test_task_overrides():
    assert encode({"train": np.array([1, 2, 30])}, "regression")[2]["train"].tolist() == [1, 2, 30]
    assert encode({"train": np.array([[0, 1], [1, 0]])}, "multilabel")[0] == "multilabel"
    assert encode({"train": np.array([0.0, 1.0])}, "classification")[1] == ["0.0", "1.0"]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (np.array(["a", "b"]), "regression"),
        (np.array([0, 1]), "multilabel"),
        (np.array([[0, 2], [1, 0]]), "multilabel"),
        (np.array([[0.5, 2], [1, 0]]), "classification"),
        (np.zeros((2, 2, 2)), None),
        (np.array([1.0, np.inf]), None),
    ],
)
def test_labels_that_do_not_fit_are_refused(values, task):
    with pytest.raises(InputError):
        encode({"train": values}, task)
