"""The linear autoencoder, against scikit-learn's PCA and planes made by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA

from keras_ssl import architectures, data
from keras_ssl.architectures.decoders import linear_decoder
from keras_ssl.methods.image import linear_autoencoder


def small(code=3, shape=(6, 6, 1)):
    return linear_autoencoder.build(architectures.build("mlp", shape, widths=[]), code=code)


def set_plane(model, axes, mean, mixing=None):
    """Weights with which the model projects onto axes (d, D) through the mean (D,), its code mixed by a matrix."""
    mixing = np.eye(len(axes)) if mixing is None else mixing
    forth = axes.T @ mixing
    model.get_layer("encoder").get_layer("code").set_weights([forth, -mean @ forth])
    model.get_layer("decoder").get_layer("logits").set_weights([np.linalg.inv(mixing) @ axes, mean])


@pytest.fixture(scope="module")
def pictures():
    """(train, test): grey 6x6 images of six directions of falling strength, and noise."""
    rng = np.random.default_rng(0)
    strengths = rng.normal(size=(6, 36)) * np.array([[50], [40], [30], [22], [5], [3]])
    images = 127 + rng.normal(size=(360, 6)) @ strengths + 2 * rng.normal(size=(360, 36))
    images = images.clip(0, 255).astype("uint8").reshape(-1, 6, 6, 1)
    return images[:300], images[300:]


@pytest.fixture(scope="module")
def dataset(pictures):
    return data.open({"train": pictures[0], "test": pictures[1]})


@pytest.fixture(scope="module")
def pca(pictures):
    return PCA(4).fit(pictures[0].reshape(300, -1) / 255)


def test_it_is_linear_all_the_way(pictures):
    model = small()
    for layer in (model.get_layer("encoder").get_layer("code"), model.get_layer("decoder").get_layer("logits")):
        layer.bias.assign(tf.random.stateless_normal(layer.bias.shape, [1, 2]))
    a, b = pictures[0][:1].astype("float32"), pictures[0][1:2].astype("float32")
    mixed = model(3 * a - 2 * b).numpy()
    assert np.allclose(mixed, 3 * model(a) - 2 * model(b), atol=1e-2)
    assert mixed.min() < 0 or mixed.max() > 255  # no squashing
    shown = model.predict(pictures[0][:9])
    assert np.allclose(shown, np.clip(model(pictures[0][:9]), 0, 255), atol=1e-3)
    assert model.sample(4).min() >= 0 and model.sample(4).max() <= 255


def test_trained_from_a_random_start_it_spans_pcas_plane(pictures, dataset, pca):
    model = small(code=4)
    images = tf.constant(pictures[0])
    rate = keras.optimizers.schedules.CosineDecay(0.02, 2500)
    model.compile(keras.optimizers.Adam(rate), linear_autoencoder.LOSS, metrics=linear_autoencoder.METRICS)
    model.fit(tf.data.Dataset.from_tensors((images, images)).repeat(), epochs=1, steps_per_epoch=2500, verbose=0)
    figures = linear_autoencoder.measure(model, dataset)
    assert figures["mse"]["value"] == pytest.approx(figures["mse"]["pca"], rel=0.005)
    assert figures["mse_train"]["pca"] * 0.9999 < figures["mse_train"]["value"] < figures["mse_train"]["pca"] * 1.001
    assert figures["axes_inside"]["value"] > 0.999 and figures["principal_angle"]["largest"] < 2
    assert figures["basis"]["value"] < 0.97  # the plane, and not its axes


def test_of_pcas_own_weights_the_figures_are_perfect(dataset, pca):
    model = small(code=4)
    set_plane(model, pca.components_, pca.mean_)
    figures = linear_autoencoder.measure(model, dataset)
    for name in ("mse", "mse_train"):
        assert figures[name]["value"] == pytest.approx(figures[name]["pca"], rel=1e-3)
    assert figures["axes_inside"]["value"] == pytest.approx(1, abs=1e-5) and figures["axes_inside"]["of"] == 2
    assert figures["principal_angle"]["largest"] < 0.05
    assert figures["basis"]["value"] == pytest.approx(1, abs=1e-5)
    assert figures["basis"]["random_basis"] < 0.95


def test_mixing_the_code_changes_the_basis_and_nothing_else(dataset, pca):
    plain, mixed = small(code=4), small(code=4)
    set_plane(plain, pca.components_, pca.mean_)
    set_plane(mixed, pca.components_, pca.mean_, np.random.default_rng(0).normal(size=(4, 4)) + 2 * np.eye(4))
    one, other = (linear_autoencoder.measure(model, dataset) for model in (plain, mixed))
    assert one["mse"]["value"] == pytest.approx(other["mse"]["value"], rel=1e-3)
    assert other["axes_inside"]["value"] == pytest.approx(1, abs=1e-4) and other["principal_angle"]["largest"] < 0.1
    assert other["basis"]["value"] < 0.95


def test_a_tilted_axis_is_seen_and_the_border_is_free(dataset, pictures):
    pca = PCA(5).fit(pictures[0].reshape(300, -1) / 255)
    tilt = np.radians(30)
    for axis, inside in ((0, np.cos(tilt)), (3, 1)):  # of four axes, the last two count as border
        axes = pca.components_[:4].copy()
        axes[axis] = np.cos(tilt) * axes[axis] + np.sin(tilt) * pca.components_[4]
        model = small(code=4)
        set_plane(model, axes, pca.mean_)
        figures = linear_autoencoder.measure(model, dataset)
        assert figures["axes_inside"]["value"] == pytest.approx(inside, abs=1e-3)
        assert figures["principal_angle"]["largest"] == pytest.approx(30, abs=0.1)
        assert figures["principal_angle"]["value"] < 0.1


def test_directions_are_what_a_number_of_the_code_adds(pictures):
    model = small()
    directions = linear_autoencoder.directions(model)
    codes = np.array([[0.5, -1.0, 2.0]], "float32")
    added = model._rebuild(codes) - model._rebuild(np.zeros_like(codes))
    assert np.allclose(added[0] / 255, np.tensordot(codes[0], directions, 1), atol=1e-5)
    shown = linear_autoencoder.pictures_of(directions)
    assert np.allclose(np.abs(shown - 127.5).max(axis=(1, 2, 3)), 127.5)


def test_the_linear_decoder_is_one_matrix():
    model = linear_decoder(2, (3, 2, 1))
    kernel, bias = model.get_layer("logits").get_weights()
    codes = np.array([[100, -50]], "float32")
    assert np.allclose(model.predict(codes, verbose=0).ravel(), 255 * (codes @ kernel + bias), atol=1e-2)
    values = linear_decoder(2, (3, 2, 1), pixels=False)
    values.set_weights([kernel, bias])
    assert np.allclose(values.predict(codes, verbose=0).ravel(), codes @ kernel + bias, atol=1e-4)


def test_the_image_is_its_own_target(pictures):
    for given in linear_autoencoder.pretext(pictures[0], tf.constant([0, 1])):
        assert np.array_equal(given, pictures[0])
