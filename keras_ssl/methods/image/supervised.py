"""Supervised classification: the reference with labels that the self-supervised methods are measured against."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import views
from ...architectures import pooled
from ...models import ImageModel

LOSS = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
LABELLED = True  # pretext gets (images, labels)


def accuracy(classes, logits):
    """Share of images (N,) whose class is told, of one-hot classes (N, K) and logits (N, K)."""
    return keras.metrics.categorical_accuracy(classes, logits)


METRICS = [accuracy]


def pretext(batch, seed, classes=10):
    """Mirrored, shifted and partly covered images (N, H, W, C), one-hot labels (N, classes)."""
    images, labels = batch
    images = views.shift(views.flip(images, seed), seed, pixels=images.shape[1] // 16)
    return views.cutout(images, seed, side=images.shape[1] // 4), tf.one_hot(labels, classes)


def build(encoder, classes=10):
    """Image -> logits of the classes, shape (N, classes)."""
    x = pooled(encoder(encoder.input))
    return ImageModel(encoder.input, layers.Dense(classes, dtype="float32", name="classes")(x), name="supervised")


def measure(model, dataset):
    """Accuracy on the test images."""
    images, labels = dataset.arrays("test")
    guesses = model.predict(images, batch_size=500).argmax(-1)
    return {"accuracy": {"value": np.mean(guesses == labels), "chance": 1 / model.output_shape[-1]}}


def show(model, images):
    """Images under the class that the model sees, as its number."""
    return [("images", images, [str(k) for k in model.predict(images).argmax(-1)])]
