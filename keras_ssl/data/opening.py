"""`open`, which takes whatever a person has for a data set."""

import os
from pathlib import Path

import tensorflow as tf

from keras_ssl.data.array_sets import open_arrays
from keras_ssl.data.fitting import checked_channels, checked_size
from keras_ssl.data.samples import open_sample, samples


def open(source="cifar10_sample", *, labels=None, size=None, channels=None, task=None, data_dir=None):
    """Returns the DataSet of `source`."""
    choices = {"labels": labels, "size": checked_size(size), "channels": checked_channels(channels), "task": task}
    if isinstance(source, str) and source in samples():
        return open_sample(source, **choices)
    if isinstance(source, Path) or (isinstance(source, str) and (os.sep in source or os.path.isdir(source))):
        from keras_ssl.data.folder import open_folder

        return open_folder(source, **choices)
    if isinstance(source, str):
        from keras_ssl.data.tfds_sets import open_tfds

        return open_tfds(source, data_dir=data_dir, **choices)
    splits = source if isinstance(source, dict) else {"train": source}
    return open_arrays(splits, **choices)
