"""Which features of a TFDS set are its image, waveform or text and its label, and how they are read."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from keras_ssl.data.audio_files import RATE, resample
from keras_ssl.data.masks import KNOWN, fit_mask, read_class_table
from keras_ssl.errors import InputError


@dataclass(frozen=True)
class ImageFeature:
    """The feature that holds the image: its key, shape (H, W, C) with H, W None where unknown, and whether 16-bit."""

    key: str
    shape: tuple
    deep: bool

    def pixels(self, example):
        """Returns the decoded image, uint8."""
        depth = tf.uint16 if self.deep else tf.uint8
        image = tf.io.decode_image(example[self.key], self.shape[2], dtype=depth, expand_animations=False)
        image = tf.ensure_shape(image, self.shape)
        return tf.cast(image // 257, tf.uint8) if self.deep else image


@dataclass(frozen=True)
class TextFeature:
    """The feature that holds the text: its key; or those of a text and its translation, which make one text.

    In that a tab parts them, and their own tabs and line ends are spaces.
    """

    keys: tuple

    def text(self, example):
        """Returns the text, a string tensor."""
        if len(self.keys) == 1:
            return example[self.keys[0]]
        return tf.strings.join([tf.strings.regex_replace(example[key], r"[\t\r\n]+", " ") for key in self.keys], "\t")


@dataclass(frozen=True)
class AudioFeature:
    """The feature that holds a waveform: its key, its sampling rate, and what stands for 1 in its numbers."""

    key: str
    rate: int
    scale: float

    def waveform(self, example, rate):
        """Returns the waveform, float32 (T,) in -1..1, resampled to `rate`."""
        samples = tf.cast(example[self.key], tf.float32) / self.scale
        if rate != self.rate:
            samples = tf.numpy_function(lambda x: resample(x, self.rate, rate), [samples], tf.float32, stateful=False)
        return tf.ensure_shape(samples, (None,))


@dataclass(frozen=True)
class LabelFeature:
    """The feature that holds the label: its key, task and classes; key and task are None when there is none."""

    key: str | None
    task: str | None
    classes: list

    def value(self, example):
        """Returns the label of a parsed example, of the type that its task has."""
        value = example[self.key]
        if self.task == "multilabel":
            present = tf.equal(tf.cast(value, tf.int64)[:, None], tf.range(len(self.classes), dtype=tf.int64))
            return tf.cast(tf.reduce_any(present, axis=0), tf.float32)
        return tf.cast(value, tf.int64 if self.task == "classification" else tf.float32)


@dataclass(frozen=True)
class MaskFeature:
    """The feature that holds a mask: its key, its ClassTable, the size (H, W) that masks are brought to, or None."""

    key: str
    table: object
    size: tuple | None
    task = "segmentation"

    @property
    def classes(self):
        return self.table.classes

    def value(self, example):
        """Returns the mask of a parsed example, uint8 (H, W)."""
        indices = tf.cast(example[self.key][..., 0], tf.int32)
        known = tf.constant([*self.table.indices, *self.table.void, 255])
        odd = tf.reduce_all(indices[..., None] != known, axis=-1)
        message = f"a mask has an index that isn't in the table: {self.table.range()}"
        with tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(odd), [message])]):
            return fit_mask(tf.gather(tf.constant(self.table.numbers()), indices), self.size)


def example_feature(info, name):
    """Returns the ImageFeature of a DatasetInfo, or where it has no images its AudioFeature, or else its TextFeature.

    It is the supervised one, the one called "image", "audio" or "text", or the first; of a text and its translation,
    both.

    Raises:
        InputError: there is no image with 8 or 16 bits a channel, no waveform of one channel and no text.
    """
    features = _features(info)
    images = {key: each for key, each in features.items() if _is_image(each)}
    audio = {key: each for key, each in features.items() if _is_audio(each)}
    texts = {key: each for key, each in features.items() if _is_text(each)}
    supervised = (info.supervised_keys or [None])[0]
    for found, usual in ((images, "image"), (audio, "audio"), (texts, "text")):
        wanted = [key for key in (supervised, usual, *found) if isinstance(key, str) and key in found]
        if wanted:
            break
    else:
        raise InputError(
            f"{name!r} has no images, no sound and no texts: its features are {', '.join(features) or 'unnamed'}"
        )
    if found is audio:
        kept = np.dtype(audio[wanted[0]].np_dtype)
        # TFDS keeps the whole numbers of 16-bit files in 64 bits, unless told otherwise.
        return AudioFeature(wanted[0], int(audio[wanted[0]].sample_rate or RATE), 1.0 if kept.kind == "f" else 32768.0)
    if found is texts:
        both = tuple(info.supervised_keys or ())
        return TextFeature(both if _is_translation(info, both) else (wanted[0],))
    feature = images[wanted[0]]
    # Where the channels vary, all images are read as RGB.
    shape = (*feature.shape[:2], feature.shape[2] or 3)
    return ImageFeature(wanted[0], shape, np.dtype(feature.np_dtype) == np.uint16)


def video_feature(info, name):
    """Returns the key of a DatasetInfo's first feature that is a video of 8 bits a channel.

    Raises:
        InputError: there is none.
    """
    import tensorflow_datasets as tfds

    features = _features(info)
    for key, feature in features.items():
        if isinstance(feature, tfds.features.Video) and np.dtype(feature.np_dtype) == np.uint8:
            return key
    raise InputError(f"{name!r} has no videos: its features are {', '.join(features) or 'unnamed'}")


def label_feature(info, name, labels, task, example, size=None):
    """Returns the LabelFeature of a DatasetInfo: the feature `labels`, or the supervised one, or "label".

    It isn't the feature `example`, which holds the image or text. A supervised feature of masks whose classes are
    known, or the first of masks where `task` is "segmentation" or `labels` the path of a CSV table of classes, is a
    MaskFeature; `size` is what its masks are brought to.

    Raises:
        InputError: `labels` is no feature that can be a label, its task isn't `task`, or masks have no class table.
    """
    features = _features(info)
    supervised = (info.supervised_keys or [None, None])[1]
    if labels is not False and (mask := _mask_feature(features, supervised, name, labels, task, size)):
        return mask
    keys = [labels] if isinstance(labels, str) else [] if labels is False else [supervised, "label"]
    keys = [key for key in keys if isinstance(key, str) and key in features and key != example]
    found = [each for key in keys if (each := _label(key, features[key]))]
    if not found and labels not in (None, False):
        usable = [key for key, each in features.items() if _label(key, each)]
        raise InputError(f"{name!r} has no label {labels!r}; there are: {', '.join(usable) or 'none'}")
    if found and task not in (None, found[0].task):
        raise InputError(f"the label {found[0].key!r} of {name!r} is for {found[0].task}, not task={task!r}")
    if not found and task is not None:
        raise InputError(f"{name!r} has no labels for task={task!r}")
    return found[0] if found else LabelFeature(None, None, [])


def _mask_feature(features, supervised, name, labels, task, size):
    """The MaskFeature that is meant; None where masks aren't."""
    table = labels if isinstance(labels, str) and labels.endswith(".csv") else None
    masks = [key for key, each in features.items() if _is_image(each) and each.shape[-1] == 1]
    wanted = [key for key in (labels, supervised, "segmentation_mask", "mask") if key in masks]
    if task not in (None, "segmentation") or not (
        table or task or (supervised in masks and name in KNOWN and labels in (None, True, supervised))
    ):
        return None
    if not wanted:
        raise InputError(f"{name!r} has no masks for segmentation: its features are {', '.join(features)}")
    if table is None and name not in KNOWN:
        raise InputError(f"the masks of {name!r} need a class table: give labels= (--labels-file) a CSV of index,name")
    return MaskFeature(wanted[0], read_class_table(table) if table else KNOWN[name], size)


def _features(info):
    return dict(info.features) if hasattr(info.features, "keys") else {}


def _is_image(feature):
    import tensorflow_datasets as tfds

    return type(feature) is tfds.features.Image and len(feature.shape) == 3 and np.dtype(feature.np_dtype).kind == "u"


def _is_audio(feature):
    import tensorflow_datasets as tfds

    return type(feature) is tfds.features.Audio and feature.shape == (None,)


def _is_text(feature):
    import tensorflow_datasets as tfds

    return type(feature) is tfds.features.Text and feature.shape == ()  # not one stored as numbers


def _is_translation(info, keys):
    import tensorflow_datasets as tfds

    return isinstance(info.features, tfds.features.Translation) and len(keys) == 2 and set(keys) <= set(info.features)


def _label(key, feature):
    """The LabelFeature of a TFDS feature; None when it can't be a label."""
    import tensorflow_datasets as tfds

    if isinstance(feature, tfds.features.ClassLabel) and feature.num_classes:
        return LabelFeature(key, "classification", list(feature.names))
    inner = getattr(feature, "feature", None)
    if isinstance(inner, tfds.features.ClassLabel) and inner.num_classes:
        return LabelFeature(key, "multilabel", list(inner.names))
    numbers = type(feature) in (tfds.features.Scalar, tfds.features.Tensor) and np.dtype(feature.np_dtype).kind == "f"
    if numbers and (feature.shape == () or (len(feature.shape) == 1 and feature.shape[0])):
        return LabelFeature(key, "regression", [])
    return None
