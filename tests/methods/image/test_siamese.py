"""The siamese network's two ways: SimSiam's gradient against the one written out; what `loss` picks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data, embeddings, methods, pair_losses
from keras_ssl.methods.image import siamese

RATE = 0.1


def simsiam(tiny):
    model = siamese.build(tiny(), loss="simsiam", widths=[6, 5], predictor=3)
    model.compile(keras.optimizers.SGD(RATE), siamese.LOSS["simsiam"], metrics=siamese.METRICS)
    return model


@pytest.fixture
def batch(photos):
    return embeddings.pretext(tf.constant(photos[:8]), tf.constant([0, 1]))


def test_the_option_picks_loss_and_network(tiny, photos):
    _, options, loss = methods.options_of(siamese, {})
    assert isinstance(loss, pair_losses.ContrastiveMargin) and options == {}
    assert len(siamese.build(tiny(), **options).outputs) == 1
    _, options, loss = methods.options_of(siamese, {"loss": "simsiam"})
    assert isinstance(loss, pair_losses.NegativeCosine)
    model = siamese.build(tiny(), **options)
    assert [output.shape for output in model.outputs] == [(None, 128)] * 3
    assert model.predict(photos[:2]).shape == (2, 128) and model.energy(photos[0], photos[1]) > 0


def cosine_loss(p, z):
    """Half of D(p1, z2) + D(p2, z1), as in the paper, averaged over images; D is minus the cosine."""
    terms = []
    for i in range(0, len(p), 2):
        for a, b in ((i, i + 1), (i + 1, i)):
            terms.append(-tf.reduce_sum(p[a] * z[b]) / (tf.norm(p[a]) * tf.norm(z[b])))
    return tf.add_n(terms) / len(terms)


def test_the_step_is_along_the_gradient_that_stops_at_the_targets(tiny, batch):
    model = simsiam(tiny)
    views, _ = batch
    parts = [model.get_layer(name) for name in ("encoder", "projector", "predictor")]
    with tf.GradientTape(persistent=True) as tape:
        z = parts[1](parts[0](views, training=True), training=True)
        p = parts[2](z, training=True)
        stopped, through = cosine_loss(p, tf.constant(z.numpy())), cosine_loss(p, z)
    weights = model.trainable_weights
    slopes, others = ([g.numpy() for g in tape.gradient(x, weights)] for x in (stopped, through))
    before = [w.numpy() for w in weights]
    answers = model.train_on_batch(*batch, return_dict=True)
    moved = [(old - w.numpy()) / RATE for old, w in zip(before, weights, strict=True)]
    size = max(np.abs(s).max() for s in slopes)
    for m, s in zip(moved, slopes, strict=True):
        np.testing.assert_allclose(m, s, atol=3e-3 * size)
    assert max(np.abs(m - o).max() for m, o in zip(moved, others, strict=True)) > 0.1 * size
    assert answers["loss"] == pytest.approx(float(stopped), rel=1e-4)
    assert answers["embedding_std"] == pytest.approx(float(pair_losses.embedding_std(None, z)), rel=1e-4)


def test_without_the_stop_it_would_be_another_network(tiny, batch):
    model = simsiam(tiny)
    assert np.array_equal(*(model(batch[0], training=True)[i] for i in (0, 2)))  # the target is the embedding


def test_training_brings_views_of_one_image_together(tiny, photos):
    dataset = data.open({split: (photos, np.arange(64)) for split in ("train", "test")})
    model = siamese.build(tiny(widths=(8, 8, 16)), widths=[16, 8])
    model.compile(keras.optimizers.Adam(5e-3), siamese.LOSS["contrastive"])
    before = embeddings.measure(model, dataset)["energy_auc"]["value"]
    for seed in range(60):
        model.train_on_batch(*embeddings.pretext(tf.constant(photos), tf.constant([1, seed])))
    assert embeddings.measure(model, dataset)["energy_auc"]["value"] > max(before + 0.05, 0.75)


def test_predictions_get_better_and_embeddings_stay_apart(tiny, photos):
    model = siamese.build(tiny(), loss="simsiam", widths=[16, 8], predictor=4)
    model.compile(keras.optimizers.Adam(5e-3), siamese.LOSS["simsiam"], metrics=siamese.METRICS)
    history = []
    for seed in range(40):
        model.reset_metrics()
        batch = embeddings.pretext(tf.constant(photos[:, ::2, ::2]), tf.constant([1, seed]))
        history.append(model.train_on_batch(*batch, return_dict=True))
    assert history[-1]["loss"] < history[0]["loss"] - 0.1 and history[-1]["embedding_std"] > 0.5
