"""BYOL: the teacher's weights, what is trained, resuming, against the moving average and the loss written out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import checkpoints, distribution, embeddings, pictures, saving, training, zoo
from keras_ssl.methods.image import byol

RATE = 0.1


def small(tiny, **options):
    keras.utils.set_random_seed(3)
    model = byol.build(tiny(), widths=[6, 5], predictor=4, momentum=0.9, **options)
    model.compile(keras.optimizers.SGD(RATE, momentum=0.9), byol.LOSS, metrics=byol.METRICS, run_eagerly=True)
    model.optimizer.build(model.trainable_variables)
    return model


def online(model):
    return [w.numpy() for part in ("encoder", "projector") for w in model.get_layer(part).weights]


def teacher(model):
    return [w.numpy() for w in model.get_layer("follower").layer.weights]


def batch(photos, seed=0):
    return embeddings.pretext(tf.constant(photos[:8, ::2, ::2]), tf.constant([0, seed]))


def test_the_teacher_is_the_moving_average_of_the_network(tiny, photos):
    model, seen = small(tiny), []
    for seed in range(4):
        seen.append(online(model))  # the teacher moves before the step
        model.train_on_batch(*batch(photos, seed))
    trained = [w.path for part in ("encoder", "projector") for w in model.get_layer(part).trainable_weights]
    every = [w.path for part in ("encoder", "projector") for w in model.get_layer(part).weights]
    compared = 0
    for path, mine, *theirs in zip(every, teacher(model), *seen, strict=True):
        if path in trained:  # batch norms keep averages of their own
            first, *later = theirs
            right = 0.9**3 * first + sum(0.1 * 0.9 ** (2 - k) * value for k, value in enumerate(later))
            np.testing.assert_allclose(mine, right, atol=1e-5)
            compared += np.abs(mine - online(model)[every.index(path)]).max() > 1e-4
    assert compared > 5


def test_the_loss_is_that_of_the_paper(tiny, photos):
    model = small(tiny)
    views, numbers = batch(photos)
    model.get_layer("follower").follow([model.get_layer("encoder"), model.get_layer("projector")])
    _, p, _ = model(views, training=True)
    t = model.get_layer("projector")(model.get_layer("encoder")(views, training=True), training=True)  # equal so far
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (p, t)]
    squares = [np.sum((unit[0][i] - unit[1][i ^ 1]) ** 2) for i in range(16)]
    assert 2 + 2 * float(model.train_on_batch(views, numbers)[0]) == pytest.approx(np.mean(squares), rel=1e-3)


def test_only_the_network_has_gradients(tiny):
    model = small(tiny)
    parts = ("encoder", "projector", "predictor")
    assert len(model.trainable_weights) == sum(len(model.get_layer(p).trainable_weights) for p in parts)
    mine = {id(w) for w in model.get_layer("follower").weights}
    assert mine and not mine & {id(w) for w in model.trainable_weights}


def test_checkpoints_hold_the_teacher(tiny, photos, tmp_path):
    models = [small(tiny), small(tiny)]
    for seed in range(3):
        models[0].train_on_batch(*batch(photos, seed))
    checkpoints.save(models[0], tmp_path / "c.npz")
    checkpoints.restore(models[1], tmp_path / "c.npz")
    for model in models:
        model.train_on_batch(*batch(photos, 9))
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(photos, tmp_path, monkeypatch):
    for part, name in ((zoo, "save"), (pictures, "grid"), (pictures, "curves")):
        monkeypatch.setattr(part, name, lambda *arguments, **options: None)

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    options = {"widths": [6, 5], "predictor": 4}
    settings = {"dataset": photos[:24, ::2, ::2].copy(), "verbose": 0, "epochs": 3, "batch_size": 8, "options": options,
                "encoder_options": {"widths": [4, 4, 4], "stem": 8}, "precision": "float32"}  # fmt: skip
    whole, history = training.pretrain("byol", out=tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        training.pretrain("byol", out=tmp_path / "cut", callbacks=[Interrupt()], **settings)
    resumed, again = training.pretrain("byol", out=tmp_path / "cut", resume=True, **settings)
    assert history == again and len(history["embedding_std"]) == 3
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert float(resumed.get_layer("follower").steps) == 9


def test_the_saved_model_goes_on_with_its_teacher(tiny, photos, tmp_path):
    model = small(tiny)
    model.train_on_batch(*batch(photos))
    model.save(tmp_path / "m.keras")
    again = saving.open_keras_file(tmp_path / "m.keras")
    np.testing.assert_allclose(again.embed(photos[:4]), model.embed(photos[:4]), atol=1e-6)
    again.compile(keras.optimizers.SGD(RATE), byol.LOSS)
    before, network = teacher(again), online(again)
    again.train_on_batch(*batch(photos, 1))
    assert len(again.trainable_weights) == len(model.trainable_weights)
    np.testing.assert_allclose(teacher(again)[0], 0.9 * before[0] + 0.1 * network[0], atol=1e-6)


@pytest.mark.skipif(len(tf.config.list_physical_devices("GPU")) == 1, reason="one GPU hides the CPU's logical devices")
def test_two_replicas_learn_what_one_does(photos):
    images = photos[:8, ::2, ::2]
    start, ended = None, []
    for replicas in (1, 2):
        with distribution.strategy("mirrored" if replicas == 2 else "one", replicas).scope():
            keras.utils.set_random_seed(1)
            model = byol.build(plain(), widths=[6, 5], predictor=4, momentum=0.9, norm=False)
            model.compile(keras.optimizers.SGD(RATE), byol.LOSS)
            start = start or model.get_weights()
            model.set_weights(start)
        steps = tf.data.Dataset.from_tensors(embeddings.pretext(tf.constant(images), tf.constant([0, 1]))).repeat(3)
        model.fit(steps, verbose=0)
        ended.append(model.get_weights())
    for a, b in zip(*ended, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert max(np.abs(a - b).max() for a, b in zip(ended[0], start, strict=True)) > 1e-3


def plain():
    """An encoder without batch norm: replicas normalise their own shares."""
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(6, 3, strides=2, activation="tanh")(keras.layers.Rescaling(1 / 64, offset=-2)(images))
    return keras.Model(images, x, name="encoder")


def test_predictions_get_better_and_embeddings_stay_apart(tiny, photos):
    model = byol.build(tiny(), widths=[16, 8], predictor=16)
    model.compile(keras.optimizers.Adam(5e-3), byol.LOSS, metrics=byol.METRICS)
    history = []
    for seed in range(40):
        model.reset_metrics()
        batch = embeddings.pretext(tf.constant(photos[:, ::2, ::2]), tf.constant([1, seed]))
        history.append(model.train_on_batch(*batch, return_dict=True))
    assert history[-1]["loss"] < history[0]["loss"] - 0.1 and history[-1]["embedding_std"] > 0.5
