"""Clips of so many frames: opened at one size, and trained on as they are."""

import numpy as np

from .. import data, methods, pictures
from ..data import video_files
from ..errors import InputError
from . import Prepared, of_its_kind

SAMPLES = {"moving:mnist": "moving:mnist_sample", "moving:fashion_mnist": "moving:fashion_mnist_sample"}
PROBED_ON = {}
ENDPOINTS = ("serve", "serve_uint8")
SEEN = 64  # clips that fresh first layers are fitted to
COUNT = 4  # clips in a picture


def open(recipe, source=None, labels=None):
    """Clips of `recipe.window` frames."""
    source = recipe.dataset if source is None else source
    size = recipe.size or (None if isinstance(source, str) and source.startswith("moving:") else data.MIXED_SIZE)
    dataset = data.open(source, labels=labels, channels=recipe.channels, size=size, frames=recipe.window)
    return of_its_kind(dataset, recipe)


def prepare(dataset, recipe, encoder=None):
    """Networks learn the clips' shape, and see what the method makes of some."""
    stream = dataset.stream("train", labels=False, shuffle=recipe.seed)
    clips = next(iter(stream.batch(SEEN))).numpy()
    method = methods.get(recipe.method)
    return Prepared(dataset.shape, dataset, clips[:, : method.seen(dataset.shape[0])], clips[:COUNT])


def known(dataset, encoder=None):
    return dataset.shape


def network_shape(known, method):
    """(frames that the method's network sees at once, None, None, C): any height and width."""
    return (known[0] if method is None else method.seen(known[0]), None, None, known[-1])


def opening(encoder, size=None, trained_size=None):
    """As many frames as the encoder takes, and its channels."""
    frames, height, width, channels = encoder.input_shape[1:]
    fixed = (height, width) if height and width else None
    return {"size": size or fixed or trained_size, "channels": channels, "frames": frames}


def asked(model, recipe, given=(), size=None, sample=True):
    """Clips (N, T, H, W, C) uint8, of as many frames as the method learned from, or more of files.

    given: video files or folders of frames, of which the first frames count. None: the first test clips of the data set
        that the recipe, a dictionary, names, or, with sample, of the bundled one that stands for it.

    Raises InputError for a file that can't be read, or has too few frames.
    """
    frames, channels = recipe["window"], model.input_shape[-1]
    size = size or recipe.get("size")
    wanted = None if size is None else (size, size)
    if not given:
        source = recipe["dataset"]
        source = SAMPLES.get(source, source) if sample else source
        dataset = data.open(source, size=wanted, channels=channels, frames=frames)
        return dataset.arrays("test" if "test" in dataset.splits else "train", limit=COUNT)[0]
    clips = []
    for path in given:
        clip = video_files.opened(path, wanted or (data.MIXED_SIZE, data.MIXED_SIZE), channels)
        if len(clip) < frames:
            raise InputError(f"{path} has {len(clip)} frames, {model.name} shows clips of {frames}")
        clips.append(clip[:frames])
    return np.stack(clips)


def said(rows):
    return []


def draw(rows, path, title=None):
    """Rows of (title, frames, captions) as a PNG, a clip's frames in a row; as an animation where path ends in .gif."""
    if str(path).endswith(".gif"):
        pictures.animation(rows, path)
    else:
        pictures.grid(rows, path, title)
