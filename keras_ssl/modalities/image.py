"""Images: opened at one size, and trained on as they are."""

import numpy as np

from .. import data, pictures
from ..data import image_files
from ..errors import InputError
from . import Prepared, of_its_kind

SAMPLES = {
    "cifar10": "cifar10_sample",
    "tiny_imagenet": "cifar10_sample",
    "fashion_mnist": "fashion_mnist_sample",
    "mnist": "mnist_sample",
    "camvid": "garments_sample",
}
PROBED_ON = {"tiny_imagenet": "cifar10", "camvid": "cifar10"}
WITHOUT_SAMPLE = {"tiny_imagenet", "camvid"}  # their pictures are larger than any bundled sample's
ENDPOINTS = ("serve", "serve_uint8")
SEEN = 512  # images that fresh first layers are fitted to
COUNT = 8  # images in a picture


def open(recipe, source=None, labels=None):
    """Images of several sizes are brought to `data.MIXED_SIZE` unless the recipe has another."""
    source = recipe.dataset if source is None else source
    sizes = {"size": recipe.size, "mixed_size": data.MIXED_SIZE}
    return of_its_kind(data.open(source, labels=labels, channels=recipe.channels, **sizes), recipe)


def prepare(dataset, recipe, encoder=None):
    """Networks learn the images' shape, and see some."""
    stream = dataset.stream("train", labels=False, shuffle=recipe.seed)
    sample = next(iter(stream.batch(SEEN))).numpy()
    return Prepared(dataset.shape, dataset, sample, sample[:COUNT])


def known(dataset, encoder=None):
    return dataset.shape


def network_shape(known, method):
    """The shape of images that the network is built for: any size in colour, where the method takes it (no FIXED_SIZE).

    Grey sets are small and of one size, as their fully connected networks need.
    """
    return (None, None, 3) if known[-1] == 3 and not getattr(method, "FIXED_SIZE", False) else tuple(known)


def opening(encoder, size=None, trained_size=None):
    """The channels that the encoder takes, and where it is fixed, the size; else the one that it was trained on."""
    height, width, channels = encoder.input_shape[1:]
    fixed = (height, width) if height and width else None
    return {"size": size or fixed or trained_size, "mixed_size": data.MIXED_SIZE, "channels": channels}


def asked(model, recipe, given=(), size=None, sample=True):
    """Pictures that a model takes: uint8 (N, H, W, C).

    given: files to read; where their sizes differ, resized and cropped to the first one's. None: the first test images
        of the data set that the recipe, a dictionary, names, or, with sample, what is at hand like it: its bundled
        sample, or squares of scikit-learn's two photos.
    size: the height and width to bring them to, where the model takes any.

    Raises InputError for a file that isn't a readable picture.
    """
    height, width, channels = model._image_shape()
    size = size or recipe.get("size")
    wanted = (height, width) if height and width else (size, size) if size else None
    if not given:
        source = recipe["dataset"]
        if sample:
            source = {"train": photo_squares()} if source in WITHOUT_SAMPLE else SAMPLES.get(source, source)
        dataset = data.open(source, size=wanted, mixed_size=data.MIXED_SIZE, channels=channels)
        return dataset.arrays("test" if "test" in dataset.splits else "train", limit=COUNT)[0]
    images = []
    for path in given:
        try:
            images.append(image_files.read(path, wanted, channels))
        except Exception as error:  # Pillow's decoders raise errors of many kinds
            raise InputError(f"{path} isn't a readable picture ({error})") from error
        wanted = wanted or images[0].shape[:2]
    return np.stack(images)


def photo_squares():
    """Four squares of each of scikit-learn's two photos: uint8 (8, 213, 213, 3)."""
    from sklearn.datasets import load_sample_images

    photos = np.stack(load_sample_images().images)[:, :426, :426]
    return photos.reshape(2, 2, 213, 2, 213, 3).swapaxes(2, 3).reshape(8, 213, 213, 3)


def said(rows):
    return []


def draw(rows, path, title=None):
    """Rows of (title, images, captions), as `pictures.grid` takes them."""
    pictures.grid(rows, path, title)
