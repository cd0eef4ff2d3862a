"""Methods that compare images of a batch: two replicas learn what one does, for they see the whole batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import distribution, embeddings
from keras_ssl.methods.image import barlow_twins, siamese, simclr, vicreg

RATE = 0.05
METHODS = {"simclr": simclr, "barlow_twins": barlow_twins, "vicreg": vicreg, "siamese": siamese}


def loss_of(name):
    return METHODS[name].LOSS["contrastive"] if name == "siamese" else METHODS[name].LOSS


def plain():
    """An encoder without batch norm: replicas normalise their own shares."""
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(6, 3, strides=2, activation="tanh")(keras.layers.Rescaling(1 / 64, offset=-2)(images))
    return keras.Model(images, x, name="encoder")


@pytest.mark.skipif(len(tf.config.list_physical_devices("GPU")) == 1, reason="one GPU hides the CPU's logical devices")
@pytest.mark.parametrize("name", METHODS)
def test_two_replicas_learn_what_one_does(name, photos):
    images = tf.constant(photos[:8, ::2, ::2])
    start, ended = None, []
    for replicas in (1, 2):
        with distribution.strategy("mirrored" if replicas == 2 else "one", replicas).scope():
            keras.utils.set_random_seed(1)
            model = METHODS[name].build(plain(), widths=[6, 5], norm=False)
            model.compile(keras.optimizers.SGD(RATE), loss_of(name))
            start = start or model.get_weights()
            model.set_weights(start)
        steps = tf.data.Dataset.from_tensors(embeddings.pretext(images, tf.constant([0, 1]))).repeat(3)
        history = model.fit(steps, verbose=0).history
        ended.append((model.get_weights(), history["loss"]))
    for a, b in zip(ended[0][0], ended[1][0], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert ended[0][1] == pytest.approx(ended[1][1], rel=1e-5)
    assert max(np.abs(a - b).max() for a, b in zip(ended[0][0], start, strict=True)) > 1e-3


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_falls_and_embeddings_stay_apart(name, tiny, photos):
    model = METHODS[name].build(tiny(widths=(8, 8, 16)), widths=[16, 8])
    model.compile(keras.optimizers.Adam(5e-3), loss_of(name), metrics=METHODS[name].METRICS)
    history = []
    for seed in range(40):
        batch = embeddings.pretext(tf.constant(photos), tf.constant([1, seed]))
        model.reset_metrics()
        history.append(model.train_on_batch(*batch, return_dict=True))
    assert history[-1]["loss"] < 0.95 * history[0]["loss"] and history[-1]["embedding_std"] > 0.3
