"""Data sets that tensorflow_datasets (TFDS) has, or can download and prepare."""

import contextlib
import io
import logging
import os
import re
import socket
import sys
import urllib.request
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_ssl.data import speakers
from keras_ssl.data.audio_files import RATE
from keras_ssl.data.bundled import samples
from keras_ssl.data.clip_sets import fitted, with_end_held_out
from keras_ssl.data.dataset import DataSet
from keras_ssl.data.fitting import fit, fitted_shape
from keras_ssl.data.masks import ABOUT, KNOWN
from keras_ssl.data.order import kept, shuffled
from keras_ssl.data.text_sets import refuse_sizes
from keras_ssl.data.tfds_features import (
    AudioFeature,
    MaskFeature,
    TextFeature,
    example_feature,
    label_feature,
    video_feature,
)
from keras_ssl.errors import InputError, first_line, unknown

SHUFFLE_BUFFER = 16_384  # undecoded examples
STORE = ("storage.googleapis.com", 443)  # where TFDS itself keeps files
PATIENCE = 5  # seconds


class TfdsSplit:
    """One split of a prepared TFDS set, read record by record in stored order and decoded late.

    The records are read as TFRecords instead of by `as_dataset`, so that those left out aren't even parsed: that is
    ten times faster for a run on 1 % of the labels.
    """

    def __init__(self, info, split, keys, read, label):
        self._info, self._split = info, split
        self._keys, self._read = set(keys), read
        self._label = label

    def count(self):
        return self._info.splits[self._split].num_examples

    def labels(self):
        parse = self._parser({self._label.key})
        stream = self._records().map(lambda record: self._label.value(parse(record)), tf.data.AUTOTUNE)
        return np.concatenate(list(stream.batch(4096).as_numpy_iterator()))

    def stream(self, keep, shuffle, labels):
        parse = self._parser(self._keys | {self._label.key} if labels else self._keys)

        def prepare(record):
            example = parse(record)
            value = self._read(example)
            return (value, self._label.value(example)) if labels else value

        stream = kept(self._records(), keep, self.count())
        if shuffle is not None:
            stream = shuffled(stream, SHUFFLE_BUFFER, shuffle)
        return stream.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def check_masks(self, name):
        """Raises InputError for a mask with an index that the class table lacks; every mask is read for it."""
        parse = self._parser({self._label.key})
        masks = self._records().map(lambda record: self._label.value(parse(record)), tf.data.AUTOTUNE)
        try:
            for _ in masks:
                pass
        except tf.errors.InvalidArgumentError:
            table = self._label.table.range()
            raise InputError(
                f"a mask of {name!r}, split {self._split!r}, has an index that isn't one: {table}"
            ) from None

    def _records(self):
        files = [os.fspath(path) for path in self._info.splits[self._split].filepaths]
        return tf.data.TFRecordDataset(files, buffer_size=8 << 20)

    def _parser(self, keys):
        """A function from a record to {feature: value} of these features, images still encoded."""
        import tensorflow_datasets as tfds

        features = tfds.features.FeaturesDict({key: self._info.features[key] for key in keys})
        decoders = {key: tfds.decode.SkipDecoding() for key in self._keys & keys} or None
        return lambda record: features.deserialize_example(record, decoders=decoders)


def open_tfds(name, *, data_dir=None, labels=None, size=None, channels=None, task=None, rate=None):
    """Returns the DataSet that TFDS calls `name`, such as "cifar10" or "imagenet_resized/64x64".

    A set that isn't prepared yet is downloaded and prepared first. Its label is the one that TFDS names as the
    supervised one, or its feature "label"; without a label that can be used it is unlabelled. Of a set of speech in
    `speakers.HELD_OUT` one named speaker is "test" and all others "train".

    Args:
        name: the TFDS name, with its config and version where wanted.
        data_dir: where the prepared sets lie; None for the TFDS default.
        labels: the name of the feature to take as label, or False for none; or the path of a CSV table of the classes
            of its masks (see `masks.read_class_table`).
        size, channels: None, or for images what `fit` takes.
        task: None, or the task that the label must be of.
        rate: the sampling rate that waveforms are brought to; None for 8,000.

    Raises:
        InputError: there is no such set, it isn't prepared and can't be, it has neither images nor sound nor texts,
            there is a size for what isn't images, or no such label.
    """
    info = _prepared(name, data_dir).info
    if info.file_format.value != "tfrecord":
        raise InputError(f"{name!r} is prepared as {info.file_format.value}: prepare it with --file_format=tfrecord")
    feature = example_feature(info, name)
    if isinstance(feature, TextFeature):
        refuse_sizes(name, size, channels)
        kind, shape, keys = "text", (), feature.keys
    elif isinstance(feature, AudioFeature):
        refuse_sizes(name, size, channels, "sound")
        kind, shape, keys, rate = "audio", (None,), (feature.key,), rate or RATE
    else:
        kind, shape, keys = "image", fitted_shape(feature.shape, size, channels), (feature.key,)

    def read(example):
        if kind == "audio":
            return feature.waveform(example, rate)
        return feature.text(example) if kind == "text" else fit(feature.pixels(example), size, channels)

    label = label_feature(info, name, labels, task, keys[0], size)
    stored = {split: TfdsSplit(info, split, keys, read, label) for split in info.splits}
    if isinstance(label, MaskFeature) and label.table != KNOWN.get(name):
        for each in stored.values():
            each.check_masks(name)
    about = ABOUT.get(name, {})
    found = DataSet(
        name=name,
        task=label.task,
        classes=label.classes,
        shape=shape,
        stored=stored,
        origin=info.homepage or "",
        licence=info.redistribution_info.license or about.get("licence", ""),
        citation=(info.citation or "").strip() or about.get("citation", ""),
        kind=kind,
        rate=rate if kind == "audio" else None,
        colours=label.table.colours if isinstance(label, MaskFeature) else [],
    )
    held_out = speakers.HELD_OUT.get(info.name)
    if held_out is None:
        return found
    names = TfdsSplit(info, "train", ["audio/filename"], lambda example: example["audio/filename"], label)
    files = [file.decode() for file in names.stream(None, None, False).as_numpy_iterator()]
    return speakers.by_speaker(found, speakers.of_recordings(files), held_out)


def open_tfds_clips(name, *, frames, data_dir=None, labels=None, size=None, channels=None, task=None):
    """Returns the DataSet of clips of the set of videos that TFDS calls `name`, whose frames are held in memory.

    Of "train" alone, a fifth of the videos is held out as "test", of a single video its end.

    Args:
        frames: of a clip.
        The others as in `open_tfds`.

    Raises:
        InputError: there is no such set, it has no videos, or no such label.
    """
    builder = _prepared(name, data_dir)
    key = video_feature(builder.info, name)
    label = label_feature(builder.info, name, labels, task, key)
    splits, values = {}, {}
    for split in builder.info.splits:
        examples = list(builder.as_dataset(split=split, shuffle_files=False))
        splits[split] = [fitted(example[key].numpy(), size, channels) for example in examples]
        values[split] = None if label.key is None else np.stack([label.value(example).numpy() for example in examples])
    about = {"origin": builder.info.homepage or "", "licence": builder.info.redistribution_info.license or ""}
    return with_end_held_out(
        splits, values, frames, name=name, task=label.task, classes=label.classes,
        citation=(builder.info.citation or "").strip(), **about,
    )  # fmt: skip


def _prepared(name, data_dir):
    with _quiet():
        builder = _builder(name, data_dir)
        if not builder.info.splits:
            _prepare(builder, name)
    return builder


def _builder(name, data_dir):
    import tensorflow_datasets as tfds

    folder = Path(data_dir or tfds.core.constants.DATA_DIR).expanduser()
    if re.fullmatch(r"\w+([/:][\w.*/:=,-]+)?", name):
        try:
            return tfds.builder(name, data_dir=os.fspath(folder), try_gcs=False)
        except tfds.core.DatasetNotFoundError:
            pass
        except Exception as error:  # of many kinds, for an unknown config or version
            reason = first_line(error).split("}: ")[-1].split(". Here are")[0]
            raise InputError(f"TFDS can't open {name!r}: {reason}") from None
    local = [each.parent.parent.name for each in folder.glob("*/*/dataset_info.json")]
    registered = tfds.list_builders(with_community_datasets=False)
    raise unknown("data set", name, dict.fromkeys([*samples(), *local, *registered]))


def _prepare(builder, name):
    try:
        _check_network()
        print(f"downloading {name} by tensorflow_datasets", file=sys.stderr)
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare()
    except Exception as error:  # TFDS and its builders raise whatever they like here
        raise InputError(
            f"{name!r} isn't prepared on this machine and can't be downloaded ({first_line(error)}): where there is a "
            f"network, run `tfds build {name}` and copy its ~/tensorflow_datasets here (or to data_dir), or open a "
            f"bundled sample: {', '.join(samples())}"
        ) from None


def _check_network():
    """Raises OSError soon where there is no network; TFDS itself would try for minutes."""
    if not urllib.request.getproxies():
        try:
            socket.create_connection(STORE, timeout=PATIENCE).close()
        except OSError as error:
            raise OSError(f"no network: {error}") from None


@contextlib.contextmanager
def _quiet():
    """Keeps TFDS's notes and progress bars from the screen."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    loggers = [logging.getLogger(name) for name in ("absl", "urllib3")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
