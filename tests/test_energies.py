import types

import numpy as np
import pytest

import keras_ssl
from keras_ssl import data, energies
from keras_ssl.errors import InputError


def test_an_autoencoder_s_energy_is_its_squared_error_and_noise_has_more():
    model = keras_ssl.zoo.load("autoencoder")
    images = data.open("fashion_mnist_sample").arrays("test", limit=50)[0]
    energy = keras_ssl.energy(model, images)
    error = (model.predict(images) / 255.0 - images / 255.0) ** 2
    np.testing.assert_allclose(energy, error.mean(axis=(1, 2, 3)), rtol=1e-4)
    assert np.ndim(keras_ssl.energy("autoencoder", images[0])) == 0
    noise = np.random.default_rng(0).integers(0, 256, images.shape)
    assert energies.auc(energy, keras_ssl.energy(model, noise)) == 1.0


def test_the_area_is_the_share_of_pairs_in_order():
    low, high = np.array([1.0, 2.0, 3.0]), np.array([2.5, 4.0])
    assert energies.auc(low, high) == pytest.approx(np.mean([[a < b for a in low] for b in high]))
    assert energies.auc(low, low) == 0.5


def test_what_has_no_such_energy_is_refused():
    one = types.SimpleNamespace(name="one", energy=lambda x: x)
    two = types.SimpleNamespace(name="two", energy=lambda x, y: x)
    for model, given, message in ((one, (1, 2), "leave y out"), (two, (1,), "give y"), (object(), (1,), "no energy")):
        with pytest.raises(InputError, match=message):
            energies.energy(model, *given)
