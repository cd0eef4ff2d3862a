"""Intervals over seeds, against SciPy's test of one sample."""

import numpy as np
import pytest
from scipy import stats

from keras_ssl.errors import InputError
from keras_ssl.transfer.intervals import interval, merged, over_seeds


@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_interval_is_students(count):
    values = np.random.default_rng(count).normal(0.7, 0.1, count)
    mean, half = interval(values)
    want = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    np.testing.assert_allclose([mean - half, mean + half], [want.low, want.high], rtol=1e-9)
    _, narrow = interval(values, level=0.5)
    assert narrow < half


def test_one_value_has_no_interval():
    assert interval([0.25]) == (0.25, None)


def test_rows_are_merged():
    rows = [
        {"accuracy": 0.5, "labels": 10, "seconds": 1.0, "settings": {"epochs": 3}, "loss": 0.5},
        {"accuracy": 0.7, "labels": 10, "seconds": 3.0, "settings": {"epochs": 4}, "loss": None},
    ]
    found = merged(rows, "accuracy")
    assert found["accuracy"] == pytest.approx(0.6) and found["seconds"] == 2.0 and found["labels"] == 10
    assert found["values"] == [0.5, 0.7] and found["settings"] == {"epochs": 3} and found["loss"] == 0.5
    # Two values: mean +- t(0.975, 1) sd / sqrt(2), t = tan(0.475 pi), sd = 0.2 / sqrt(2).
    assert found["interval"] == pytest.approx(np.tan(0.475 * np.pi) * 0.1)


def test_over_seeds_keeps_the_first_model_and_every_report():
    asked = []

    def once(seed):
        asked.append(seed)
        return f"model {seed}", {"accuracy": float(seed), "seed": seed}, "more"

    model, report, more = over_seeds(once, 3, 3, lambda reports: merged(reports, "accuracy"))
    assert asked == [3, 4, 5] and model == "model 3" and more == "more"
    assert report["accuracy"] == 4 and report["seeds"] == [3, 4, 5] and report["runs"][2]["accuracy"] == 5
    assert over_seeds(once, 7, 1, None) == ("model 7", {"accuracy": 7.0, "seed": 7}, "more")
    with pytest.raises(InputError, match="seeds is 1 or more, got 0"):
        over_seeds(once, 0, 0, None)
