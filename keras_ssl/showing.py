"""The pictures that `keras-ssl show` puts before a model."""

import numpy as np

from . import data
from .data import image_files
from .errors import InputError
from .evaluation import SAMPLES

COUNT = 8


def pictures_for(model, recipe, paths=(), size=None, sample=True):
    """Pictures that a model takes: uint8 (N, H, W, C).

    paths: files to read; where their sizes differ, resized and cropped to the first one's. None given: the first test
        images of the data set that the recipe names, or, with sample, of the bundled sample of it.
    size: the height and width to bring them to, where the model takes any.

    Raises InputError for a file that isn't a readable picture.
    """
    height, width, channels = model._image_shape()
    size = size or recipe.get("size")
    wanted = (height, width) if height and width else (size, size) if size else None
    if not paths:
        name = SAMPLES.get(recipe["dataset"], recipe["dataset"]) if sample else recipe["dataset"]
        dataset = data.open(name, size=wanted, channels=channels)
        if None in dataset.shape:
            raise InputError(f"the images of {dataset.name} differ in size; give one with --size, such as 64")
        return dataset.arrays("test" if "test" in dataset.splits else "train", limit=COUNT)[0]
    images = []
    for path in paths:
        try:
            images.append(image_files.read(path, wanted, channels))
        except Exception as error:  # Pillow's decoders raise errors of many kinds
            raise InputError(f"{path} isn't a readable picture ({error})") from error
        wanted = wanted or images[0].shape[:2]
    return np.stack(images)
