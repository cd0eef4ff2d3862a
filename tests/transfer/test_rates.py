"""Discriminative learning rates: what each block's step is, exactly."""

import keras
import numpy as np
import pytest

from keras_ssl import data, distribution
from keras_ssl.errors import InputError
from keras_ssl.transfer import finetune
from keras_ssl.transfer.plans import Plan
from keras_ssl.transfer.rates import rate_factors
from keras_ssl.transfer.tuning import train


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (32, 8, 8, 3)).astype("uint8")
    return data.open({"train": (images, np.arange(32) % 2), "test": (images, np.arange(32) % 2)})


def small(shape=(None, None, 3)):
    """An encoder of three blocks without batch norm, so that two replicas can equal one."""
    images = x = keras.Input(shape)
    x = keras.layers.Rescaling(1 / 64, offset=-2)(x)
    for i in "123":
        x = keras.layers.Conv2D(4, 3, padding="same", name=f"block{i}_conv")(x)
        x = keras.layers.ReLU(name=f"block{i}")(x)
    return keras.Model(images, x, name="encoder")


class Start(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.weights = {w.path: w.numpy() for w in self.model.trainable_weights}


def moved(dataset, strategy=None, **settings):
    """{layer: the change of its kernel} of one step of gradient descent over all images."""
    keras.utils.set_random_seed(3)
    start = Start()
    plan = Plan(epochs=1, batch_size=32, optimizer="sgd", warmup=0, augment="", learning_rate=1.0, **settings)
    model, _ = train(small(), dataset, plan, seed=2, callbacks=[start], strategy=strategy)
    layers = {layer.name: layer for layer in model._flatten_layers() if hasattr(layer, "kernel")}
    before = {path.split("/")[-2]: value for path, value in start.weights.items() if path.endswith("kernel")}
    return {name: layer.kernel.numpy() - before[name] for name, layer in layers.items()}


def test_factors_by_hand(tiny):
    factors = rate_factors(small(), 0.5)
    assert list(factors.values())[-6:] == [0.125, 0.125, 0.25, 0.25, 0.5, 0.5]  # a convolution and its ReLU each
    factors = rate_factors(tiny(), 0.1)
    assert factors["block3"] == pytest.approx(0.1) and factors["block3_conv"] == pytest.approx(0.1)
    assert factors["block3a"] == pytest.approx(0.01) and factors["stem"] == pytest.approx(1e-7)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_one_step_moves_each_layer_by_exactly_its_factor(dataset, decay):
    full = moved(dataset, mode="full", weight_decay=decay)
    own = moved(dataset, mode="discriminative", depth_factor=0.25, weight_decay=decay)
    for name, factor in (("head", 1), ("block3_conv", 1 / 4), ("block2_conv", 1 / 16), ("block1_conv", 1 / 64)):
        assert np.abs(full[name]).max() > 1e-3
        np.testing.assert_allclose(own[name], factor * full[name], atol=1e-7)  # what float32 rounds weights to


def test_two_replicas_step_as_one(dataset):
    one = moved(dataset, mode="discriminative")
    two = moved(dataset, distribution.strategy("mirrored", 2), mode="discriminative")
    for name, change in one.items():
        np.testing.assert_allclose(two[name], change, atol=1e-6)


def test_adam_learns_by_depth(dataset):
    keras.utils.set_random_seed(3)
    encoder = small()
    model, report = finetune(
        encoder,
        dataset,
        mode="discriminative",
        depth_factor=0.01,
        epochs=4,
        learning_rate=0.01,
        batch_size=8,
        verbose=0,
    )
    assert report["depth_factor"] == 0.01 and "rounds" not in report
    names = [f"block{i}_conv" for i in "123"]
    copy = model.get_layer("encoder")
    steps = [np.abs(copy.get_layer(n).kernel.numpy() - encoder.get_layer(n).kernel.numpy()).mean() for n in names]
    # Adam's steps are as long as the rate, whatever the gradient.
    assert steps[0] < steps[1] / 10 and steps[1] < steps[2] / 10 and steps[2] > 0


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.5])
def test_a_factor_is_in_0_to_1(factor):
    with pytest.raises(InputError, match="depth_factor is more than 0 and at most 1"):
        Plan(depth_factor=factor)
