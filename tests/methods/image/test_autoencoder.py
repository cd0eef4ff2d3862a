"""The autoencoder, against NumPy and scikit-learn's PCA."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA

from keras_ssl import architectures, data, distribution, losses, saving, zoo
from keras_ssl.architectures.decoders import convnet_decoder, decoder
from keras_ssl.errors import InputError
from keras_ssl.layers import CodeDistribution
from keras_ssl.methods.image import autoencoder


def small(kind="mlp", shape=(8, 8, 3)):
    if kind == "mlp":
        return autoencoder.build(architectures.build("mlp", shape, widths=[16]), code=3, widths=[16])
    encoder = architectures.build("convnet", shape, widths=[4, 4, 4], stem=8)
    return autoencoder.build(encoder, code=3, decoder="convnet", widths=[8, 4])


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3)).astype("uint8")


def test_the_image_is_its_own_target(images):
    inputs, targets = autoencoder.pretext(tf.constant(images), tf.constant([0, 1]))
    assert np.array_equal(inputs, images) and np.array_equal(targets, images)
    inputs, targets = autoencoder.pretext(tf.constant(images), tf.constant([0, 1]), flips=True)
    kept = [np.array_equal(a, b) for a, b in zip(inputs, images, strict=True)]
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(inputs, images, strict=True)]
    assert np.array_equal(inputs, targets) and any(kept) and any(mirrored) and np.all(np.logical_xor(kept, mirrored))


def test_the_loss_is_the_squared_error_of_pixels_in_0_to_1(images):
    guess = np.random.default_rng(1).uniform(0, 255, images.shape).astype("float32")
    right = np.mean((images / 255 - guess / 255) ** 2)
    assert float(losses.PixelMeanSquaredError()(images, guess)) == pytest.approx(right, rel=1e-5)
    assert np.mean(losses.mse(images, guess)) == pytest.approx(right, rel=1e-5)


def test_tracked_gaussian_is_that_of_all_codes():
    layer, rng = CodeDistribution(), np.random.default_rng(0)
    codes = (rng.normal(size=(10, 40, 3)) @ rng.normal(size=(3, 3)) + [1, -2, 5]).astype("float32")
    for batch in codes:
        assert np.array_equal(layer(batch, training=True), batch)
    layer(codes[0] * 100, training=False)
    flat = codes.reshape(-1, 3)
    assert np.allclose(layer.mean, flat.mean(axis=0), atol=1e-5)
    assert np.allclose(layer.covariance, np.cov(flat, rowvar=False, bias=True), atol=1e-4)


def test_tracked_gaussian_forgets():
    layer, rng = CodeDistribution(momentum=0.8), np.random.default_rng(0)
    for shift in [50.0] * 5 + [0.0] * 60:
        layer(rng.normal(shift, 2, (500, 2)).astype("float32"), training=True)
    assert np.allclose(layer.mean, 0, atol=0.2) and np.allclose(layer.covariance, 4 * np.eye(2), atol=0.6)


def test_coloured_noise_has_the_covariance_even_a_singular_one():
    layer = CodeDistribution()
    layer.build((None, 3))
    covariance = np.array([[2, 1, 0], [1, 0.5, 0], [0, 0, 3]], "float32")  # the first two go together
    layer.covariance.assign(covariance)
    layer.mean.assign([1.0, 2.0, 3.0])
    root = np.asarray(layer.colour(np.eye(3, dtype="float32"))) - np.asarray(layer.mean)
    assert np.allclose(root.T @ root, covariance, atol=1e-5)


def test_two_replicas_track_the_average_of_their_shares():
    codes = np.random.default_rng(0).normal([3, -1], [1, 2], (64, 2)).astype("float32")
    with distribution.strategy("mirrored", replicas=2).scope():
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.layers.Dense(1)(CodeDistribution(name="codes")(inputs)))
        model.compile("sgd", "mse")
    model.fit(codes, np.zeros((64, 1)), batch_size=64, shuffle=False, verbose=0)
    layer = model.get_layer("codes")
    shares = [np.cov(share, rowvar=False, bias=True) for share in (codes[:32], codes[32:])]
    assert np.allclose(layer.mean, codes.mean(axis=0), atol=1e-5)
    assert np.allclose(layer.covariance, np.mean(shares, axis=0), atol=1e-4)
    assert layer.batches.numpy() == 1


def test_a_linear_autoencoder_approaches_pca():
    rng = np.random.default_rng(0)
    # So near mid-grey that the sigmoid at the end is a straight line.
    signal = rng.normal(size=(300, 3)) @ np.linalg.qr(rng.normal(size=(36, 3)))[0].T * 20
    images = (127.5 + signal + 4 * rng.normal(size=(300, 36))).reshape(-1, 6, 6, 1).astype("float32")
    model = autoencoder.build(architectures.build("mlp", (6, 6, 1), widths=[]), code=3, widths=[])
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, 1200)),
        autoencoder.LOSS,
        metrics=autoencoder.METRICS,
    )
    model.fit(tf.data.Dataset.from_tensors((images, images)).repeat(), epochs=1, steps_per_epoch=1200, verbose=0)
    flat = images.reshape(300, -1) / 255
    pca = PCA(3).fit(flat)
    best = np.mean((flat - pca.inverse_transform(pca.transform(flat))) ** 2)
    reached = model.evaluate(images, images, verbose=0, return_dict=True)
    assert reached["mse"] == pytest.approx(reached["loss"], rel=1e-5)
    assert best * 0.999 < reached["mse"] < best * 1.06
    learned, _ = np.linalg.qr(model.get_layer("decoder").get_layer("logits").kernel.numpy().T)
    assert np.all(np.linalg.norm(pca.components_ @ learned, axis=1) > 0.99)  # PCA's axes lie in the learned plane


@pytest.mark.parametrize("kind", ["mlp", "convnet"])
def test_verbs_survive_saving_and_are_endpoints(kind, images, tmp_path):
    model = small(kind)
    model.compile(keras.optimizers.Adam(1e-2), autoencoder.LOSS, metrics=autoencoder.METRICS)
    model.fit(images, images, batch_size=4, verbose=0)
    zoo.save(model, "mine", folder=tmp_path)
    reloaded = saving.open_keras_file(tmp_path / "mine" / "model.keras")
    exported = tf.saved_model.load(tmp_path / "mine" / "saved_model")
    floats = images.astype("float32")
    codes = model.encode(images)
    assert codes.shape == (12, 3) and model.encode(images[0]).shape == (3,)
    assert model.decode(codes).shape == images.shape and model.decode(codes).dtype == np.float32
    assert np.allclose(model.decode(codes), model.predict(images), atol=1e-2)
    for ask in (lambda m: m.encode(floats), lambda m: m.decode(codes), lambda m: m.sample(5, 3)):
        assert np.allclose(ask(reloaded), ask(model), atol=1e-5)
        assert np.allclose(ask(exported), ask(model), atol=1e-3)
    assert np.array_equal(model.sample(4, seed=1), model.sample(4, seed=1))
    assert not np.allclose(model.sample(4, seed=1), model.sample(4, seed=2))


def test_codes_of_another_length_are_refused():
    with pytest.raises(InputError, match=r"\(N, 3\)"):
        small().decode(np.zeros((2, 4)))


def test_images_of_unknown_size_are_refused():
    with pytest.raises(InputError, match="size"):
        autoencoder.build(architectures.build("convnet"))


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (30, 17, 3)])
def test_the_convolutional_decoder_gives_any_size(shape):
    model = convnet_decoder(4, shape, widths=[8, 4, 4])
    images = model.predict(np.random.default_rng(0).normal(size=(2, 4)), verbose=0)
    assert images.shape == (2, *shape) and images.min() >= 0 and images.max() <= 255


def test_an_unknown_decoder_or_option_is_named():
    with pytest.raises(InputError, match="convnet"):
        decoder("convnett", 4, (8, 8, 1))
    with pytest.raises(InputError, match="shortcut.*widths"):
        decoder("mlp", 4, (8, 8, 1), shortcut=4)
    with pytest.raises(InputError, match="larger"):
        autoencoder.build(architectures.build("convnet", (8, 8, 1)), code=5, decoder="convnet", shortcut=2)


def test_with_a_shortcut_the_code_starts_at_pca(photos):
    encoder = architectures.build("convnet", (32, 32, 3), widths=[4, 4, 4], stem=8)
    model = autoencoder.build(encoder, code=5, decoder="convnet", widths=[8, 4], shortcut=4)
    architectures.adapt(model, photos)
    features = model.get_layer("encoder").get_layer("features_code")
    features.kernel.assign(tf.zeros_like(features.kernel))
    thumbnails = tf.image.resize(photos, (4, 4), antialias=True).numpy().reshape(len(photos), -1) / 255
    scores = PCA(5).fit(thumbnails).transform(thumbnails)
    codes = model.encode(photos)
    correlation = np.corrcoef(codes.T, scores.T)[:5, 5:]
    assert np.allclose(np.abs(correlation), np.eye(5), atol=0.01) and np.allclose(codes.std(axis=0), 1, atol=0.05)


def test_the_shortcut_of_the_decoder_is_linear_in_the_code():
    model = convnet_decoder(3, (8, 6, 1), widths=[4, 4], pixels=False, shortcut=2)
    model.get_layer("logits").kernel.assign(tf.zeros_like(model.get_layer("logits").kernel))
    codes = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    kernel = model.get_layer("thumbnail_logits").kernel.numpy()
    expected = tf.image.resize((codes @ kernel).reshape(4, 2, 2, 1), (8, 6))
    assert np.allclose(model.predict(codes, verbose=0), expected, atol=1e-5)


def test_measured_error_is_that_of_the_pixels():
    dataset = data.open("fashion_mnist_sample")
    model = autoencoder.build(architectures.build("mlp", (28, 28, 1), widths=[16]), code=3, widths=[16])
    figures = autoencoder.measure(model, dataset)
    test = dataset.arrays("test")[0]
    assert figures["mse"]["value"] == pytest.approx(np.mean((model.predict(test) / 255 - test / 255) ** 2), rel=1e-4)
    assert figures["mse"]["pca"] < figures["mse"]["mean_image"] < figures["mse"]["value"]  # untrained
    assert [title for title, _, _ in autoencoder.show(model, test[:4])] == ["images", "reconstructed", "samples"]


def test_the_energys_area_is_the_share_of_pairs_of_clean_and_noisy_images_in_order():
    train, test = (np.random.default_rng(i).integers(0, 256, (9, 8, 8, 3)).astype("uint8") for i in (0, 1))
    model = small()
    noise = np.random.default_rng(0).standard_normal(test.shape, dtype="float32") * 25.5
    noisy = (test + noise).clip(0, 255)
    found = autoencoder.energy_auc(model, train, test)
    right = np.mean(model.energy(test)[:, None] < model.energy(noisy)[None])
    away = [((images - train.mean(axis=0)) ** 2).mean(axis=(1, 2, 3)) for images in (test, noisy)]
    assert found["value"] == pytest.approx(right)
    assert found["mean_image"] == pytest.approx(np.mean(away[0][:, None] < away[1][None]))
