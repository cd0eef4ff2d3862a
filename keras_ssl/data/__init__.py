"""Data sets of images, texts, clips or sounds, all opened by `open`: bundled samples, TFDS names, files, arrays, ..."""

from keras_ssl.data.bundled import samples
from keras_ssl.data.dataset import MANY, DataSet
from keras_ssl.data.fitting import MIXED_SIZE
from keras_ssl.data.label_choice import choose_labels
from keras_ssl.data.opening import open

__all__ = ["MANY", "MIXED_SIZE", "DataSet", "choose_labels", "open", "samples"]
