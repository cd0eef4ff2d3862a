"""Rotation prediction: tell by how many quarter turns an image was turned.

Gidaris, Singh, Komodakis, ICLR 2018, arXiv:1803.07728.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import views
from ...architectures import pooled
from ...models import ImageModel

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
METRICS = ["accuracy"]  # chance: 0.25


def turns(images):
    """All four turns of each image, image by image: (N, H, H, C) -> (4N, H, H, C), by 0 to 3 quarters anticlockwise."""
    rows = tf.transpose(images, [0, 2, 1, 3])
    four = [images, tf.reverse(rows, [1]), tf.reverse(images, [1, 2]), tf.reverse(rows, [2])]
    # Image by image, so that a replica that gets a contiguous share of the batch sees every class.
    return tf.reshape(tf.stack(four, axis=1), [-1, *images.shape[1:]])


def square(images):
    """The middle of images (N, H, W, C), as high as wide: turned on its side, another has another shape."""
    side = min(images.shape[1:3])
    top, left = (images.shape[1] - side) // 2, (images.shape[2] - side) // 2
    return images[:, top : top + side, left : left + side]


def pretext(images, seed):
    """All four turns of each image; the label is the number of quarter turns.

    images (N, H, W, C), their middle square taken -> turned (4N, S, S, C), quarter_turns (4N,) in 0..3
    """
    images = square(images)
    images = views.shift(views.flip(images, seed), seed, pixels=images.shape[1] // 12)
    return turns(images), tf.tile(tf.range(4), [tf.shape(images)[0]])


def build(encoder):
    """Image -> logits of the four turns, shape (N, 4)."""
    x = pooled(encoder(encoder.input))
    return ImageModel(encoder.input, layers.Dense(4, dtype="float32", name="turn")(x), name="rotation")


def measure(model, dataset):
    """Accuracy over all four turns of the test images."""
    images, _ = dataset.arrays("test")
    guesses = model.predict(turns(square(images)).numpy(), batch_size=500).argmax(-1)
    return {"rotation_accuracy": {"value": np.mean(guesses == np.arange(len(guesses)) % 4), "chance": 0.25}}


def show(model, images):
    """Turned images, each under the number of quarter turns that the model sees, then turned back by that many."""
    images = square(images)
    turned = np.stack([np.rot90(image, i % 4) for i, image in enumerate(images)])
    guesses = model.predict(turned).argmax(-1)
    back = np.stack([np.rot90(image, -k) for image, k in zip(turned, guesses, strict=True)])
    captions = [f"{90 * k}°" for k in guesses]
    return [("turned", turned, [f"{90 * (i % 4)}°" for i in range(len(images))]), ("turned back", back, captions)]
