"""The VQ-VAE: its loss written out, its verbs, its prior's draws, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, data, distribution, saving, zoo
from keras_ssl.errors import InputError
from keras_ssl.methods.image import vqvae
from keras_ssl.models import by_parts

OPTIONS = {"vectors": 9, "code": 4, "width": 8, "blocks": 1, "hidden": 4, "prior": [8, 1]}


def small(shape=(8, 8, 3), **options):
    encoder = architectures.build("residual", shape, widths=[4, 6], blocks=1, hidden=4)
    return vqvae.build(encoder, **{**OPTIONS, **options})


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3)).astype("uint8")


@pytest.fixture
def adapted(images):
    model = small()
    architectures.adapt(model, images)
    return model


def batch(images, seed=(0, 1)):
    return vqvae.pretext(tf.constant(images), tf.constant(seed))


def test_the_image_is_its_own_target_and_chance_comes_from_the_seed(images):
    inputs, chance = batch(images)
    kept = [np.array_equal(a, b) for a, b in zip(inputs, images, strict=True)]
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(inputs, images, strict=True)]
    assert any(kept) and any(mirrored) and np.all(np.logical_xor(kept, mirrored))
    assert chance.shape == (12,) and len(np.unique(chance)) == 12
    assert np.array_equal(chance, batch(images)[1]) and not np.array_equal(chance, batch(images, (0, 2))[1])
    assert np.array_equal(vqvae.pretext(tf.constant(images), tf.constant([0, 1]), flips=False)[0], images)


@pytest.mark.parametrize("codebook", ["ema", "loss"])
def test_the_loss_is_that_of_the_paper_and_the_prior_s(images, codebook):
    model = small(codebook=codebook, beta=0.3)
    architectures.adapt(model, images)
    x = batch(images)[0].numpy().astype("float32")
    indices, book = model.encode(x), model.get_layer("codebook")
    frequency = np.bincount(indices.ravel(), minlength=9) / indices.size
    logits = np.asarray(model(x)[1], "float64")
    chances = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    surprise = -np.log(np.take_along_axis(chances, indices.reshape(12, 4, 1), axis=-1))
    mse = np.mean((x / 255 - model.predict(x) / 255) ** 2)
    apart = np.mean((np.asarray(model._map(x)) - np.asarray(book.look_up(indices))) ** 2)
    rest = 16 * mse + (0.3 if codebook == "ema" else 1.3) * apart
    model.compile(keras.optimizers.SGD(0.0))
    dataset = tf.data.Dataset.from_tensors(batch(images))
    evaluated = model.evaluate(dataset, verbose=0, return_dict=True)
    history = model.fit(dataset, verbose=0).history  # of the batch before the step
    trained = {name: values[0] for name, values in history.items()}
    for figures, nats in ((evaluated, surprise.mean()), (trained, surprise[::4].mean())):
        right = {"loss": rest + nats, "mse": mse, "prior_bits": nats / np.log(2)}
        assert figures == pytest.approx(right | {"perplexity": np.prod(frequency**-frequency)}, rel=1e-4)


def test_gradients_reach_every_part_and_the_prior_none_but_its_own(images, adapted):
    x = tf.constant(images, tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        loss, _, indices, *_ = adapted._objective(x, training=True)
        surprise = tf.reduce_mean(adapted._surprise(indices))
    assert all(g is not None for g in tape.gradient(loss, adapted.trainable_weights))
    own = {w.path for w in adapted.get_layer("prior").trainable_weights}
    reached = {
        w.path
        for w, g in zip(adapted.trainable_weights, tape.gradient(surprise, adapted.trainable_weights), strict=True)
        if g is not None
    }
    assert reached == own


def test_training_lowers_every_part(images):
    model = small()
    architectures.adapt(model, images)
    model.compile(keras.optimizers.Adam(5e-3))
    start = model.get_layer("codebook").book.numpy()
    history = model.fit(tf.data.Dataset.from_tensors(batch(images)).repeat(40), epochs=2, verbose=0).history
    assert all(history[name][1] < history[name][0] for name in ("loss", "mse", "prior_bits"))
    assert not np.allclose(model.get_layer("codebook").book.numpy(), start)
    evaluated = model.evaluate(tf.data.Dataset.from_tensors(batch(images)), verbose=0, return_dict=True)
    assert set(evaluated) == set(history) and evaluated["mse"] < history["mse"][1] * 1.2


@pytest.mark.parametrize("codebook", ["ema", "loss"])
def test_two_replicas_step_as_one(images, codebook):
    images = np.concatenate([images, 255 - images[:4]])  # 16: every fourth one's codes teach the prior
    first = small(codebook=codebook)
    architectures.adapt(first, images)
    start, ended = first.get_weights(), []
    for replicas in (1, 2):
        with distribution.strategy("mirrored" if replicas == 2 else "one", replicas).scope():
            model = small(codebook=codebook)
            model.set_weights(start)
            model.compile(keras.optimizers.SGD(0.01))
        model.fit(tf.data.Dataset.from_tensors(batch(images)).repeat(3), verbose=0)
        ended.append(model.get_weights())
    for a, b in zip(*ended, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert any(not np.allclose(a, b, atol=1e-5) for a, b in zip(start, ended[0], strict=True))


def test_what_is_decoded_of_the_codes_is_the_prediction(images, adapted):
    codes = adapted.encode(images)
    assert codes.shape == (12, 2, 2) and codes.dtype == np.int32 and adapted.encode(images[0]).shape == (2, 2)
    decoded = adapted.decode(codes)
    assert decoded.shape == images.shape and decoded.dtype == np.float32
    np.testing.assert_allclose(decoded, adapted.predict(images), atol=1e-3)
    np.testing.assert_allclose(decoded, adapted(images.astype("float32"))[0], atol=1e-3)
    right = np.mean((images / 255 - decoded / 255) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(adapted.energy(images), right, rtol=1e-4)
    assert np.shape(adapted.energy(images[0])) == ()


def test_codes_are_drawn_as_the_prior_says():
    """One code an image: how often each is drawn is the softmax of its logits."""
    model = small((4, 4, 3))
    output = model.get_layer("prior").get_layer("logits")
    logits = np.array([0, 1, 2, -1, 0, -3, 0.5, 0, 1.5], "float32")
    output.set_weights([np.zeros_like(output.kernel), logits])
    drawn = np.asarray(model._draw(model._chance(20_000, 3)))
    assert drawn.shape == (20_000, 1, 1)
    chance = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(np.bincount(drawn.ravel(), minlength=9) / 20_000, chance, atol=0.015)


def test_codes_are_drawn_one_after_the_other(adapted):
    """Each code is where its uniform number falls in the distribution that the codes before it give."""
    chance = np.asarray(adapted._chance(5, 3))
    drawn = np.asarray(adapted._draw(chance)).reshape(5, 4)
    logits = np.asarray(adapted.get_layer("prior")(drawn), "float64")
    below = np.cumsum(np.exp(logits), axis=-1) / np.exp(logits).sum(axis=-1, keepdims=True)
    for image in range(5):
        for place in range(4):
            assert drawn[image, place] == np.searchsorted(below[image, place], chance[image, place])
    assert len(np.unique(drawn)) > 2
    np.testing.assert_array_equal(np.asarray(adapted._draw(np.ones((1, 4), "float32"))), 8)  # the last code, no more


def test_samples_are_a_function_of_the_seed(adapted):
    samples = adapted.sample(6, seed=1)
    assert samples.shape == (6, 8, 8, 3) and samples.dtype == np.float32
    assert np.array_equal(samples, adapted.sample(6, seed=1)) and not np.allclose(samples, adapted.sample(6, seed=2))
    assert len(np.unique(samples.reshape(6, -1), axis=0)) > 1
    chance = adapted._chance(6, 1)
    np.testing.assert_array_equal(by_parts(adapted._draw, chance, 4), adapted._draw(chance))


def test_verbs_survive_saving_and_are_endpoints(images, tmp_path, adapted):
    adapted.compile(keras.optimizers.Adam(1e-2))
    adapted.fit(tf.data.Dataset.from_tensors(batch(images)), verbose=0)
    zoo.save(adapted, "mine", folder=tmp_path)
    reloaded = saving.open_keras_file(tmp_path / "mine" / "model.keras")
    exported = tf.saved_model.load(tmp_path / "mine" / "saved_model")
    assert reloaded.get_layer("codebook").adapted and reloaded.get_layer("codebook").get_config()["size"] == 9
    x, codes = images.astype("float32"), adapted.encode(images)
    for other in (reloaded, exported):
        np.testing.assert_array_equal(other.encode(x), codes)
        for ask in (lambda m: m.decode(codes), lambda m: m.sample(4, 3), lambda m: m.energy(x)):
            np.testing.assert_allclose(ask(other), ask(adapted), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(exported.serve_uint8(images), adapted.predict(images), atol=1e-3)
    assert architectures.encoder_of(reloaded).predict(images).shape == (12, 2, 2, 6)


def test_a_codebook_is_fitted_to_what_the_fitted_encoder_gives(photos):
    encoder = architectures.build("convnet", (32, 32, 3), widths=[4, 4], stem=8)
    model = vqvae.build(encoder, **OPTIONS)
    architectures.adapt(model, photos)
    given = np.asarray(model._map(photos.astype("float32"))).reshape(-1, 4)
    vectors = np.asarray(model.get_layer("codebook").vectors())
    assert np.abs(vectors[:, None] - given[None]).max(axis=-1).min(axis=-1).max() < 1e-5


def test_codes_that_cannot_be_are_refused(adapted):
    for codes, message in (
        (np.zeros((2, 3, 2), int), r"\(N, 2, 2\)"),
        (np.zeros((2, 2), int), r"\(N, 2, 2\)"),
        (np.zeros((1, 2, 2)), "integers"),
        (np.full((1, 2, 2), 9), r"0\.\.8"),
        (np.full((1, 2, 2), -1), r"0\.\.8"),
    ):
        with pytest.raises(InputError, match=message):
            adapted.decode(codes)


def test_encoders_without_a_map_of_known_size_are_refused():
    for encoder in (architectures.build("mlp", (8, 8, 3)), architectures.build("residual")):
        with pytest.raises(InputError, match="map"):
            vqvae.build(encoder)


def test_figures_are_those_of_the_codes():
    dataset = data.open("cifar10_sample")
    model = small((32, 32, 3))
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    architectures.adapt(model, train[:64])
    figures = vqvae.measure(model, dataset)
    codes = model.encode(test)
    frequency = np.bincount(codes.ravel(), minlength=9) / codes.size
    assert figures["perplexity"]["value"] == pytest.approx(np.prod(frequency**-frequency), rel=1e-4)
    bits = -np.sum(frequency * np.log2(np.maximum(frequency, 1e-12)))
    assert figures["prior_bits"]["frequencies"] == pytest.approx(bits, rel=1e-4)
    assert figures["prior_bits"]["value"] > bits  # untrained
    mse = np.mean((model.predict(test) / 255 - test / 255) ** 2)
    assert figures["mse"]["value"] == pytest.approx(mse, rel=1e-4)
    assert figures["mse_over_variance"]["value"] == pytest.approx(mse / np.var(test / 255), rel=1e-4)
    over = figures["mse_over_variance"]
    assert over["patches"] < over["mean_image"] < over["value"]
    assert over["pca"] < over["patches"]  # 64 numbers against 64 of only nine kinds


def test_show_gives_rows_of_pictures(images, adapted):
    rows = vqvae.show(adapted, images[:4])
    assert [(title, pictures.shape) for title, pictures, _ in rows] == [
        (title, (4, 8, 8, 3)) for title in ("images", "reconstructed", "samples", "more samples")
    ]
