import numpy as np
import pytest

from keras_ssl import data
from keras_ssl.data.label_choice import held_out
from keras_ssl.errors import InputError


def opened(labels, **choices):
    return data.open((np.zeros((len(labels), 1, 1, 1), np.uint8), labels), **choices)


BALANCED = opened(np.arange(1000) % 10)


@pytest.mark.parametrize(
    ("labels", "number"),
    [
        (0.01, 10),
        ("0.01", 10),
        ("1e-2", 10),
        ("1%", 10),
        ("2.5 %", 25),
        (250, 250),
        ("250", 250),
        ("1,000", 1000),
        (np.int64(30), 30),
        (1.0, 1000),
        ("all", 1000),
        (None, 1000),
    ],
)
def test_each_way_to_say_how_many(labels, number):
    chosen = data.choose_labels(BALANCED, labels)
    assert len(chosen) == len(set(chosen.tolist())) == number
    assert (np.diff(chosen) > 0).all()


def test_classes_are_equal_to_within_one():
    counts = np.bincount(BALANCED.labels("train")[data.choose_labels(BALANCED, 255)])
    assert set(counts) == {25, 26}


def test_rare_classes_give_all_they_have():
    rare = opened(np.repeat([0, 1, 2], [3, 50, 100]))
    assert np.bincount(rare.labels("train")[data.choose_labels(rare, 33)]).tolist() == [3, 15, 15]


def test_choices_are_nested_seeded_and_reproducible():
    small, large = (set(data.choose_labels(BALANCED, number, seed=3)) for number in (55, 500))
    assert small < large
    assert small == set(data.choose_labels(BALANCED, 55, seed=3))
    assert small != set(data.choose_labels(BALANCED, 55, seed=4))


def test_choices_are_made_from_the_split_asked_for():
    chosen = data.choose_labels(BALANCED, 90, split="validation")
    assert chosen.max() < 100


def test_other_tasks_draw_uniformly():
    regression = opened(np.linspace(0, 1, 500))
    chosen = data.choose_labels(regression, 100)
    assert len(chosen) == 100 and 150 < chosen.mean() < 350
    assert set(chosen) < set(data.choose_labels(regression, 200))
    assert len(data.choose_labels(regression, 1)) == 1


@pytest.mark.parametrize(
    "labels", [0, -5, 1001, 1.5, 0.0, -0.1, "0", "150%", "few", True, float("nan"), "", [3], "-1%"]
)
def test_impossible_numbers_say_how_many_there_are(labels):
    with pytest.raises(InputError, match="1000"):
        data.choose_labels(BALANCED, labels)


def test_fewer_than_the_classes_is_refused():
    with pytest.raises(InputError, match="fewer than the 10 classes"):
        data.choose_labels(BALANCED, 9)
    with pytest.raises(InputError, match="no labels"):
        data.choose_labels(data.open(np.zeros((5, 1, 1, 1), np.uint8)), 1)


@pytest.mark.parametrize("count", [1, 2, 5, 99, 1000])
def test_held_out_parts_have_their_size_of_every_class(count):
    classes = np.arange(count) % 7
    mask = held_out(count, 0.2, classes, seed=0)
    assert mask.sum() == np.floor(count * 0.2 + 0.5)
    assert (np.abs(np.bincount(classes[mask], minlength=7) - np.bincount(classes, minlength=7) * 0.2) <= 1).all()
