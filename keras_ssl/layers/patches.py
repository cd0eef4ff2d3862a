"""Pictures cut into patches, patches as tokens, and tokens put back in their places.

A patch is hidden from an encoder by setting all its pixels to `HIDDEN`: an encoder of tokens leaves it out.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

HIDDEN = -1.0  # pixels are in 0..255
GREY = 127.5


def to_patches(images, side):
    """Images (N, H, W, C) -> their patches (N, ceil(H / side), ceil(W / side), side * side * C), each row by row.

    Where `side` doesn't divide height or width, the last row or column of pixels is repeated.
    """
    for axis in (1, 2):
        size = images.shape[axis] or tf.shape(images)[axis]
        if images.shape[axis] is None or size % side:
            images = tf.gather(images, tf.minimum(tf.range(-(-size // side) * side), size - 1), axis=axis)
    return tf.nn.space_to_depth(images, side)


def from_patches(patches, side, height, width):
    """The way back: patches (N, h, w, side * side * C) -> images (N, height, width, C)."""
    return tf.nn.depth_to_space(patches, side)[:, :height, :width]


def hidden_in(patches):
    """Which patches (N, h, w, D) are hidden: bool (N, h, w)."""
    return tf.reduce_max(patches, axis=-1) < HIDDEN / 2


def pixels_of(hidden, side, images):
    """The pixels of hidden patches (N, h, w): bool (N, H, W, 1), for images (N, H, W, C)."""
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    return tf.repeat(tf.repeat(hidden, side, axis=1), side, axis=2)[:, :height, :width, None]


def hide(images, hidden, side):
    """Float images (N, H, W, C) whose patches are hidden where `hidden` (N, h, w) says so."""
    return tf.where(pixels_of(hidden, side, images), tf.cast(HIDDEN, images.dtype), images)


class _OfOneSide(keras.layers.Layer):
    def __init__(self, side=4, **kwargs):
        super().__init__(**kwargs)
        self.side = side

    def get_config(self):
        return {**super().get_config(), "side": self.side}

    def _grid(self, shape):
        return tuple(None if size is None else -(-size // self.side) for size in shape[1:3])


@keras.saving.register_keras_serializable("keras_ssl")
class Patches(_OfOneSide):
    """`to_patches` as a layer: images (N, H, W, C) -> (N, ceil(H / side), ceil(W / side), side * side * C)."""

    def call(self, images):
        return to_patches(images, self.side)

    def compute_output_shape(self, input_shape):
        channels = self.side * self.side * input_shape[3]
        return (input_shape[0], *self._grid(input_shape), channels)


@keras.saving.register_keras_serializable("keras_ssl")
class HiddenPatches(_OfOneSide):
    """1 where a patch of images (N, H, W, C) is hidden, else 0: (N, ceil(H / side), ceil(W / side), 1).

    share: of the patches that are hidden in training; it stands here so that it is saved with the model.
    """

    def __init__(self, side=4, share=0.75, **kwargs):
        super().__init__(side, **kwargs)
        self.share = share

    def call(self, images):
        return tf.cast(hidden_in(to_patches(images, self.side)), self.compute_dtype)[..., None]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self._grid(input_shape), 1)

    def get_config(self):
        return {**super().get_config(), "share": self.share}


@keras.saving.register_keras_serializable("keras_ssl")
class GreyForHidden(keras.layers.Layer):
    """Hidden pixels in mid-grey, for encoders that need a whole picture: (N, H, W, C) -> (N, H, W, C)."""

    def call(self, images):
        return tf.where(images < HIDDEN / 2, tf.cast(GREY, images.dtype), images)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_ssl")
class Positions(keras.layers.Layer):
    """Adds to each place of a map the sines and cosines of its row and column.

    Vaswani et al., NeurIPS 2017, arXiv:1706.03762, in two dimensions as in He et al., arXiv:2111.06377; the wavelengths
    go from 2 pi to 200 pi places only, for maps are small. A map of any size is stretched to grid x grid places: a
    larger picture's patches get positions between those of a smaller one's.

    Shape: (N, h, w, C) -> (N, h, w, C), C a multiple of 4.
    """

    def __init__(self, grid=8, **kwargs):
        super().__init__(**kwargs)
        self.grid = grid

    def call(self, maps):
        shape, quarter = tf.shape(maps), maps.shape[-1] // 4
        frequencies = tf.constant(0.01 ** (np.arange(quarter) / quarter), tf.float32)
        rows, columns = (self._waves(shape[axis], frequencies) for axis in (1, 2))
        rows = tf.repeat(rows[:, None], shape[2], axis=1)
        columns = tf.repeat(columns[None], shape[1], axis=0)
        return maps + tf.cast(tf.concat([rows, columns], axis=-1), maps.dtype)[None]

    def _waves(self, size, frequencies):
        places = (tf.range(size, dtype=tf.float32) + 0.5) * (self.grid / tf.cast(size, tf.float32)) - 0.5
        angles = places[:, None] * frequencies
        return tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)  # (size, C / 2)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}


@keras.saving.register_keras_serializable("keras_ssl")
class VisibleTokens(keras.layers.Layer):
    """The places of a map whose patches aren't hidden, as tokens.

    Called with [map (N, h, w, C), patches (N, h, w, D)], it gives tokens (N, k, C) and their places (N, k), numbered
    row by row, int32. k is the number of visible patches, in whole pictures h * w; where the pictures of a batch differ
    in it the greatest, and the others get tokens of hidden patches too.
    """

    def call(self, inputs):
        maps, patches = inputs
        shape = tf.shape(maps)
        hidden = tf.reshape(hidden_in(patches), [shape[0], shape[1] * shape[2]])
        visible = tf.reduce_max(tf.reduce_sum(tf.cast(~hidden, tf.int32), axis=1))
        places = tf.argsort(tf.cast(hidden, tf.int32), axis=1, stable=True)[:, : tf.maximum(visible, 1)]
        tokens = tf.reshape(maps, [shape[0], shape[1] * shape[2], maps.shape[-1]])
        return tf.gather(tokens, places, batch_dims=1), places

    def compute_output_spec(self, inputs):
        maps, _ = inputs
        tokens = keras.KerasTensor((maps.shape[0], None, maps.shape[-1]), self.compute_dtype)
        return tokens, keras.KerasTensor((maps.shape[0], None), "int32")


@keras.saving.register_keras_serializable("keras_ssl")
class TokensToMap(keras.layers.Layer):
    """Tokens back in their places: [tokens (N, k, C), places (N, k), a map (N, h, w, D)] -> (N, h, w, C), else 0."""

    def call(self, inputs):
        tokens, places, like = inputs
        n, rows, columns = tf.unstack(tf.shape(like)[:3])
        images = tf.repeat(tf.range(n)[:, None], tf.shape(places)[1], axis=1)
        maps = tf.scatter_nd(tf.stack([images, places], -1), tokens, [n, rows * columns, tokens.shape[-1]])
        return tf.reshape(maps, [n, rows, columns, tokens.shape[-1]])

    def compute_output_shape(self, input_shape):
        tokens, _, like = input_shape
        return (*like[:3], tokens[-1])


@keras.saving.register_keras_serializable("keras_ssl")
class MaskToken(keras.layers.Layer):
    """A learned vector where a map has nothing: [map (N, h, w, C), 1 where hidden (N, h, w, 1)] -> (N, h, w, C)."""

    def build(self, input_shape):
        start = keras.initializers.RandomNormal(stddev=0.02)
        self.token = self.add_weight(name="token", shape=(input_shape[0][-1],), initializer=start)

    def call(self, inputs):
        maps, hidden = inputs
        return maps * (1 - hidden) + ops.cast(self.token, maps.dtype) * hidden

    def compute_output_shape(self, input_shape):
        return input_shape[0]
