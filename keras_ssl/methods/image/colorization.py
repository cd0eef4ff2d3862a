"""Colorization: predict an image's colour (ab of CIE Lab) from its lightness.

Zhang, Isola, Efros, ECCV 2016, arXiv:1603.08511: classification over quantised ab, rare colours weighted up, colour
read off as the annealed mean. `loss="l2"` is plain regression of ab, whose colours are paler and nearer on average.
"""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from ... import colour, views
from ...architectures import maps_of, with_skips
from ...layers import BatchNormalization, ResizeLike
from ...models import ImageModel

LOSS = {
    "classification": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "l2": keras.losses.MeanSquaredError(),
}
METRICS = []
STEP = 16  # between the centres of quantised ab
SIDE = 64  # the shorter side, at most, at which colour is predicted; it is put back on the full-size lightness
STRIDE = 4  # of the predicted colour map against the image
AB_SCALE = 50.0  # the l2 variant predicts ab / AB_SCALE
TEMPERATURE = 0.38  # of the annealed mean, as in the paper
UNIFORM = 0.5  # share of the uniform distribution in the colours' frequencies, as in the paper


@functools.cache
def palette():
    """Centres of the quantised ab that sRGB can show: (Q, 2) float32."""
    cube = np.stack(np.meshgrid(*[np.linspace(0, 255, 33)] * 3), axis=-1).reshape(-1, 3)
    with tf.init_scope():  # the first call may come while a graph is traced
        ab = ops.convert_to_numpy(colour.rgb_to_lab(cube.astype("float32")))[:, 1:]
    return (np.unique(np.rint(ab / STEP).astype(int), axis=0) * STEP).astype("float32")


def nearest_colour(ab):
    """ab (..., 2) -> index in the palette of the nearest entry, (...), int32."""
    flat = tf.reshape(ab, [-1, 2])
    centres = tf.constant(palette())
    # Squared distance less the part that is the same for every centre.
    distance = tf.reduce_sum(centres**2, axis=1) - 2 * tf.matmul(flat, centres, transpose_b=True)
    return tf.reshape(tf.argmin(distance, axis=1, output_type=tf.int32), tf.shape(ab)[:-1])


def rarity(bins):
    """Weights of mean 1 that lift rare colours: the inverse of their smoothed frequency in this batch, as bins."""
    counts = tf.math.bincount(tf.reshape(bins, [-1]), minlength=len(palette()), dtype=tf.float32)
    away = np.sum((palette()[:, None] - palette()[None]) ** 2, axis=-1)
    blur = np.exp(-away / (2 * STEP**2)).astype("float32")
    blurred = tf.linalg.matvec(tf.constant(blur / blur.sum(axis=0)), counts)
    frequency = blurred / tf.reduce_sum(blurred)
    weights = tf.gather(1 / ((1 - UNIFORM) * frequency + UNIFORM / len(palette())), bins)
    return weights / tf.reduce_mean(weights)


def pretext(images, seed, loss="classification"):
    """The colour of an image on a grid a quarter its size, from the grey image of the same lightness.

    images (N, H, W, 3) -> grey (N, H, W, 3), palette indices (N, H/4, W/4), weights (N, H/4, W/4);
    loss "l2": grey, ab / 50 (N, H/4, W/4, 2)
    """
    images = tf.cast(views.flip(images, seed), tf.float32)
    ab = tf.nn.avg_pool2d(colour.rgb_to_lab(images)[..., 1:], STRIDE, STRIDE, "SAME")
    if loss == "l2":
        return grey(images), ab / AB_SCALE
    bins = nearest_colour(ab)
    return grey(images), bins, rarity(bins)


def grey(images):
    """RGB in 0..255 -> the grey picture of the same lightness, in three channels: no encoder gets to see colour."""
    light = colour.lightness(images)
    return colour.lab_to_rgb(tf.concat([light, tf.zeros_like(light), tf.zeros_like(light)], axis=-1))


def build(encoder, loss="classification", width=56):
    """Image -> palette logits (N, H/4, W/4, Q), or ab / 50 (N, H/4, W/4, 2) for "l2".

    The encoder's last map meets the one a quarter the size of the image, where it has one named "block2".
    """
    skips = maps_of(encoder, ["block2"])
    *finer, features = keras.tree.flatten(with_skips(encoder, skips)(encoder.input))
    x = _convolution(features, width, "context")
    x = _convolution(x, width, "context2", dilation_rate=2)
    if finer:
        x = layers.Concatenate(name="meet")([ResizeLike(name="up")([x, finer[0]]), finer[0]])
    else:
        x = ResizeLike(name="up")([x, layers.MaxPooling2D(STRIDE, padding="same", name="grid")(encoder.input)])
    x = _convolution(x, width, "mix")
    channels = len(palette()) if loss == "classification" else 2
    x = layers.Conv2D(channels, 1, dtype="float32", name="ab")(x)
    return Colorizer(encoder.input, x, name="colorizer")


def _convolution(x, width, name, **kwargs):
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_conv", **kwargs)(x)
    return layers.ReLU(name=name)(BatchNormalization(momentum=0.95, name=f"{name}_norm")(x))


def annealed_mean(logits):
    """Palette logits (..., Q) -> ab (..., 2): the mean after sharpening by 1 / TEMPERATURE, between mean and mode."""
    return ops.matmul(ops.softmax(logits / TEMPERATURE, axis=-1), palette())


@keras.saving.register_keras_serializable("keras_ssl")
class Colorizer(ImageModel):
    """Colours pictures of any size: `predict` (and its other name, `colorize`) gives RGB in 0..255, lightness kept.

    Colour is predicted at a shorter side of 64, or at the picture's own where that is less.

    Called as a layer it gives what it was trained on: palette logits or ab / 50 on a grid a quarter the size.
    """

    def respond(self, images):
        shape = tf.shape(images)[1:3]
        # Not enlarged: blur is nothing that training has shown, and colours on it come out far too strong.
        scale = SIDE / tf.maximum(SIDE, tf.reduce_min(shape))
        small = tf.maximum(1, tf.cast(tf.round(tf.cast(shape, tf.float64) * scale), tf.int32))
        output = self(grey(tf.image.resize(images, small, antialias=True)), training=False)
        ab = output * AB_SCALE if output.shape[-1] == 2 else annealed_mean(output)
        ab = tf.image.resize(ab, shape, method="bicubic")
        return colour.lab_to_rgb(tf.concat([colour.lightness(images), ab], axis=-1))

    def colorize(self, images, batch_size=32):
        """Grey or colour pictures of any size, one or a batch, 0..255 -> RGB of the same size, float32 in 0..255."""
        return self.predict(images, batch_size=batch_size)

    def endpoints(self):
        endpoints = super().endpoints()
        return {**endpoints, "colorize": endpoints["serve"]}


def measure(model, dataset):
    """Squared error of ab and mean chroma on test images, beside grey and a table of mean ab by lightness and row."""
    table = _Table(dataset)
    error, grey, by_table, chroma, true_chroma, n = np.zeros(6)
    for images in dataset.stream("test", labels=False).batch(100).as_numpy_iterator():
        truth = ops.convert_to_numpy(colour.rgb_to_lab(images))
        guess = ops.convert_to_numpy(colour.rgb_to_lab(model.predict(images, batch_size=100)))[..., 1:]
        error += np.sum((guess - truth[..., 1:]) ** 2)
        grey += np.sum(truth[..., 1:] ** 2)
        by_table += np.sum((table(truth[..., 0]) - truth[..., 1:]) ** 2)
        chroma += np.sum(np.hypot(guess[..., 0], guess[..., 1]))
        true_chroma += np.sum(np.hypot(truth[..., 1], truth[..., 2]))
        n += truth[..., 0].size
    return {
        "ab_mse": {"value": error / (2 * n), "grey": grey / (2 * n), "table": by_table / (2 * n)},
        "ab_mse_over_grey": {"value": error / grey, "table": by_table / grey},
        "chroma": {"value": chroma / n, "truth": true_chroma / n},
        "chroma_over_truth": {"value": chroma / true_chroma},
    }


class _Table:
    """Mean ab of the training images by lightness (25 steps) and row: what can be known without looking at shapes."""

    def __init__(self, dataset, steps=25):
        height = dataset.shape[0]
        total, count = np.zeros((steps, height, 2)), np.zeros((steps, height))
        for images in dataset.stream("train", labels=False).batch(200).as_numpy_iterator():
            lab = ops.convert_to_numpy(colour.rgb_to_lab(images))
            rows = np.broadcast_to(np.arange(height)[:, None], lab.shape[:-1])
            cell = (self._step(lab[..., 0], steps), rows)
            np.add.at(count, cell, 1)
            np.add.at(total, cell, lab[..., 1:])
        self.mean = total / np.maximum(count, 1)[..., None]

    @staticmethod
    def _step(lightness, steps):
        return np.clip(lightness / 100 * steps, 0, steps - 1).astype(int)

    def __call__(self, lightness):
        rows = np.broadcast_to(np.arange(lightness.shape[1])[:, None], lightness.shape)
        return self.mean[self._step(lightness, len(self.mean)), rows]


def show(model, images):
    """The lightness that the model gets, its colouring, and the true colours."""
    grey = ops.convert_to_numpy(ops.repeat(colour.lightness(images) * 2.55, 3, axis=-1))
    return [("lightness", grey, None), ("coloured", model.predict(images), None), ("true", images, None)]
