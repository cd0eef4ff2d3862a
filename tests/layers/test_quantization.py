"""The vector quantizer, against loops over vectors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import distribution
from keras_ssl.errors import InputError
from keras_ssl.layers import VectorQuantizer
from keras_ssl.layers.quantization import entropy

SEED = tf.constant([1, 2])


def made(size=7, **options):
    layer = VectorQuantizer(size, **options)
    layer.build((None, 2, 3, 4))
    return layer


@pytest.fixture
def z():
    return np.random.default_rng(0).normal(size=(5, 2, 3, 4)).astype("float32")


def nearest(z, vectors):
    """(index of the nearest vector, vector), by a loop."""
    indices = np.array([np.argmin([np.sum((v - e) ** 2) for e in vectors]) for v in z.reshape(-1, z.shape[-1])])
    return indices.reshape(z.shape[:-1]), vectors[indices].reshape(z.shape)


@pytest.mark.parametrize("codebook", ["ema", "loss"])
def test_each_vector_becomes_the_nearest_code(z, codebook):
    layer = made(codebook=codebook)
    if codebook == "ema":
        layer.counts.assign(np.arange(1, 8))  # the codes are the sums over the counts
    vectors = layer.book.numpy() / (np.arange(1, 8)[:, None] if codebook == "ema" else 1)
    np.testing.assert_allclose(layer.vectors(), vectors, rtol=1e-6)
    quantised, indices = layer(z)
    right, codes = nearest(z, vectors)
    assert indices.dtype == "int32" and len(np.unique(right)) > 3
    np.testing.assert_array_equal(indices, right)
    np.testing.assert_allclose(quantised, codes, rtol=1e-6)
    np.testing.assert_array_equal(layer.look_up(indices), quantised)  # the very same numbers


def test_the_gradient_passes_straight_through(z):
    layer, z = made(codebook="loss"), tf.constant(z)
    weights = tf.random.stateless_normal(z.shape, [1, 2])
    with tf.GradientTape() as tape:
        tape.watch(z)
        total = tf.reduce_sum(layer(z)[0] * weights)
    to_z, to_book = tape.gradient(total, [z, layer.book.value])
    np.testing.assert_array_equal(to_z, weights)  # as if the layer gave z
    assert to_book is None


@pytest.mark.parametrize("codebook", ["ema", "loss"])
def test_the_objective_and_its_gradients_are_those_by_hand(codebook):
    layer = VectorQuantizer(2, codebook, beta=0.25)
    layer.build((None, 1, 2, 2))
    layer.book.assign([[0.0, 0.0], [4.0, 4.0]])
    z = tf.constant([[[[1.0, 0.0], [4.0, 6.0]]]])  # 1 away from the first code, 2 from the second
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = layer.objective(z, layer(z)[1])
    mean_square = (1 + 4) / 4  # four numbers
    assert float(loss) == pytest.approx(mean_square * (0.25 if codebook == "ema" else 1.25))
    to_z, to_book = tape.gradient(loss, [z, layer.book.value])
    np.testing.assert_allclose(to_z, 0.25 * 2 / 4 * np.array([[[[1, 0], [0, 2]]]]), rtol=1e-6)
    if codebook == "loss":
        np.testing.assert_allclose(tf.convert_to_tensor(to_book), -2 / 4 * np.array([[1, 0], [0, 2]]), rtol=1e-6)
    assert [w.path for w in layer.trainable_weights] == ([layer.book.path] if codebook == "loss" else [])


def test_codes_are_the_exponential_means_of_what_was_assigned():
    layer, rng = made(decay=0.8, revive=0.0), np.random.default_rng(0)
    sums, counts = layer.book.numpy().astype("float64"), np.ones(7)
    for _ in range(2):
        z = rng.normal(size=(5, 2, 3, 4)).astype("float32")
        indices = np.asarray(layer(z)[1])
        layer.follow(z, indices, SEED)
        for k in range(7):
            members = z[indices == k]
            counts[k] = 0.8 * counts[k] + 0.2 * len(members)
            sums[k] = 0.8 * sums[k] + 0.2 * members.sum(axis=0)
        np.testing.assert_allclose(layer.counts, counts, rtol=1e-5)
        np.testing.assert_allclose(layer.vectors(), sums / counts[:, None], rtol=1e-4, atol=1e-6)


def test_a_codebook_settles_on_the_means_of_clusters():
    rng = np.random.default_rng(0)
    centres = np.array([[5, 5, 0, 0], [-5, 5, 0, 0], [0, -5, 5, 0]], "float32")
    layer = made(3, decay=0.5)
    z = (centres[:, None, None] + 0.1 * rng.normal(size=(3, 4, 10, 4))).astype("float32")
    for i in range(30):
        layer.follow(z, layer(z)[1], tf.constant([i, 0]))
    order = np.argsort(np.asarray(layer(centres[:, None, None])[1]).ravel())
    np.testing.assert_allclose(np.asarray(layer.vectors()), z.mean(axis=(1, 2))[order], atol=1e-3)


@pytest.mark.parametrize("codebook", ["ema", "loss"])
def test_dead_codes_become_vectors_of_the_batch(z, codebook):
    layer = made(codebook=codebook, decay=0.9, revive=0.5)
    layer.book.assign(np.r_[np.zeros((1, 4)), np.full((6, 4), 100.0)])
    layer.counts.assign([1, 1, 0.1, 1, 1, 0.1, 1])
    assert not np.any(layer(z)[1])  # all near the first code
    layer.follow(z, layer(z)[1], SEED)
    counts = 0.9 * np.array([1, 1, 0.1, 1, 1, 0.1, 1]) + 0.1 * np.array([30, 0, 0, 0, 0, 0, 0])
    usual = counts.mean()
    dead = counts < 0.5 * usual
    assert dead.tolist() == [False, False, True, False, False, True, False]
    vectors = np.asarray(layer.vectors())
    away = np.abs(vectors[:, None] - z.reshape(-1, 4)[None]).max(axis=-1).min(axis=-1)  # from the batch's nearest
    assert np.all(away[dead] < 1e-5) and not np.allclose(*vectors[dead])
    np.testing.assert_allclose(layer.counts, np.where(dead, usual, counts), rtol=1e-5)
    np.testing.assert_allclose(vectors[~dead][1:], 100, rtol=1e-5)
    again = made(codebook=codebook, decay=0.9, revive=0.5)
    for seed, same in ((SEED, True), (tf.constant([2, 2]), False)):
        again.book.assign(np.r_[np.zeros((1, 4)), np.full((6, 4), 100.0)])
        again.counts.assign([1, 1, 0.1, 1, 1, 0.1, 1])
        again.follow(z, again(z)[1], seed)
        assert np.array_equal(again.vectors(), vectors) is same


@pytest.mark.parametrize("codebook", ["ema", "loss"])
def test_two_replicas_follow_as_one(z, codebook):
    halves = z[:2], z[2:4]
    one = made(codebook=codebook)
    strategy = distribution.strategy("mirrored", replicas=2)
    with strategy.scope():
        two = made(codebook=codebook)
    one.book.assign(two.book.numpy())
    one.follow(z[:4], one(z[:4])[1], SEED)
    shares = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(halves[context.replica_id_in_sync_group])
    )
    strategy.run(tf.function(lambda share: two.follow(share, two(share)[1], SEED)), args=(shares,))
    np.testing.assert_allclose(two.counts.numpy(), one.counts.numpy(), rtol=1e-6)
    np.testing.assert_allclose(two.vectors(), one.vectors(), rtol=1e-5, atol=1e-6)
    assert not np.allclose(two.counts.numpy(), 1)


def test_a_codebook_starts_from_vectors_of_the_data(z):
    layer = made()
    layer.adapt(z)
    away = np.abs(np.asarray(layer.vectors())[:, None] - z.reshape(-1, 4)[None]).max(axis=-1)
    assert np.all(away.min(axis=1) == 0) and len(np.unique(away.argmin(axis=1))) == 7 and layer.adapted
    few = made(size=50)
    few.adapt(z)  # of 30 vectors
    assert len(np.unique(few.vectors(), axis=0)) <= 30


def test_perplexity_is_the_number_of_codes_used_equally():
    for k in (1, 4, 10):
        assert float(keras.ops.exp(entropy(np.arange(20).reshape(4, 5) % k, 10))) == pytest.approx(k, rel=1e-5)
    half = -(0.5 * np.log(0.5) + 2 * 0.25 * np.log(0.25))
    assert float(entropy(np.array([[3, 3], [0, 7]]), 8)) == pytest.approx(half, rel=1e-5)


def test_an_unknown_codebook_is_named():
    with pytest.raises(InputError, match="ema"):
        VectorQuantizer(codebook="emma")
