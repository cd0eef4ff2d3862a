"""Some labelled examples of a DataSet, as training reads them, and their light augmentation."""

import functools
from dataclasses import replace

import numpy as np
import tensorflow as tf

from .. import views
from ..data.array_sets import ArraySplit
from ..data.audio_sets import RATE, AudioSplit
from ..data.dataset import Subset
from ..data.text_sets import TextSplit
from ..errors import InputError, unknown
from ..layers import FramesAsChannels, FramesFromPatches
from ..layers.vocabulary import MASK
from .sounds import LONGEST

CACHED = 64 << 20  # bytes of images up to which they are kept in memory, and of sounds, were all of them long
DROPPED = 0.1  # of the words
CROPPED = 0.4  # of the image is left by "crop", at least
AUGMENTATIONS = {
    "flip": views.flip,
    "shift": lambda images, seed: views.shift(images, seed, pixels=images.shape[1] // 8),
    "crop": functools.partial(views.resized_crop, area=CROPPED),
    "colour": functools.partial(views.colour_jitter, hue=0.02, grey=0.05),
}


def subset(dataset, split, keep):
    """A DataSet whose "train" has the examples `keep` (sorted indices) of a split: few in memory, many as a stream."""
    size = 4 * LONGEST * RATE if dataset.kind == "audio" else np.prod(dataset.shape)
    if len(keep) * size <= CACHED:
        return held(dataset, *dataset.arrays(split, keep=keep))
    return replace(dataset, stored={"train": Subset(dataset, split, keep)})


def held(dataset, examples, labels):
    """A DataSet like the given one whose "train" has these examples, in memory, with these labels."""
    splits = {"text": TextSplit, "audio": AudioSplit}
    split = splits.get(dataset.kind, functools.partial(ArraySplit, size=None, channels=None))
    return replace(dataset, stored={"train": split(examples, labels)})


def cut_up(vocabulary, longest, names):
    """A function of a batch (texts, labels) and a seed that gives (ids (N, T), labels), as networks train on them.

    longest: of longer texts the first and the last words are taken, half of these each. names: "drop" hides a tenth of
    the words, "" none. Raises InputError for another name.
    """
    if names not in ("drop", ""):
        raise unknown("augmentation of texts", names, ["drop", ""])

    def augment(batch, seed):
        texts, labels = batch
        ids = vocabulary.ragged(texts)
        half = longest // 2
        ids = tf.concat([ids[:, :half], ids[:, half:][:, -half:]], axis=1)
        ids = tf.cast(ids.to_tensor(), tf.int32)
        if names:
            hidden = tf.random.stateless_uniform(tf.shape(ids), seed) < DROPPED
            ids = tf.where(hidden & (ids != 0), MASK, ids)
        return ids, labels

    return augment


def augmentation(names):
    """A function of a batch (images, labels) and a seed that gives these with other views of the images.

    names: "flip,shift", others of these, or "" for none. flip: mirrored left to right (not for digits or text);
        shift: by up to an eighth of the height each way, the border reflected; crop: a part of at least 40 %, enlarged;
        colour: another brightness, contrast and saturation. Labels that are masks (N, H, W) move with their images.

    Raises InputError for another name.
    """
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    for name in chosen:
        if name not in AUGMENTATIONS:
            raise unknown("augmentation", name, list(AUGMENTATIONS))

    def augment(batch, seed):
        images, labels = batch
        for name in chosen:
            if labels.shape.rank == 3 and name != "colour":
                images, labels = views.with_masks(AUGMENTATIONS[name], images, labels, seed)
            else:
                images = AUGMENTATIONS[name](images, seed)
        return tf.cast(images, tf.float32), labels

    return augment


def of_clips(names):
    """`augmentation` of a batch (clips (N, T, H, W, C), labels): one view for all frames of a clip.

    Raises InputError for "colour", which is for images, and an unknown name.
    """
    if "colour" in names:
        raise InputError('clips are augmented by flip, shift or crop, not by "colour"')
    views_of = augmentation(names)

    def augment(batch, seed):
        clips, labels = batch
        pictures, labels = views_of((FramesAsChannels(dtype="uint8")(clips), labels), seed)
        return FramesFromPatches(clips.shape[1], 1, dtype="float32")(pictures), labels

    return augment
