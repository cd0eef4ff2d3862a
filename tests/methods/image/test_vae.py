"""The variational autoencoder, against SciPy's distributions and scikit-learn's probabilistic PCA."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats
from sklearn.decomposition import PCA

from keras_ssl import architectures, data, saving, zoo
from keras_ssl.errors import InputError
from keras_ssl.layers import BernoulliPixels, GaussianCode, GaussianPixels
from keras_ssl.methods.image import vae

SHAPE = (8, 8, 1)


def small(**options):
    encoder = architectures.build("mlp", SHAPE, widths=[16])
    return vae.build(encoder, code=3, widths=[16], **options)


def linear():
    """A VAE that is a linear Gaussian model: probabilistic PCA of two components on 4x4 pixels."""
    return vae.build(architectures.build("mlp", (4, 4, 1), widths=[]), code=2, widths=[], likelihood="gaussian")


def gaussian_images(n=400):
    """Images (n, 4, 4, 1) in 0..255 of two strong directions and noise."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(n, 2)) @ rng.normal(size=(2, 16)) * 25
    return (127 + signal + rng.normal(size=(n, 16)) * 15).clip(0, 255).reshape(-1, 4, 4, 1).astype("float32")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (12, *SHAPE)).astype("uint8")


@pytest.fixture
def black_and_white():
    return (np.random.default_rng(0).random((12, *SHAPE)) < 0.3).astype("uint8") * 255


def test_pretext_draws_anew_for_each_seed(images):
    binary, noise = vae.pretext(tf.constant(images), tf.constant([0, 1]), code=5)
    again, other = (vae.pretext(tf.constant(images), tf.constant(seed), code=5) for seed in ([0, 1], [0, 2]))
    assert np.array_equal(binary, again[0]) and np.array_equal(noise, again[1]) and noise.shape == (12, 5)
    assert not np.array_equal(binary, other[0]) and not np.allclose(noise, other[1])
    assert len(np.unique(noise)) == 60  # each image its own
    grey, _ = vae.pretext(tf.constant(images), tf.constant([0, 1]), likelihood="gaussian")
    assert np.array_equal(grey, images)


def test_divergence_is_the_integral():
    log_variance, mean = np.array([[-1.0, 0.5]], "float32"), np.array([[0.3, -2.0]], "float32")
    total = 0.0
    for v, m in zip(log_variance[0], mean[0], strict=True):
        q = stats.norm(m, np.exp(v / 2))
        total += integrate.quad(lambda z, q=q: q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z)), -12, 12)[0]
    assert GaussianCode().divergence(log_variance, mean).numpy()[0] == pytest.approx(total, rel=1e-5)


def test_pixel_likelihoods_are_scipys(images, black_and_white):
    values = np.random.default_rng(1).normal(size=images.shape).astype("float32")
    chance = 1 / (1 + np.exp(-values.astype("float64")))
    right = stats.bernoulli.logpmf(black_and_white // 255, chance).sum(axis=(1, 2, 3))
    assert np.allclose(BernoulliPixels().log_probability(black_and_white, values), right, rtol=1e-5)
    layer = GaussianPixels()
    layer.build(values.shape)
    layer.log_variance.assign(np.log(0.04))
    right = stats.norm.logpdf(images / 255, values, 0.2).sum(axis=(1, 2, 3))
    assert np.allclose(layer.log_probability(images, values), right, rtol=1e-5)


def test_with_the_exact_posterior_every_bound_is_probabilistic_pcas_likelihood():
    images = gaussian_images()
    flat = images.reshape(len(images), -1) / 255
    pca = PCA(2).fit(flat)
    spread, noise = pca.explained_variance_, pca.noise_variance_
    model = linear()
    encoder, output = model.get_layer("encoder"), model.get_layer("decoder").get_layer("logits")
    kernel = pca.components_.T * np.sqrt(spread - noise) / spread
    encoder.get_layer("mean").set_weights([kernel, -pca.mean_ @ kernel])
    encoder.get_layer("log_variance").set_weights([np.zeros((16, 2)), np.log(noise / spread)])
    output.set_weights([pca.components_ * np.sqrt(spread - noise)[:, None], pca.mean_])
    model.get_layer("pixels").log_variance.assign(np.log(noise))
    right = pca.score_samples(flat)
    for samples in (1, 7):
        assert np.allclose(model.log_likelihood(images, samples=samples), right, atol=2e-3)
    draws = np.mean([model.elbo(images, seed) for seed in range(20)])
    assert draws == pytest.approx(right.mean(), abs=0.15)


def test_a_linear_vae_learns_probabilistic_pca():
    images = gaussian_images()
    model = linear()
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, 1000)))
    noise = tf.data.Dataset.range(1000).map(lambda i: (images, tf.random.stateless_normal([len(images), 2], [0, i])))
    model.fit(noise, epochs=1, verbose=0)
    flat = images.reshape(len(images), -1) / 255
    reached = np.mean([model.elbo(images, seed) for seed in range(10)])
    assert reached == pytest.approx(PCA(2).fit(flat).score(flat), abs=0.1)


def test_more_samples_give_a_tighter_bound():
    images = (np.random.default_rng(0).random((300, *SHAPE)) < 0.3).astype("uint8") * 255
    model = small()
    model.get_layer("encoder").get_layer("mean").bias.assign([2.0, -2.0, 1.0])  # a poor guess of the posterior
    bounds = [np.mean([model.log_likelihood(images, k, seed) for seed in range(4)]) for k in (1, 5, 50)]
    elbo = np.mean([model.elbo(images, seed) for seed in range(4)])
    assert bounds[0] == pytest.approx(elbo, abs=0.5)  # one sample: the same, in expectation
    assert elbo < bounds[1] < bounds[2] < 0


def test_training_tracks_both_terms(black_and_white):
    model = small(beta=0.5)
    model.compile(keras.optimizers.Adam(1e-2), vae.LOSS, metrics=vae.METRICS)
    noise = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
    history = model.fit(black_and_white, noise, batch_size=12, epochs=30, shuffle=False, verbose=0).history
    assert set(history) == {"loss", "reconstruction", "kl"}
    assert np.allclose(history["loss"], np.array(history["reconstruction"]) + 0.5 * np.array(history["kl"]), rtol=1e-5)
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    after = model.evaluate(black_and_white, noise, batch_size=12, verbose=0, return_dict=True)
    assert after["loss"] < history["loss"][-1] + 1 and set(after) == set(history)


def test_every_weight_of_the_loss_gets_a_gradient(black_and_white):
    for model in (small(), small(likelihood="gaussian")):
        with tf.GradientTape() as tape:
            loss, *_ = model._objective(tf.constant(black_and_white), tf.ones([12, 3]), training=True)
        gradients = tape.gradient(loss, model.trainable_weights)
        assert all(g is not None for g in gradients)


def test_verbs_survive_saving_and_are_endpoints(black_and_white, tmp_path):
    model = small(beta=2.0)
    zoo.save(model, "mine", folder=tmp_path)
    reloaded = saving.open_keras_file(tmp_path / "mine" / "model.keras")
    exported = tf.saved_model.load(tmp_path / "mine" / "saved_model")
    assert reloaded.get_layer("code").beta == 2.0
    x = black_and_white.astype("float32")
    codes = model.encode(x)
    assert codes.shape == (12, 3) and zoo.encoder(tmp_path / "mine" / "model.keras").predict(x).shape == (12, 3)
    verbs = [
        lambda m: m.encode(x),
        lambda m: m.decode(codes),
        lambda m: m.sample(5, 3),
        lambda m: m.elbo(x, 3),
        lambda m: m.log_likelihood(x, 4, 3),
        lambda m: m.interpolate(x[0], x[1], 4),
    ]
    for ask in verbs:
        assert np.allclose(ask(reloaded), ask(model), atol=1e-4)
        assert np.allclose(ask(exported), ask(model), atol=1e-3)
    assert np.allclose(exported.serve(x), model.predict(x), atol=1e-3)
    assert np.array_equal(model.sample(4, seed=1), model.sample(4, seed=1))
    assert not np.allclose(model.sample(4, seed=1), model.sample(4, seed=2))


def test_an_interpolation_begins_and_ends_with_the_reconstructions(images):
    model = small()
    walk = model.interpolate(images[0], images[1], steps=5)
    assert walk.shape == (5, *SHAPE)
    assert np.allclose(walk[[0, -1]], model.predict(images[:2]), atol=1e-3)


def test_one_picture_gives_one_number(images):
    model = small()
    assert np.shape(model.elbo(images[0])) == () and np.shape(model.log_likelihood(images[0], 2)) == ()


def test_an_unknown_likelihood_is_named():
    with pytest.raises(InputError, match="gaussian"):
        small(likelihood="gausian")


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_measured_bounds_fit_together(likelihood, monkeypatch):
    monkeypatch.setattr(vae, "SAMPLES", 5)
    dataset = data.open("mnist_sample")
    encoder = architectures.build("mlp", dataset.shape, widths=[16])
    figures = vae.measure(vae.build(encoder, code=3, widths=[16], likelihood=likelihood), dataset)
    value = {name: figure["value"] for name, figure in figures.items()}
    assert value["negative_elbo"] == pytest.approx(value["reconstruction"] + value["kl"])
    assert value["negative_log_likelihood"] < value["negative_elbo"]
    baseline = {"bernoulli": "independent_pixels", "gaussian": "probabilistic_pca"}[likelihood]
    assert figures["negative_elbo"][baseline] < value["negative_elbo"]  # untrained
    for name in ("nmi", "cluster_accuracy", "probe_1_percent"):
        assert 0 < value[name] < figures[name]["raw_pixels"] < 1, name


def test_show_gives_rows_of_pictures(images):
    rows = vae.show(small(), images[:4])
    assert [(title, pictures.shape) for title, pictures, _ in rows] == [
        (title, (4, *SHAPE)) for title in ("images", "reconstructed", "samples", "interpolated")
    ]
