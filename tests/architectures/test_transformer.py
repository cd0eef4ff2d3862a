"""The causal Transformer: what it may see, and that it learns an order that is known."""

import keras
import numpy as np
import tensorflow as tf

from keras_ssl.architectures.transformer import causal_transformer
from keras_ssl.layers import ShiftedPositions


def test_a_place_is_told_of_those_before_it_only():
    model = causal_transformer(5, 8, width=8, heads=2)
    words = np.random.default_rng(0).integers(0, 5, (1, 8))
    logits = model(words).numpy()
    assert logits.shape == (1, 8, 5)
    for j in range(8):
        other = words.copy()
        other[0, j] = (other[0, j] + 1) % 5
        changed = np.abs(model(other).numpy() - logits).max(axis=(0, 2)) > 1e-6
        assert not changed[: j + 1].any() and changed[j + 1 :].all(), j


def test_the_beginning_of_a_sequence_has_the_logits_it_has_in_the_whole():
    model = causal_transformer(5, 8, width=8, heads=2)
    words = np.random.default_rng(0).integers(0, 5, (3, 8))
    np.testing.assert_allclose(model(words[:, :3]), model(words)[:, :3], atol=1e-5)


def test_entries_move_one_place_on():
    layer = ShiftedPositions(6)
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    moved = layer(x).numpy() - layer.positions.numpy()[:4]
    np.testing.assert_allclose(moved[:, 1:], x[:, :3], atol=1e-6)
    np.testing.assert_allclose(moved[:, 0], np.repeat(layer.start.numpy()[0], 2, axis=0), atol=1e-6)


def test_a_known_order_is_learned():
    """Words that count up from a random first one: ln 6 nats for the first, none for the others."""
    model = causal_transformer(6, 8, width=16, heads=2, depth=1)
    words = (np.arange(6)[:, None] + np.arange(8)) % 6
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = model.evaluate(words, words, verbose=0)
    model.fit(tf.data.Dataset.from_tensors((words, words)).repeat(150), verbose=0)
    after = model.evaluate(words, words, verbose=0)
    assert before > 1.5 and np.log(6) / 8 - 1e-3 < after < np.log(6) / 8 + 0.02
