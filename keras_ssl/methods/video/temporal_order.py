"""Temporal order: tell three frames that stand in the order of time from three whose middle one was displaced.

Misra, Zitnick, Hebert, ECCV 2016, arXiv:1603.08561 ("shuffle and learn"). Running backwards is in order, too.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import views
from ...architectures import pooled
from ...errors import InputError
from ...models import ClipModel

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
METRICS = ["accuracy"]  # chance: 0.5
SEEN = 3
BATCH = 50  # clips measured at once


def seen(frames):
    """How many frames the network sees."""
    return SEEN


def pretext(clips, seed, gap=None):
    """Of each clip three frames in order, and three whose middle one comes from before or after the other two.

    Of five frames a, b, c, d, e at equal distances, in order are b, c, d; displaced b, a, d or b, e, d. Both run
    forwards or backwards at random. clips (N, T, H, W, C) -> frames (2N, 3, H, W, C), in_order (2N,) of 1 and 0.
    gap: the distance; by default the largest that the clips have room for.

    Raises InputError for clips without room.
    """
    frames = clips.shape[1]
    gap = (frames - 1) // 4 if gap is None else gap
    if gap < 1 or 4 * gap >= frames:
        raise InputError(f"five frames at a distance of {gap} don't fit into clips of {frames}: give gap or window")
    count = tf.shape(clips)[0]
    start = tf.random.stateless_uniform([count], views.fold(seed, "start"), 0, frames - 4 * gap, tf.int32)
    outside = 4 * tf.random.stateless_uniform([count], views.fold(seed, "outside"), 0, 2, tf.int32)
    backwards = tf.random.stateless_uniform([count, 2], views.fold(seed, "backwards")) < 0.5
    places = [tf.stack([tf.ones_like(outside), middle, 3 * tf.ones_like(outside)], axis=1)
              for middle in (2 * tf.ones_like(outside), outside)]  # fmt: skip
    places = tf.stack(places, axis=1)  # (N, 2, 3): clip by clip, so that a replica's share holds both
    places = tf.where(backwards[..., None], places[..., ::-1], places)
    places = start[:, None, None] + gap * places
    chosen = tf.gather(clips, tf.reshape(places, [count, 2 * SEEN]), axis=1, batch_dims=1)
    chosen = tf.reshape(chosen, [-1, SEEN, *clips.shape[2:]])
    return chosen, tf.tile([1, 0], [count])


def build(encoder):
    """Three frames (N, 3, H, W, C) -> logits (N, 2) that the middle one is displaced, and that they are in order."""
    x = encoder(encoder.input)
    x = keras.tree.flatten(x)[-1]
    return ClipModel(encoder.input, layers.Dense(2, dtype="float32", name="order")(pooled(x)), name="temporal_order")


def measure(model, dataset):
    """Accuracy on six frames of each test clip, three in order and three not."""
    right = []
    for i, clips in enumerate(dataset.stream("test", labels=False).batch(BATCH)):
        frames, order = pretext(clips, tf.constant([i, 0]))
        right.append(model.predict(frames.numpy()).argmax(-1) == order.numpy())
    return {"order_accuracy": {"value": np.mean(np.concatenate(right)), "chance": 0.5}}


def show(model, clips):
    """Three frames of each clip in order, and three that aren't, each under the probability that they are."""
    frames, order = pretext(tf.constant(np.asarray(clips)), tf.constant([0, 0]))
    chances = tf.nn.softmax(model.predict(frames.numpy()))[:, 1].numpy()
    said = {1: "in order", 0: "displaced"}
    return [
        (said[int(each)], three.numpy(), ["", f"{chance:.2f}", ""])
        for three, each, chance in zip(frames, order, chances, strict=True)
    ]
