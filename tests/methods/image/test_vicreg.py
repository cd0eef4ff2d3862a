"""VICReg: the loss of a step against NumPy's covariances, and what it is there for."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import embeddings
from keras_ssl.methods.image import vicreg


def small(tiny, rate=0.02):
    keras.utils.set_random_seed(1)
    model = vicreg.build(tiny(), widths=[8, 6])
    model.compile(keras.optimizers.SGD(rate), vicreg.LOSS, metrics=vicreg.METRICS)
    return model


def expected(z):
    a, b = z[0::2].astype("float64"), z[1::2].astype("float64")
    loss = 25 * np.mean((a - b) ** 2)
    for view in (a, b):
        c = np.cov(view, rowvar=False)
        loss += 25 / 2 * np.mean(np.maximum(0, 1 - np.sqrt(np.diag(c) + 1e-4)))
        loss += np.sum(c[~np.eye(len(c), dtype=bool)] ** 2) / len(c)
    return loss


def test_a_step_reports_the_loss_of_the_paper(tiny, photos):
    model = small(tiny)
    views, numbers = embeddings.pretext(tf.constant(photos[:16]), tf.constant([0, 0]))
    z = model(views, training=True).numpy()
    assert model.train_on_batch(views, numbers)[0] == pytest.approx(expected(z), rel=1e-3)


def test_training_keeps_every_dimension_alive(tiny, photos):
    model = small(tiny)
    batch = embeddings.pretext(tf.constant(photos[:32]), tf.constant([0, 0]))
    before = model(batch[0], training=True).numpy()
    for _ in range(40):
        model.train_on_batch(*batch)
    after = model(batch[0], training=True).numpy()
    assert expected(after) < 0.8 * expected(before)
    assert after.std(axis=0).min() > 0.5


def test_the_collapse_costs_what_the_variance_term_weighs():
    nothing = tf.zeros([20, 6])
    assert float(vicreg.LOSS(tf.range(20), nothing)) == pytest.approx(25 * (1 - 0.01), rel=1e-4)
