"""Models that give every pixel of a picture a class: an encoder, a fully convolutional decoder, and a verb."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from .architectures.fcn import fcn_decoder
from .models import ImageModel, by_parts


@keras.saving.register_keras_serializable("keras_ssl")
class PixelClasses(keras.layers.Layer):
    """What the logits of a segmentation stand for; hands them on in float32.

    classes: the names of the K classes. colours: (red, green, blue) of each in 0..255, [] for those of `palette`.
    side: the shorter side of the pictures that the network was trained on; None for any.

    Shape: (N, H, W, K) -> (N, H, W, K).
    """

    def __init__(self, classes=(), colours=(), side=None, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.classes, self.colours, self.side = list(classes), [list(colour) for colour in colours], side

    def call(self, logits):
        return logits

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "classes": self.classes, "colours": self.colours, "side": self.side}


def segmenter(encoder, classes, colours=(), side=None, up="nearest", skips=True, width=32):
    """An untrained `Segmenter` on an encoder (N, H, W, C) -> map. classes: names; the rest as `fcn_decoder` and
    `PixelClasses` take it.

    Raises InputError as `fcn_decoder` does.
    """
    encoder, decoder = fcn_decoder(encoder, up=up, skips=skips, width=width)
    x = decoder([encoder.input, *keras.tree.flatten(encoder(encoder.input))])
    x = layers.Conv2D(len(classes), 1, dtype="float32", name="head")(x)
    return Segmenter(encoder.input, PixelClasses(classes, colours, side, name="answer")(x), name="segmenter")


@keras.saving.register_keras_serializable("keras_ssl")
class Segmenter(ImageModel):
    """Gives each pixel of pictures of any size a class: `predict` probabilities (N, H, W, K), `segment` the class.

    Pictures are brought to the size that the network was trained at, and probabilities back to the picture's own.
    Called as a layer it gives logits of the picture as it is.
    """

    @property
    def classes(self):
        """The names of the K classes, in the order of `predict`'s last axis."""
        return self.get_layer("answer").classes

    @property
    def colours(self):
        """uint8 (K, 3): the colours that classes are drawn in."""
        return np.array(self.get_layer("answer").colours or palette(len(self.classes)), np.uint8)

    def respond(self, images):
        side, shape = self.get_layer("answer").side, tf.shape(images)[1:3]
        if side is None or None not in self._image_shape() or min(images.shape[1:3], key=lambda n: n or 0) == side:
            return tf.nn.softmax(self(images, training=False))
        sides = tf.cast(shape, tf.float64)
        small = tf.maximum(1, tf.cast(tf.round(sides * side / tf.reduce_min(sides)), tf.int32))
        # An image of that size comes out of this as it went in.
        answer = self(tf.image.resize(images, small, antialias=True), training=False)
        return tf.image.resize(tf.nn.softmax(answer), shape)

    def pixels(self, images):
        """The class of each pixel of a float batch (N, H, W, C): int32 (N, H, W)."""
        return tf.argmax(self.respond(images), axis=-1, output_type=tf.int32)

    def segment(self, images, batch_size=16):
        """The number of the class of each pixel of pictures as they come, one or a batch: int32 (H, W) or (N, H, W)."""
        images, single = self.natural(images)
        found = by_parts(lambda batch: self.pixels(batch).numpy(), images, batch_size)
        return found[0] if single else found

    def endpoints(self):
        images = tf.TensorSpec((None, *self._image_shape()), tf.float32, "images")
        return {**super().endpoints(), "segment": (self.pixels, [images])}


def palette(count):
    """[[red, green, blue], ...] of `count` classes, far apart: those of PASCAL VOC without its black."""
    bits = np.arange(1, count + 1)
    colours = np.zeros((count, 3), int)
    for shift in range(7, -1, -1):
        for channel in range(3):
            colours[:, channel] |= ((bits >> channel) & 1) << shift
        bits >>= 3
    return colours.tolist()


def overlaid(images, masks, colours, strength=0.6):
    """Images (N, H, W, C) in 0..255 tinted by the colour of each pixel's class; as they are where that is `VOID`."""
    images = np.broadcast_to(np.asarray(images, "float32"), (*np.shape(images)[:3], 3))
    masks = np.asarray(masks)
    known = (masks < len(colours))[..., None]
    tint = np.asarray(colours, "float32")[np.minimum(masks, len(colours) - 1)]
    return np.where(known, (1 - strength) * images + strength * tint, images)
