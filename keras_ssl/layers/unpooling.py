"""Layers that make maps twice as high and wide again, and a max-pooling that remembers where its maxima stood.

Each 2x2 window of the larger map stands over one place of the smaller one. Nearest unpooling, which repeats the value,
and transposed convolution are Keras's own layers, UpSampling2D and Conv2DTranspose.
"""

import keras
from keras import ops


def _halved(side):
    return None if side is None else -(-side // 2)


def _doubled(shape):
    n, height, width, channels = shape
    return (n, height and 2 * height, width and 2 * width, channels)


def _windows(maps, fill):
    """Maps (N, H, W, C) as windows (N, h, w, C, 4), rows before columns; an odd last row or column meets `fill`."""
    height, width = ops.shape(maps)[1:3]
    maps = ops.pad(maps, [[0, 0], [0, height % 2], [0, width % 2], [0, 0]], constant_values=fill)
    h, w, channels = (height + 1) // 2, (width + 1) // 2, maps.shape[-1]
    parted = ops.transpose(ops.reshape(maps, (-1, h, 2, w, 2, channels)), (0, 1, 3, 5, 2, 4))
    return ops.reshape(parted, (-1, h, w, channels, 4))


def _joined(windows):
    """The reverse of `_windows`: (N, h, w, C, 4) -> (N, 2h, 2w, C)."""
    h, w = ops.shape(windows)[1:3]
    channels = windows.shape[3]
    parted = ops.transpose(ops.reshape(windows, (-1, h, w, channels, 2, 2)), (0, 1, 4, 2, 5, 3))
    return ops.reshape(parted, (-1, 2 * h, 2 * w, channels))


@keras.saving.register_keras_serializable("keras_ssl")
class MaxPoolingWithPositions(keras.layers.Layer):
    """Max-pooling of 2x2 windows that also says where in its window each maximum stood, for `MaxUnpooling`.

    Shape: (N, H, W, C) -> pooled (N, h, w, C), positions (N, h, w, C): h = H / 2 and w = W / 2, rounded up. Positions
    are int32: 0 upper left, 1 upper right, 2 lower left, 3 lower right; of equal values the first.
    """

    def call(self, maps):
        pooled = ops.max_pool(maps, 2, 2, padding="same")
        lowest = -3e38 if maps.dtype in ("float32", "bfloat16") else -6e4  # half precision ends there
        positions = ops.argmax(_windows(ops.stop_gradient(maps), lowest), axis=-1)
        return pooled, ops.cast(positions, "int32")

    def compute_output_spec(self, maps):
        n, height, width, channels = maps.shape
        shape = (n, _halved(height), _halved(width), channels)
        return keras.KerasTensor(shape, maps.dtype), keras.KerasTensor(shape, "int32")


@keras.saving.register_keras_serializable("keras_ssl")
class MaxUnpooling(keras.layers.Layer):
    """Puts each value back to where its window's maximum stood; the other three places are 0.

    Zeiler, Fergus, ECCV 2014, arXiv:1311.2901; as a decoder's only memory of the larger map in Badrinarayanan, Kendall,
    Cipolla, PAMI 2017, arXiv:1511.00561, and Noh, Hong, Han, ICCV 2015, arXiv:1505.04366.

    Shape: [maps (N, h, w, C), positions (N, h, w, C)] -> (N, 2h, 2w, C). positions: as `MaxPoolingWithPositions` gives
    them.
    """

    def call(self, inputs):
        maps, positions = inputs
        return _joined(maps[..., None] * ops.one_hot(positions, 4, dtype=maps.dtype))

    def compute_output_shape(self, input_shape):
        return _doubled(input_shape[0])


@keras.saving.register_keras_serializable("keras_ssl")
class BedOfNails(keras.layers.Layer):
    """Puts each value at the upper left of its window; the other three places are 0.

    Shape: (N, h, w, C) -> (N, 2h, 2w, C).
    """

    def call(self, maps):
        return _joined(maps[..., None] * ops.convert_to_tensor([1, 0, 0, 0], maps.dtype))

    def compute_output_shape(self, input_shape):
        return _doubled(input_shape)


@keras.saving.register_keras_serializable("keras_ssl")
class CropLike(keras.layers.Layer):
    """The first input cut at the lower and right border to the second's height and width, 0 where it is smaller.

    What was doubled is a row or column too large where an odd size had been halved.

    Shape: [(N, h, w, C), (N, H, W, D)] -> (N, H, W, C); clips (N, T, h, w, C) likewise.
    """

    def call(self, inputs):
        maps, like = inputs
        (h, w), (height, width) = ops.shape(maps)[-3:-1], ops.shape(like)[-3:-1]
        if all(isinstance(side, int) for side in (h, w, height, width)) and (h, w) == (height, width):
            return maps
        maps = maps[..., :height, :width, :]
        more = [ops.maximum(height - h, 0), ops.maximum(width - w, 0)]
        return ops.pad(maps, [[0, 0]] * (len(maps.shape) - 3) + [[0, more[0]], [0, more[1]], [0, 0]])

    def compute_output_shape(self, input_shape):
        maps, like = input_shape
        return (*maps[:-3], *like[-3:-1], maps[-1])
