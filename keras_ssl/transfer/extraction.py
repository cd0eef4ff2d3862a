"""Features of images: a block's output, average-pooled to a few cells and flattened."""

import keras
import numpy as np
import tensorflow as tf

from ..errors import InputError
from .encoders import check_fits, cut


@keras.saving.register_keras_serializable("keras_ssl")
class AdaptiveAveragePooling(keras.layers.Layer):
    """Average pooling to at most `grid` x `grid` cells, whatever the size of the map.

    Along an axis of length H there are n = min(grid, H) cells; cell i averages the places floor(i H / n) up to, but not
    with, ceil((i + 1) H / n), as PyTorch's AdaptiveAvgPool2d does: cells overlap where n doesn't divide H.

    Shape: (N, H, W, C) -> (N, min(grid, H), min(grid, W), C).
    """

    def __init__(self, grid=3, **kwargs):
        super().__init__(**kwargs)
        self.grid = grid

    def call(self, maps):
        sizes = [static or dynamic for static, dynamic in zip(maps.shape[1:3], tf.unstack(tf.shape(maps)[1:3]), strict=True)]
        rows, columns = (self._cells(size, maps.dtype) for size in sizes)
        return tf.einsum("nhwc,ih,jw->nijc", maps, rows, columns)

    def _cells(self, size, dtype):
        """(n, size): row i holds 1 / (the number of places in cell i) at these places, else 0."""
        n = tf.minimum(self.grid, size)
        i, place = tf.range(n)[:, None], tf.range(size)[None]
        inside = tf.cast((place >= i * size // n) & (place < -(-(i + 1) * size // n)), dtype)
        return inside / tf.reduce_sum(inside, axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *(side and min(side, self.grid) for side in input_shape[1:3]), input_shape[3])

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}


def features(encoder, images, block=None, grid=3, batch_size=256):
    """Features of images, one row an image: float32 (N, D).

    encoder: a `keras.Model` of images in 0..255, as `open_encoder` gives it.
    images: an array (N, H, W, C), or a tf.data.Dataset of single images, which is read batch by batch; labels beside
        the images are passed over.
    block: a name from `blocks(encoder)`, or of any layer; None for the encoder's output.
    grid: maps are average-pooled to at most grid x grid and flattened. Vectors stay; sequences are averaged.

    Raises InputError for an unknown block, and images that the encoder can't take.
    """
    stream = images if hasattr(images, "element_spec") else tf.data.Dataset.from_tensor_slices(np.asarray(images))
    stream = stream.map(_image)
    shape = tuple(stream.element_spec.shape)
    if len(shape) != 3:
        raise InputError(f"features takes single images (H, W, C) from a stream, got elements of shape {shape}")
    check_fits(encoder, shape)
    network, pool = cut(encoder, block), AdaptiveAveragePooling(grid)

    @tf.function(reduce_retracing=True)
    def extract(batch):
        found = tf.cast(network(batch, training=False), tf.float32)
        found = pool(found) if len(found.shape) == 4 else found
        found = tf.reduce_mean(found, axis=1) if len(found.shape) == 3 else found
        return tf.reshape(found, [tf.shape(found)[0], -1])

    rows = [extract(batch).numpy() for batch in stream.batch(batch_size).prefetch(2)]
    if not rows:
        raise InputError("there are no images to take features of")
    return np.concatenate(rows)


def _image(image, *labels):
    return image
