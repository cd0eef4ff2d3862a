"""`open`, which takes whatever a person has for a data set."""

import os
from pathlib import Path

import tensorflow as tf

from keras_ssl.data.array_sets import open_arrays
from keras_ssl.data.audio_sets import are_waveforms, open_waveforms
from keras_ssl.data.bundled import about_sample, open_sample, samples
from keras_ssl.data.clip_sets import are_clips, open_clip_folder, open_clips
from keras_ssl.data.fitting import checked_channels, checked_rate, checked_size
from keras_ssl.data.folder import open_folder
from keras_ssl.data.moving_sets import PREFIX, open_moving
from keras_ssl.data.splits import paired
from keras_ssl.data.stream_sets import open_streams
from keras_ssl.data.text_files import LINE_SUFFIXES
from keras_ssl.data.text_sets import are_texts, open_text_file, open_texts
from keras_ssl.data.video_files import SUFFIXES as VIDEO_SUFFIXES
from keras_ssl.errors import InputError


def open(
    source="cifar10_sample", *, labels=None, size=None, mixed_size=None, channels=None, task=None, data_dir=None,
    frames=None, rate=None,
):  # fmt: skip
    """Returns the DataSet of `source`.

    Args:
        source: one of
            - the name of a bundled sample (see `samples`);
            - the name of a TFDS set of images, sound or texts, such as "cifar10", "imdb_reviews" or "spoken_digit";
            - the path of a folder of images, or, where it has none, of .wav and .flac or of .txt files, as a
              pathlib.Path, or a str that has a separator or is a folder; images/ and masks/ in it are images with a
              class for each pixel;
            - the path of a text file: *.txt of a document a line, or *.tsv of label<TAB>text;
            - "moving:NAME", clips of two images of NAME moving about, such as "moving:mnist";
            - the path of a video file, or, with `frames`, of a folder of video files and folders of frames, or the name
              of a TFDS set of videos;
            - videos, (n, T, H, W, C) or a list of (T, H, W, C), or a pair (videos, labels);
            - an array of images, or a pair (images, labels): (n, H, W, C) or (n, H, W), numbers in 0..255;
            - a list or array of texts, str or bytes in UTF-8, or a pair (texts, labels);
            - a list of waveforms (T,) or an array (n, T), float in -1..1 or int16, or a pair (waveforms, labels);
            - an unbatched tf.data.Dataset of such images or texts, or of (example, label);
            - a dict {"train": ..., "test": ...} of any of the last four.
        labels: False leaves the labels out. For a folder also the path of a CSV table, or True; for a TFDS set also
            the name of the feature to use (see `folder.open_folder` and `tfds_sets.open_tfds`). For masks the path
            of a CSV table of the classes.
        size: for images and clips a side or (H, W): the shorter side is resized to it and the centre cropped, with
            antialiasing, masks by nearest neighbour. None keeps the images' own.
        mixed_size: the size to take where `size` is None and the images differ in theirs.
        channels: for images and clips 1 for grey or 3 for RGB. None keeps the images' own. Transparency is always
            dropped.
        task: "classification", "multilabel", "regression" or "segmentation", where the labels should be taken for
            something else than they look like.
        rate: for sound, the sampling rate that files are brought to, and that waveforms in memory have. None for 8,000.
        data_dir: where prepared TFDS sets lie; None for ~/tensorflow_datasets or $TFDS_DATA_DIR.
        frames: how many a clip has; a source that isn't of videos can't be opened with it.

    Raises:
        InputError: nothing can be made of `source` with these choices; the message says why.
    """
    choices = {"labels": labels, "size": checked_size(size), "channels": checked_channels(channels), "task": task}
    choices |= {} if rate is None else {"rate": checked_rate(rate)}
    if frames is not None and frames < 1:
        raise InputError(f"a clip has 1 frame or more, got frames={frames}")
    if isinstance(source, str) and source.startswith(PREFIX):
        moving = {"labels": labels, "channels": choices["channels"], "data_dir": data_dir}
        return open_moving(open(source.removeprefix(PREFIX), **moving), frames=frames, size=choices["size"])
    if _is_path(source):
        path = Path(source).expanduser()
        if frames is not None or path.suffix.lower() in VIDEO_SUFFIXES:
            return open_clip_folder(path, frames=frames, **choices)
        if path.is_file() or (path.suffix.lower() in LINE_SUFFIXES and not path.is_dir()):
            choices.pop("rate", None)
            return open_text_file(path, **_without_names(choices))
        return open_folder(path, mixed_size=checked_size(mixed_size), **choices)
    if frames is not None:
        choices["frames"] = frames
    opened = _open(source, choices, data_dir)
    if mixed_size is not None and None in opened.shape and opened.kind == "image":
        return _open(source, {**choices, "size": checked_size(mixed_size)}, data_dir)
    return opened


def _open(source, choices, data_dir):
    if isinstance(source, str) and "frames" in choices:
        from keras_ssl.data.tfds_sets import open_tfds_clips

        return open_tfds_clips(source, data_dir=data_dir, **choices)
    if isinstance(source, str) and source in samples():
        return open_sample(source, **_without_names(choices))
    if isinstance(source, str):
        # TFDS takes a second to import, and nothing else here needs it.
        from keras_ssl.data.tfds_sets import open_tfds

        opened = open_tfds(source, data_dir=data_dir, **choices)
        if not opened.licence and f"{source}_sample" in samples():  # TFDS knows few licences
            opened.licence = about_sample(f"{source}_sample")["licence"]
        return opened
    splits = source if isinstance(source, dict) else {"train": source}
    streams = [isinstance(each, tf.data.Dataset) for each in splits.values()]
    if any(streams):
        choices.pop("rate", None)
    if all(streams) and streams:
        return open_streams(splits, **_without_names(choices))
    if any(streams):
        raise InputError("the splits mix tf.data.Datasets and arrays: give either")
    if "frames" in choices or any(are_clips(each) for each, _ in paired(splits).values()):
        return open_clips(splits, **_without_names(choices))
    if all(are_waveforms(each) for each, _ in paired(splits).values()):
        return open_waveforms(splits, **_without_names(choices))
    choices.pop("rate", None)
    if any(are_texts(each) for each, _ in paired(splits).values()):
        return open_texts(splits, **_without_names(choices))
    return open_arrays(splits, **_without_names(choices))


def _is_path(source):
    """Whether `source` is meant as a folder or file. "name/config" is a TFDS set, when there is no such folder."""
    if isinstance(source, Path):
        return True
    if not isinstance(source, str):
        return False
    if os.path.exists(os.path.expanduser(source)) or source.startswith((".", "~", os.sep)):
        return True
    if source.lower().endswith(LINE_SUFFIXES):
        return True
    if os.sep not in source and (os.altsep or os.sep) not in source:
        return False
    import tensorflow_datasets as tfds

    return source.split("/")[0].split(":")[0] not in tfds.list_builders(with_community_datasets=False)


def _without_names(choices):
    if not isinstance(choices["labels"], bool | None):
        raise InputError(f"labels={choices['labels']!r} isn't possible here: give False for none, or leave it out")
    return choices
