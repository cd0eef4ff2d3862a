"""The pictures that `keras-ssl show` puts before a model."""

import numpy as np
from sklearn.datasets import load_sample_images

from . import data
from .data import image_files
from .errors import InputError
from .evaluation import SAMPLES

COUNT = 8
WITHOUT_SAMPLE = {"tiny_imagenet"}  # their pictures are larger than any bundled sample's


def pictures_for(model, recipe, paths=(), size=None, sample=True):
    """Pictures that a model takes: uint8 (N, H, W, C).

    paths: files to read; where their sizes differ, resized and cropped to the first one's. None given: the first test
        images of the data set that the recipe names, or, with sample, what is at hand like it: its bundled sample, or
        squares of scikit-learn's two photos.
    size: the height and width to bring them to, where the model takes any.

    Raises InputError for a file that isn't a readable picture.
    """
    height, width, channels = model._image_shape()
    size = size or recipe.get("size")
    wanted = (height, width) if height and width else (size, size) if size else None
    if not paths:
        source = recipe["dataset"]
        if sample:
            source = {"train": photo_squares()} if source in WITHOUT_SAMPLE else SAMPLES.get(source, source)
        dataset = data.open(source, size=wanted, mixed_size=data.MIXED_SIZE, channels=channels)
        return dataset.arrays("test" if "test" in dataset.splits else "train", limit=COUNT)[0]
    images = []
    for path in paths:
        try:
            images.append(image_files.read(path, wanted, channels))
        except Exception as error:  # Pillow's decoders raise errors of many kinds
            raise InputError(f"{path} isn't a readable picture ({error})") from error
        wanted = wanted or images[0].shape[:2]
    return np.stack(images)


def photo_squares():
    """Four squares of each of scikit-learn's two photos: uint8 (8, 213, 213, 3)."""
    photos = np.stack(load_sample_images().images)[:, :426, :426]
    return photos.reshape(2, 2, 213, 2, 213, 3).swapaxes(2, 3).reshape(8, 213, 213, 3)
