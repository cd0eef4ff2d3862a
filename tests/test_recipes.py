import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_ssl import recipes, training
from keras_ssl.errors import InputError
from keras_ssl.recipes import Recipe


def test_a_recipe_survives_json():
    row = Recipe("s", "image.rotation", "cifar10", encoder_options={"widths": [1, 2]}, options={"loss": "l2"}, size=32)
    assert Recipe.from_dict(json.loads(json.dumps(row.to_dict()))) == row


def test_replace_changes_a_copy():
    row = recipes.get("rotation")
    assert row.replace(epochs=99).epochs == 99 != row.epochs
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.epochs = 99
    with pytest.raises(InputError, match="did you mean epochs"):
        row.replace(epoch=3)


def test_what_is_no_recipe_is_told():
    with pytest.raises(InputError, match="did you mean rotation"):
        recipes.get("rotatoin")
    for fields in ({}, {**recipes.get("rotation").to_dict(), "later": 1}):
        with pytest.raises(InputError, match="not a recipe"):
            Recipe.from_dict(fields)


def test_the_rate_rises_and_falls():
    row = recipes.get("rotation").replace(learning_rate=0.4, warmup=0.2)
    rate = training.make_optimizer(row, steps=100)._learning_rate
    rates = [float(rate(step)) for step in range(101)]
    assert (
        rates[0] == pytest.approx(0.04) and rates[20] == pytest.approx(0.4) and rates[100] == pytest.approx(0, abs=1e-6)
    )
    assert rates[60] == pytest.approx(0.2)  # half-way down a half cosine
    assert rates[:21] == sorted(rates[:21]) and rates[20:] == sorted(rates[20:], reverse=True)
    falls = training.make_optimizer(row.replace(warmup=0.0), steps=100)._learning_rate
    assert float(falls(0)) == pytest.approx(0.4) and float(falls(50)) == pytest.approx(0.2)
    linear = training.make_optimizer(row.replace(schedule="linear", learning_rate=1.0), steps=100)._learning_rate
    np.testing.assert_allclose([linear(0), linear(50), linear(100)], [1, (1 + 1 / 250) / 2, 1 / 250], rtol=1e-6)
    constant = training.make_optimizer(row.replace(schedule="constant"), steps=100)
    assert float(constant.learning_rate) == pytest.approx(0.4)


def test_optimizers():
    sgd = training.make_optimizer(recipes.get("rotation"), 10)
    assert isinstance(sgd, keras.optimizers.SGD)
    assert (sgd.momentum, sgd.nesterov, sgd.weight_decay) == (0.9, True, 5e-4)
    row = recipes.get("rotation").replace(optimizer="adam", beta_1=0.5, beta_2=0.9, weight_decay=0.0)
    adam = training.make_optimizer(row, 10)
    assert (adam.beta_1, adam.beta_2, adam.weight_decay) == (0.5, 0.9, None)
    for wrong in ({"optimizer": "lamb"}, {"schedule": "step"}):
        with pytest.raises(InputError):
            training.make_optimizer(recipes.get("rotation").replace(**wrong), 10)


@pytest.mark.parametrize("changes", [{"epochs": "ten"}, {"epochs": 2.5}, {"seed": True}, {"options": [1]}])
def test_a_value_of_another_type_is_told(changes):
    with pytest.raises(InputError, match=f"{next(iter(changes))} is of type (int|dict)"):
        recipes.get("rotation").replace(**changes)
    assert recipes.get("rotation").replace(learning_rate=1, size=None).learning_rate == 1
