"""Barlow Twins: the loss of a step against NumPy's correlations, and what it is there for."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import embeddings
from keras_ssl.methods.image import barlow_twins


def small(tiny, rate=0.05):
    keras.utils.set_random_seed(1)
    model = barlow_twins.build(tiny(), widths=[8, 6])
    model.compile(keras.optimizers.SGD(rate), barlow_twins.LOSS, metrics=barlow_twins.METRICS)
    return model


def cross_correlation(z):
    """(d, d): how each dimension of the first views goes with each of the second."""
    d = z.shape[1]
    return np.corrcoef(z[0::2], z[1::2], rowvar=False)[:d, d:]


def test_a_step_reports_the_loss_of_the_paper(tiny, photos):
    model = small(tiny)
    views, numbers = embeddings.pretext(tf.constant(photos[:16]), tf.constant([0, 0]))
    c = cross_correlation(model(views, training=True).numpy())
    expected = np.sum((1 - np.diag(c)) ** 2) + 5e-3 * np.sum((c - np.diag(np.diag(c))) ** 2)
    assert model.train_on_batch(views, numbers)[0] == pytest.approx(expected, rel=1e-2)


def test_training_makes_views_agree(tiny, photos):
    model = small(tiny)
    batch = embeddings.pretext(tf.constant(photos[:32]), tf.constant([0, 0]))
    before = np.diag(cross_correlation(model(batch[0], training=True).numpy())).mean()
    for _ in range(30):
        model.train_on_batch(*batch)
    z = model(batch[0], training=True).numpy()
    assert np.diag(cross_correlation(z)).mean() > before + 0.1
    assert z.std(axis=0).min() > 1e-3  # a dimension that collapses goes with nothing


def test_one_dimension_said_twice_costs():
    loss = barlow_twins.LOSS
    z = np.random.default_rng(0).normal(size=(400, 2)).astype("float32").repeat(2, axis=0)  # both views the same
    twice = z[:, [0, 0]]
    assert float(loss(tf.range(800), tf.constant(z))) < 1e-3
    assert float(loss(tf.range(800), tf.constant(twice))) == pytest.approx(2 * 5e-3, rel=1e-2)
