"""A network that follows another, against the closed form of the moving average."""

import keras
import numpy as np
import tensorflow as tf

from keras_ssl import saving
from keras_ssl.layers import BatchNormalization, Follower, StopGradient


def network(seed):
    keras.utils.set_random_seed(seed)
    x = keras.Input((3,))
    y = BatchNormalization(momentum=0.5)(keras.layers.Dense(4)(x))
    return keras.Model(x, keras.layers.Dense(2)(y))


def test_after_k_steps_the_weights_are_the_moving_average_written_out():
    online, follower = network(1), Follower(network(2), momentum=0.9)
    follower(np.zeros((1, 3), "float32"))
    rng = np.random.default_rng(0)
    history = []
    for _ in range(5):
        online.set_weights([rng.uniform(0.5, 1, w.shape) for w in online.weights])
        follower.follow([online])
        history.append(online.get_weights())
    assert float(follower.steps) == 5
    for i, weight in enumerate(follower.layer.get_weights()):
        first, *later = (weights[i] for weights in history)
        right = 0.9**4 * first + sum(0.1 * 0.9 ** (3 - k) * value for k, value in enumerate(later))
        np.testing.assert_allclose(weight, right, rtol=1e-5)


def test_it_can_follow_a_network_in_parts():
    x = keras.Input((3,))
    parts = [keras.Model(x, keras.layers.Dense(4)(x)), network(3)]
    y = keras.Input((4,))
    parts[1] = keras.Model(y, keras.layers.Dense(2)(y))
    whole = keras.models.clone_model(keras.Model(x, parts[1](parts[0](x))))
    follower = Follower(whole)
    given = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    follower(given)
    follower.follow(parts)
    np.testing.assert_allclose(follower(given), parts[1](parts[0](given)), rtol=1e-6)


def test_no_gradient_moves_it_and_its_batch_norm_uses_the_batch():
    x = keras.Input((3,))
    online = network(1)
    model = keras.Model(x, [online(x), Follower(network(2), name="follower")(x)])
    follower = model.get_layer("follower")
    assert not follower.trainable_weights and len(model.trainable_weights) == len(online.trainable_weights)
    given = np.random.default_rng(0).normal(5, 3, size=(50, 3)).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(variables := [w.value for w in follower.layer.weights])
        loss = tf.reduce_sum(follower(given, training=True) ** 2)
    assert tape.gradient(loss, variables) == [None] * len(variables)
    normed = keras.Model(follower.layer.input, follower.layer.layers[2].output)(given, training=True)
    np.testing.assert_allclose(np.mean(normed, axis=0), 0, atol=1e-4)
    assert not np.allclose(follower(given, training=True), follower(given, training=False), atol=1e-2)


def test_it_is_saved_with_the_model(tmp_path):
    x = keras.Input((3,))
    model = keras.Model(x, Follower(network(2), momentum=0.7, name="follower")(x))
    model.get_layer("follower").follow([network(1)])
    model.save(tmp_path / "m.keras")
    again = saving.open_keras_file(tmp_path / "m.keras")
    follower = again.get_layer("follower")
    assert follower.momentum == 0.7 and float(follower.steps) == 1 and not again.trainable_weights
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_stop_gradient_hands_on_and_holds_back():
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(x * StopGradient()(x))
    np.testing.assert_allclose(tape.gradient(y, x), x)  # and not 2 x
