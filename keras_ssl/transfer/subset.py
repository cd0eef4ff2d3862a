"""Some labelled images of a DataSet, as training reads them, and their light augmentation."""

from dataclasses import replace

import numpy as np
import tensorflow as tf

from .. import views
from ..data.array_sets import ArraySplit
from ..data.dataset import Subset
from ..errors import unknown

CACHED = 64 << 20  # bytes of images up to which they are kept in memory
AUGMENTATIONS = {
    "flip": views.flip,
    "shift": lambda images, seed: views.shift(images, seed, pixels=images.shape[1] // 8),
}


def subset(dataset, split, keep):
    """A DataSet whose "train" has the images `keep` (sorted indices) of a split: few in memory, many as a stream."""
    if len(keep) * np.prod(dataset.shape) <= CACHED:
        images, labels = dataset.arrays(split, keep=keep)
        stored = ArraySplit(images, labels, None, None)
    else:
        stored = Subset(dataset, split, keep)
    return replace(dataset, stored={"train": stored})


def augmentation(names):
    """A function of a batch (images, labels) and a seed that gives these with other views of the images.

    names: "flip,shift", one of these, or "" for none. flip: mirrored left to right (not for digits or text); shift: by
        up to an eighth of the height each way, the border reflected.

    Raises InputError for another name.
    """
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    for name in chosen:
        if name not in AUGMENTATIONS:
            raise unknown("augmentation", name, list(AUGMENTATIONS))

    def augment(batch, seed):
        images, labels = batch
        for name in chosen:
            images = AUGMENTATIONS[name](images, seed)
        return tf.cast(images, tf.float32), labels

    return augment
