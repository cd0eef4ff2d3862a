"""Data sets of images: bundled samples, TFDS names, folders, arrays and tf.data streams, all opened by `open`."""

from keras_ssl.data.bundled import samples
from keras_ssl.data.dataset import DataSet
from keras_ssl.data.fitting import MIXED_SIZE
from keras_ssl.data.label_choice import choose_labels
from keras_ssl.data.opening import open

__all__ = ["MIXED_SIZE", "DataSet", "choose_labels", "open", "samples"]
