"""The generative adversarial network, against the losses and gradients written out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, checkpoints, distribution, saving, zoo
from keras_ssl.errors import InputError
from keras_ssl.methods.image import gan

RATE = 0.01


def small(shape=(8, 8, 3)):
    encoder = architectures.build("dcgan", shape, widths=[4, 6])
    return gan.build(encoder, (8, 8, 3), noise=5, widths=[6, 4])


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3)).astype("uint8")


def batch(images, seed=(0, 1)):
    return gan.pretext(tf.constant(images), tf.constant(seed), noise=5)


def test_the_pretext_is_a_function_of_the_seed(images):
    first, again, other = batch(images), batch(images), batch(images, (0, 2))
    for name, value in first.items():
        assert np.array_equal(value, again[name]) and not np.array_equal(value, other[name])
    same = [np.array_equal(a, b) for a, b in zip(first["image"], images, strict=True)]
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(first["image"], images, strict=True)]
    assert any(same) and any(mirrored) and np.all(np.logical_xor(same, mirrored))
    assert first["noise"].shape == (16, 5)


def test_noise_is_normal():
    noise = gan.pretext(tf.zeros((4000, 2, 2, 1)), tf.constant([3, 4]))["noise"].numpy()
    assert noise.shape == (4000, 64) and abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01


def logits(model, images, training=True):
    features = model.get_layer("encoder")(images, training=training)
    return model.get_layer("discriminator")(features, training=training)[:, 0]


def losses_written_out(model, data):
    """(discriminator's loss, generator's loss, penalty, gradient of each side) as in the papers."""
    pixels = tf.cast(data["image"], tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        made = model.get_layer("generator")(data["noise"], training=True)
        real = tf.sigmoid(logits(model, pixels))
        fake = tf.sigmoid(logits(model, made))
        discriminator = -tf.reduce_mean(tf.math.log(real)) - tf.reduce_mean(tf.math.log(1 - fake))
        generator = -tf.reduce_mean(tf.math.log(fake))
        scaled = pixels[: len(pixels) // 8 + 1] / 127.5 - 1
        with tf.GradientTape() as slope:
            slope.watch(scaled)
            scores = tf.reduce_sum(logits(model, (scaled + 1) * 127.5))
        lengths = [tf.norm(gradient) ** 2 for gradient in slope.gradient(scores, scaled)]
        penalty = gan.PENALTY / 2 * tf.reduce_mean(lengths)
        total = discriminator + penalty
    sides = model.players()
    slopes = [tape.gradient(total, sides[0]), tape.gradient(generator, sides[1])]
    return float(discriminator), float(generator), float(penalty), slopes


def test_each_side_moves_by_its_own_loss_alone(images):
    model, data = small(), batch(images)
    model.compile(keras.optimizers.SGD(RATE))
    discriminator, generator, penalty, slopes = losses_written_out(model, data)
    before = [[v.numpy() for v in side] for side in model.players()]
    assert sum(map(len, before)) == len(model.trainable_variables)
    result = model.train_step(data)
    assert penalty > 1e-6
    assert float(result["discriminator_loss"]) == pytest.approx(discriminator, rel=1e-5)
    assert float(result["generator_loss"]) == pytest.approx(generator, rel=1e-5)
    for side, old, slope in zip(model.players(), before, slopes, strict=True):
        moved = [(v.numpy() - o) / -RATE for v, o in zip(side, old, strict=True)]
        size = max(np.abs(s).max() for s in slope)
        for m, s in zip(moved, slope, strict=True):
            assert np.allclose(m, s, atol=2e-3 * size)


def test_tracked_accuracy_counts_both_sides(images):
    model, data = small(), batch(images)
    model.compile(keras.optimizers.SGD(0.0))
    made = model.get_layer("generator")(data["noise"], training=True)
    real = logits(model, tf.cast(data["image"], tf.float32)).numpy()
    fake = logits(model, made).numpy()
    history = model.fit(tf.data.Dataset.from_tensors(data), verbose=0).history
    assert set(history) == {"discriminator_loss", "generator_loss", "accuracy"}
    assert history["accuracy"] == [pytest.approx((np.mean(real > 0) + np.mean(fake < 0)) / 2)]


def test_two_replicas_with_the_same_share_step_as_one(images):
    half = batch(images[:8])
    start = small().get_weights()
    ended = []
    for replicas, data in ((1, half), (2, {k: tf.concat([v, v], axis=0) for k, v in half.items()})):
        with distribution.strategy("mirrored" if replicas == 2 else "one", replicas).scope():
            model = small()
            model.set_weights(start)
            model.compile(keras.optimizers.SGD(RATE))
        steps = tf.data.Dataset.from_tensors(data).repeat(3)
        model.fit(steps, verbose=0)
        ended.append(model.get_weights())
    for a, b in zip(*ended, strict=True):
        assert np.allclose(a, b, atol=1e-5)
    assert not np.allclose(ended[0][0], start[0], atol=1e-5)


def test_checkpoints_hold_both_optimizers(images, tmp_path):
    models = [small(), small()]
    for model in models:
        model.compile(keras.optimizers.AdamW(1e-3, weight_decay=0.0, beta_1=0.5))
        assert [o.beta_1 for o in checkpoints.optimizers(model)] == [0.5, 0.5]
    models[0].train_step(batch(images))
    checkpoints.save(models[0], tmp_path / "c.npz")
    checkpoints.restore(models[1], tmp_path / "c.npz")
    for model in models:
        model.train_step(batch(images, (0, 2)))
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        assert np.allclose(a, b, atol=1e-6)


def test_verbs_survive_saving_and_are_endpoints(images, tmp_path):
    model = small((None, None, 3))
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(tf.data.Dataset.from_tensors(batch(images)), verbose=0)
    zoo.save(model, "mine", folder=tmp_path)
    reloaded = saving.open_keras_file(tmp_path / "mine" / "model.keras")
    exported = tf.saved_model.load(tmp_path / "mine" / "saved_model")
    assert {layer.name for layer in reloaded.layers} >= {"encoder", "discriminator", "generator"}
    noise = np.random.default_rng(1).normal(size=(3, 5)).astype("float32")
    made = model.sample(4, seed=3)
    assert made.shape == (4, 8, 8, 3) and made.dtype == np.float32 and made.min() >= 0 and made.max() <= 255
    assert np.array_equal(made, model.sample(4, seed=3)) and not np.allclose(made, model.sample(4, seed=4))
    assert np.allclose(made, model.generate(model.noise(4, 3)), atol=1e-3)
    for other in (reloaded, exported):
        assert np.allclose(other.sample(4, 3), made, atol=1e-3)
        assert np.allclose(other.generate(noise), model.generate(noise), atol=1e-3)
    score = model.predict(images)
    assert score.shape == (16, 1) and np.allclose(
        score[:, 0], logits(model, images.astype("float32"), False), atol=1e-5
    )
    assert np.allclose(reloaded.predict(images), score, atol=1e-5)
    assert np.allclose(exported.serve_uint8(images), score, atol=1e-5)
    assert model.predict(images[0]).shape == (1,)
    alone = np.concatenate([model.predict(image[None]) for image in images])
    np.testing.assert_allclose(alone, score, atol=1e-5)  # though the discriminator compares images in training
    assert architectures.encoder_of(model).predict(images).shape == (16, 4, 4, 6)


def test_samples_do_not_depend_on_how_many():
    model = small()
    assert np.allclose(model.sample(300, seed=1)[:5], model.sample(300, seed=1)[:5])
    assert model.sample(300).shape == (300, 8, 8, 3)


def test_show_gives_rows_of_the_same_length(images):
    rows = gan.show(small(), images[:5])
    assert len(rows) == 4 and all(len(pictures) == len(captions) == 5 for _, pictures, captions in rows)
    assert np.array_equal(rows[-1][1], images[:5])


def test_images_of_another_size_are_refused():
    encoder = architectures.build("dcgan", (None, None, 3), widths=[4, 6])
    with pytest.raises(InputError, match="size"):
        gan.build(encoder, (None, None, 3))
    model = gan.build(encoder, (8, 8, 3), noise=5, widths=[6, 4])
    model.compile(keras.optimizers.SGD(RATE))
    with pytest.raises(InputError, match="8x8x3.*12x12x3"):
        model.fit(tf.data.Dataset.from_tensors(batch(np.zeros((4, 12, 12, 3), "uint8"))), verbose=0)
    with pytest.raises(InputError, match="8x8"):
        model.predict(np.zeros((4, 12, 12, 3), "uint8"))
