"""The losses of pairs, against loops in NumPy and closed forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import distribution
from keras_ssl.pair_losses import (
    BarlowTwins,
    ContrastiveMargin,
    NegativeCosine,
    NTXent,
    VICReg,
    embedding_std,
    partners,
    whole_batch,
)  # fmt: skip

N, D = 6, 4


@pytest.fixture
def z():
    return np.random.default_rng(0).normal(size=(2 * N, D)).astype("float32")


def value(loss, z):
    """The loss of embeddings z, each of the image's number that pretext gives with it."""
    return loss(np.repeat(np.arange(z.shape[0] // 2), 2), z)


def of(loss, z):
    return float(value(loss, z))


def length(x):
    return np.sqrt(np.sum(x**2))


def cosine(a, b):
    return np.dot(a, b) / (length(a) * length(b))


def test_nt_xent_is_that_of_the_paper(z):
    terms = []
    for i in range(2 * N):
        j = i + 1 if i % 2 == 0 else i - 1
        weights = [np.exp(cosine(z[i], z[k]) / 0.3) for k in range(2 * N) if k != i]
        terms.append(-np.log(np.exp(cosine(z[i], z[j]) / 0.3) / sum(weights)))
    assert of(NTXent(0.3), z) == pytest.approx(np.mean(terms), rel=1e-5)


def test_nt_xent_of_known_embeddings():
    alike = np.ones((2 * N, D), "float32")
    assert of(NTXent(0.5), alike) == pytest.approx(-np.log(1 / (2 * N - 1)), rel=1e-5)
    apart = np.repeat(np.eye(N, dtype="float32"), 2, axis=0)  # views equal, images at right angles
    right = -np.log(np.exp(2) / (np.exp(2) + 2 * N - 2))
    assert of(NTXent(0.5), apart) == pytest.approx(right, rel=1e-5)
    assert of(NTXent(0.5), apart * np.arange(1, 2 * N + 1)[:, None]) == pytest.approx(right, rel=1e-5)
    swapped = apart.reshape(N, 2, N).copy()
    swapped[:, 1] = np.roll(swapped[:, 1], 1, axis=0)  # each view's partner is another image's
    assert of(NTXent(0.5), swapped.reshape(2 * N, N)) > of(NTXent(0.5), apart) + 1


def test_barlow_twins_is_that_of_the_paper(z):
    a, b = z[0::2], z[1::2]
    total = 0
    for i in range(D):
        for j in range(D):
            c = np.corrcoef(a[:, i], b[:, j])[0, 1]
            total += (1 - c) ** 2 if i == j else 0.01 * c**2
    assert of(BarlowTwins(0.01), z) == pytest.approx(total, rel=1e-4)


def test_barlow_twins_of_whitened_features_is_zero():
    white, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(N, D)) - 0)
    white, _ = np.linalg.qr(white - white.mean(axis=0))  # orthogonal, of mean 0
    white = np.repeat(white * 7 + 3, 2, axis=0).astype("float32")  # scale and mean don't count
    assert of(BarlowTwins(), white) == pytest.approx(0, abs=1e-4)
    twice = np.concatenate([white, white], axis=1)  # each number said twice: 2 D correlations of 1 too many
    assert of(BarlowTwins(0.1), twice) == pytest.approx(0.1 * 2 * D, rel=1e-3)
    assert of(BarlowTwins(), np.ones((2 * N, D), "float32")) == pytest.approx(D)  # collapsed


def test_vicreg_s_terms_are_those_of_the_authors(z):
    z = z / 2
    a, b = z[0::2], z[1::2]
    invariance = np.mean((a - b) ** 2)
    variance = covariance = 0
    for view in (a, b):
        variance += np.mean(np.maximum(0, 1 - np.sqrt(view.var(axis=0, ddof=1) + 1e-4))) / 2
        c = np.cov(view, rowvar=False)
        covariance += sum(c[i, j] ** 2 for i in range(D) for j in range(D) if i != j) / D
    assert min(invariance, variance, covariance) > 1e-3
    for weights in np.eye(3):
        assert of(VICReg(*weights), z) == pytest.approx(weights @ [invariance, variance, covariance], rel=1e-4)
    assert of(VICReg(), z) == pytest.approx(25 * invariance + 25 * variance + covariance, rel=1e-4)
    assert of(VICReg(), np.ones((2 * N, D), "float32")) == pytest.approx(25 * (1 - 1e-2), rel=1e-4)  # collapsed


def test_contrastive_margin_is_that_of_the_paper(z):
    near, far = [], []
    for i in range(2 * N):
        for j in range(i):
            distance = length(z[i] / length(z[i]) - z[j] / length(z[j]))
            if i // 2 == j // 2:
                near.append(distance**2 / 2)
            else:
                far.append(max(0, 1.2 - distance) ** 2 / 2)
    assert len(near) == N and np.count_nonzero(far) not in (0, len(far))
    assert of(ContrastiveMargin(1.2), z) == pytest.approx(np.mean(near) + np.mean(far), rel=1e-3)
    assert of(ContrastiveMargin(1.0), np.repeat(np.eye(N, dtype="float32"), 2, axis=0)) == pytest.approx(0, abs=1e-5)
    assert of(ContrastiveMargin(1.0), np.ones((2 * N, D), "float32")) == pytest.approx(0.5, rel=1e-2)


def test_negative_cosine(z):
    targets, predictions = z[:N], z[N:]
    right = -np.mean([cosine(a, b) for a, b in zip(targets, predictions, strict=True)])
    assert float(NegativeCosine()(targets, predictions)) == pytest.approx(right, rel=1e-5)
    assert float(NegativeCosine()(targets, 5 * targets)) == pytest.approx(-1)


@pytest.mark.parametrize("loss", [NTXent(), BarlowTwins(), VICReg(), ContrastiveMargin()], ids=lambda loss: loss.name)
def test_gradients_are_numbers_and_point_downhill(loss, z):
    for start in (z, np.repeat(z[::2], 2, axis=0), np.ones_like(z)):  # views equal; all alike
        x = tf.Variable(start)
        with tf.GradientTape() as tape:
            before = value(loss, x)
        slope = tape.gradient(before, x)
        assert np.isfinite(slope).all()
    x.assign(z)
    with tf.GradientTape() as tape:
        before = value(loss, x)
    x.assign_sub(1e-3 * tape.gradient(before, x))
    assert float(value(loss, x)) < float(before)


@pytest.mark.parametrize(
    "loss", [NTXent(0.3), BarlowTwins(0.1), VICReg(1, 2, 3), ContrastiveMargin(0.7)], ids=lambda loss: loss.name
)
def test_losses_come_back_from_their_configuration(loss, z):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert of(again, z) == of(loss, z) != of(type(loss)(), z)


def test_partners_swap_the_views_of_each_image(z):
    swapped = np.asarray(partners(tf.constant(z)))
    for i in range(N):
        np.testing.assert_array_equal(swapped[2 * i : 2 * i + 2], z[2 * i : 2 * i + 2][::-1])


def test_embedding_std_is_one_spread_evenly_and_zero_collapsed():
    even = np.random.default_rng(0).normal(size=(20_000, 8)).astype("float32")
    assert float(embedding_std(None, even)) == pytest.approx(1, abs=0.01)
    lengths = np.random.default_rng(1).uniform(1, 9, (20_000, 1)).astype("float32")
    assert float(embedding_std(None, even * lengths)) == pytest.approx(1, abs=0.01)
    assert float(embedding_std(None, np.ones((6, 8), "float32") * lengths[:6])) == pytest.approx(0, abs=1e-3)
    right = np.mean(np.std([x / length(x) for x in even[:10]], axis=0)) * np.sqrt(8)
    assert float(embedding_std(None, even[:10])) == pytest.approx(right, rel=1e-5)


@pytest.mark.skipif(len(tf.config.list_physical_devices("GPU")) == 1, reason="one GPU hides the CPU's logical devices")
@pytest.mark.parametrize("loss", [NTXent(), BarlowTwins(), VICReg(), ContrastiveMargin()], ids=lambda loss: loss.name)
def test_two_replicas_have_the_loss_and_the_gradient_of_the_whole_batch(loss, z):
    x = tf.Variable(z)
    with tf.GradientTape() as tape:
        whole = value(loss, x)
    slope = tape.gradient(whole, x)
    strategy = distribution.strategy("mirrored", 2)
    shares = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(z[:N] if context.replica_id_in_sync_group == 0 else z[N:])
    )

    @tf.function
    def step(share):
        with tf.GradientTape() as tape:
            tape.watch(share)
            mine = value(loss, share)
        return mine, tape.gradient(mine, share), whole_batch(share)

    values, slopes, gathered = strategy.run(step, [shares])
    local = strategy.experimental_local_results
    assert sum(map(float, local(values))) == pytest.approx(float(whole), rel=1e-5)  # Keras divides by the replicas
    np.testing.assert_allclose(np.concatenate(local(slopes)), slope, atol=1e-6)
    for batch in local(gathered):
        np.testing.assert_array_equal(batch, z)
