"""Features of images or texts: a block's output, average-pooled to a few cells and flattened."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from ..architectures import pooled
from ..errors import InputError
from ..layers import BinsToChannels
from ..models import AudioModel, TextModel
from .encoders import check_fits, cut, open_both
from .scores import parts


@keras.saving.register_keras_serializable("keras_ssl")
class AdaptiveAveragePooling(keras.layers.Layer):
    """Average pooling to `grid` x `grid` cells, whatever the size of the map, as PyTorch's AdaptiveAvgPool2d.

    Along an axis of length H, cell i averages the places floor(i H / grid) up to, but not with, ceil((i + 1) H / grid):
    cells overlap where grid doesn't divide H, and repeat places where H is smaller.

    Shape: (N, H, W, C) -> (N, grid, grid, C).
    """

    def __init__(self, grid=3, **kwargs):
        super().__init__(**kwargs)
        self.grid = grid

    def call(self, maps):
        return cells(maps, self.grid, self.grid)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.grid, self.grid, input_shape[3])

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}


class TimeParts(AdaptiveAveragePooling):
    """The same along the first axis alone: (N, T, 1, C) -> (N, grid, 1, C)."""

    def call(self, maps):
        return cells(maps, self.grid, 1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.grid, 1, input_shape[3])


def cells(maps, rows, columns):
    """Means of maps (N, H, W, C) over rows x columns cells: (N, rows, columns, C)."""
    height, width = (
        static or dynamic for static, dynamic in zip(maps.shape[1:3], tf.unstack(tf.shape(maps)[1:3]), strict=True)
    )
    return tf.einsum("nhwc,ih,jw->nijc", maps, _means(height, rows, maps.dtype), _means(width, columns, maps.dtype))


def _means(size, count, dtype):
    """(count, size): row i holds 1 / (the number of places in cell i) at these places, else 0."""
    cell, place = tf.range(count)[:, None], tf.range(size)[None]
    inside = tf.cast((place >= cell * size // count) & (place < -(-(cell + 1) * size // count)), dtype)
    return inside / tf.reduce_sum(inside, axis=1, keepdims=True)


def features(encoder, images, block=None, grid=3, batch_size=256):
    """Features of images or texts, one row each: float32 (N, D).

    encoder: a `keras.Model` of images in 0..255, or of texts, as `open_encoder` gives it.
    images: an array (N, H, W, C), or a tf.data.Dataset of single images, which is read batch by batch; labels beside
        the images are passed over. Or a list or Dataset of texts, the mean of whose words' vectors is taken.
    block: a name from `blocks(encoder)`, or of any layer; None for the encoder's output.
    grid: maps are average-pooled to at most grid x grid cells (see `AdaptiveAveragePooling`; smaller maps stay) and
        flattened. Vectors stay; sequences are averaged.

        Of waveforms a sequence's parts, `grid` of them, are averaged, so that what comes first and last is told apart.

    Raises InputError for an unknown block, and images that the encoder can't take.
    """
    if getattr(encoder.inputs[0], "dtype", "") == "string":
        texts = images
        if hasattr(images, "element_spec"):
            texts = [text[0] if isinstance(text, tuple) else text for text in images.as_numpy_iterator()]
        if len(texts) and not isinstance(texts[0], (str, bytes)):
            raise InputError("the encoder takes texts, these are images")
        network = cut(encoder, block)
        return TextModel(network.input, pooled(network.output)).predict(texts)
    if len(encoder.inputs[0].shape) == 2:
        return _of_waveforms(cut(encoder, block), images, grid)
    stream = images if hasattr(images, "element_spec") else tf.data.Dataset.from_tensor_slices(np.asarray(images))
    stream = stream.map(lambda image, *labels: image)
    shape = tuple(stream.element_spec.shape)
    axes = len(encoder.input_shape) - 1
    if len(shape) != axes:
        wrong = "texts" if stream.element_spec.dtype == tf.string else f"elements of shape {shape}"
        right = {3: "images, in a stream single ones (H, W, C)", 4: "clips, in a stream single ones (T, H, W, C)"}
        raise InputError(f"the encoder takes {right.get(axes, f'elements of {axes} axes')}, got {wrong}")
    check_fits(encoder, shape, {3: "image", 4: "video"}.get(axes, "image"))
    network = cut(encoder, block)

    @tf.function(input_signature=[tf.TensorSpec((None, *shape), stream.element_spec.dtype)])
    def extract(batch):
        found = tf.cast(network(batch, training=False), tf.float32)
        if len(found.shape) == 4:
            found = cells(found, *(min(grid, side or grid) for side in found.shape[1:3]))
        elif len(found.shape) == 3:
            found = tf.reduce_mean(found, axis=1)
        return tf.reshape(found, [tf.shape(found)[0], -1])

    rows = [extract(batch).numpy() for batch in stream.batch(batch_size).prefetch(2)]
    if not rows:
        raise InputError("there are no images to take features of")
    return np.concatenate(rows)


def _of_waveforms(network, waveforms, grid):
    """Features of a list of waveforms, or a Dataset of single ones, each over `grid` parts of its time: (N, grid D)."""
    if hasattr(waveforms, "element_spec"):
        waveforms = [each[0] if isinstance(each, tuple) else each for each in waveforms.as_numpy_iterator()]
    if not len(waveforms) or np.ndim(waveforms[0]) != 1:
        raise InputError("the encoder takes waveforms, a list of arrays (T,)")
    found = network.output
    if len(found.shape) == 4:
        found = BinsToChannels(name="bins")(found)
    if len(found.shape) == 3:
        found = keras.layers.Reshape((-1, 1, found.shape[-1]), name="frames")(found)
        found = keras.layers.Flatten(name="parts")(TimeParts(grid, name="means")(found))
    return AudioModel(network.input, found).predict(waveforms)


@dataclass(frozen=True)
class Frozen:
    """An encoder's features of a labelled set: x (N, D) with labels y for training, folds to choose by (as `parts`
    gives them), and test (M, D) with test_y for the figures."""

    task: str
    x: np.ndarray
    y: np.ndarray
    folds: list
    test: np.ndarray
    test_y: np.ndarray


def frozen(encoder, dataset, labels="all", block=None, seed=0, grid=3):
    """What classifiers on frozen features learn from: `Frozen`. Arguments as for `probe`."""
    encoder, dataset = open_both(encoder, dataset, seed)
    if dataset.task == "segmentation":
        raise InputError(f"{dataset.name} has a class for each pixel, not for each image: fine-tune on it")
    part = parts(dataset, labels, seed)
    x = features(encoder, dataset.stream(part.train, labels=False, keep=part.keep), block, grid)
    test = features(encoder, dataset.stream(part.test, labels=False), block, grid)
    y = dataset.labels(part.train)[part.keep]
    return Frozen(dataset.task, x, y, part.folds, test, dataset.labels(part.test))
