"""Data sets of clips, so many frames each, cut from longer videos."""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_ssl.data import image_files, video_files
from keras_ssl.data.array_sets import eight_bit
from keras_ssl.data.dataset import DataSet
from keras_ssl.data.fitting import fit
from keras_ssl.data.folder import warn_of
from keras_ssl.data.order import ordered, outside_graph
from keras_ssl.data.splits import encoded, paired, with_test
from keras_ssl.errors import InputError, first_line

FRAMES = 20
MOST_BYTES = 4 << 30  # of a folder's videos, which are held in memory


class ClipSplit:
    """Windows of `frames` frames of videos (T, H, W, C) uint8, one after the other, and their labels or None.

    labels: one a video. What a video has beyond whole windows is left out.
    """

    def __init__(self, videos, labels, frames):
        self._videos, self._frames = videos, frames
        windows = [(i, start) for i, each in enumerate(videos) for start in range(0, len(each) - frames + 1, frames)]
        self._windows = np.array(windows, np.int64).reshape(-1, 2)
        self._labels = None if labels is None else labels[self._windows[:, 0]]

    def count(self):
        return len(self._windows)

    def labels(self):
        return self._labels

    def stream(self, keep, shuffle, labels):
        videos, windows, frames = self._videos, self._windows, self._frames
        values = outside_graph(self._labels) if labels else None

        def read(row):
            which, start = windows[row]
            return np.asarray(videos[which][start : start + frames])

        def prepare(row):
            clip = tf.numpy_function(read, [row], tf.uint8, stateful=False)
            clip = tf.ensure_shape(clip, (frames, *videos[0].shape[1:]))
            return (clip, values[row]) if labels else clip

        rows = tf.data.Dataset.from_tensor_slices(ordered(self.count() if keep is None else keep, shuffle))
        return rows.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def are_clips(examples):
    """Whether these are videos: an array (n, T, H, W, C), or a list of arrays (T, H, W, C)."""
    if isinstance(examples, list | tuple):
        return bool(len(examples)) and np.ndim(examples[0]) == 4
    return np.ndim(examples) == 5


def open_clips(
    splits, *, name="clips", frames=None, labels=None, size=None, channels=None, task=None, classes=None, **about
):
    """Returns the DataSet of videos in memory.

    Args:
        splits: {split: videos or (videos, labels)} with a "train". Videos are an array (n, T, H, W, C), or a list of
            arrays (T, H, W, C) of one size and any lengths: numbers in 0..255.
        name: what the data set is called.
        frames: of a clip, by default 20, or as many as the shortest video has.
        labels: False leaves the labels out.
        size, channels: None, or what `fit` takes.
        task, classes: None, or what to take the labels for, and the names of those that are already numbered.
        about: the further attributes of the DataSet.

    Raises:
        InputError: there is no "train", the videos differ in size, are too short, or don't match their labels.
    """
    pairs = paired(splits)
    videos = {split: [_video(video, split) for video in each] for split, (each, _) in pairs.items()}
    videos = {split: [fitted(video, size, channels) for video in each] for split, each in videos.items()}
    raw = {split: each for split, (_, each) in pairs.items()}
    counts = {split: len(each) for split, each in videos.items()}
    task, classes, values = encoded(raw, counts, "video", labels=labels, task=task, classes=classes)
    return _opened(videos, values, frames, name=name, task=task, classes=classes, **about)


def open_clip_folder(folder, *, frames=None, size=None, channels=None, labels=None, task=None):
    """Returns the DataSet of the video files and folders of frames below a folder, or of one video file.

    A folder of frames is one that image files lie right in, numbered in their names. Where all of them lie in two or
    more first-level sub-folders, FOLDER/CLASS/..., these are classes. 20 % of the videos are held out as "test", always
    the same ones; of a single video, its end. All frames are held in memory.

    Args:
        folder: the path.
        frames: of a clip, by default 20, or as many as the shortest video has.
        size: (H, W) of all clips, or None to keep theirs.
        channels: 1, 3, or None for 3.
        labels: False for unlabelled.
        task: None, or "classification".

    Raises:
        InputError: there is nothing to read, or too much for the memory.
    """
    folder = Path(folder).expanduser()
    name = folder.resolve().name
    if not folder.exists():
        raise InputError(f"the folder {str(folder)!r} doesn't exist")
    paths = _videos_below(folder)
    if not paths:
        raise InputError(f"the folder {str(folder)!r} has no video files (such as .mp4, .gif) and no folders of frames")
    videos, kept, skipped = _read(paths, folder, size, channels or 3)
    values = None
    tops = [os.path.relpath(path, folder).split(os.sep) for path in kept]
    if labels is not False and all(len(parts) > 1 for parts in tops) and len({parts[0] for parts in tops}) > 1:
        values = np.array([parts[0] for parts in tops])
    task, classes, values = encoded({"train": values}, {"train": len(videos)}, "video", task=task)
    about = {"origin": f"the folder {name}", "skipped": skipped}
    return with_end_held_out({"train": videos}, values, frames, name=name, task=task, classes=classes, **about)


def with_end_held_out(videos, values, frames, *, name, task, **about):
    """Returns the DataSet of {split: videos}, whose "test", where there is only "train", is a fifth of that.

    Args:
        values: {split: labels or None}.
        frames: of a clip, or None.
        name, task, about: the DataSet's.
    """
    if list(videos) == ["train"] and len(videos["train"]) > 1:
        videos, values = with_test(videos, values, task)
    elif list(videos) == ["train"]:
        (video,) = videos["train"]
        cut = len(video) * 4 // 5
        videos = {"train": [video[:cut]], "test": [video[cut:]]}
        values = dict.fromkeys(videos, values["train"])
    return _opened(videos, values, frames, name=name, task=task, **about)


def _opened(videos, values, frames, *, name, **about):
    shapes = {video.shape[1:] for each in videos.values() for video in each}
    if len(shapes) > 1:
        raise InputError(f"the videos of {name!r} differ in size: open it with size=, such as size=64")
    shortest = min(len(video) for video in videos["train"])
    longest = max(len(video) for video in videos["train"])
    frames = frames or min(FRAMES, shortest)
    if longest < frames:
        raise InputError(f"the videos of {name!r} have {longest} frames at most, a clip takes {frames}")
    stored = {split: ClipSplit(each, values[split], frames) for split, each in videos.items()}
    stored = {split: each for split, each in stored.items() if each.count()}
    return DataSet(name=name, shape=(frames, *shapes.pop()), stored=stored, kind="video", **about)


def _video(video, split):
    try:
        video = np.asarray(video)
    except ValueError:
        video = np.empty(0)
    video = video[..., None] if video.ndim == 3 else video
    if video.ndim != 4 or video.shape[-1] not in (1, 3) or not len(video):
        raise InputError(f"videos of split {split!r} are (T, H, W, C) with 1 or 3 channels, got {video.shape}")
    return eight_bit(video, split)


def fitted(video, size, channels):
    """A video (T, H, W, C) uint8, each frame as `fit` makes it."""
    if (size is None or video.shape[1:3] == tuple(size)) and channels in (None, video.shape[3]):
        return video
    return tf.map_fn(lambda frame: fit(frame, size, channels), video, fn_output_signature=tf.uint8).numpy()


def _videos_below(folder):
    """Video files, and folders that images lie right in, sorted."""
    if folder.is_file():
        return [str(folder)] if folder.suffix.lower() in video_files.SUFFIXES else []
    found = []
    for here, inner, files in os.walk(folder):
        inner[:] = sorted(each for each in inner if not each.startswith("."))
        kinds = {each: Path(each).suffix.lower() for each in files if not each.startswith(".")}
        found += [os.path.join(here, each) for each, kind in kinds.items() if kind in video_files.SUFFIXES]
        if any(kind in image_files.SUFFIXES and kind not in video_files.SUFFIXES for kind in kinds.values()):
            found.append(here)
    return sorted(found)


def _read(paths, folder, size, channels):
    """([array of each video], [its path], [(path, reason)] of those that can't be read)."""
    videos, kept, skipped, whole = [], [], [], 0
    for path in paths:
        try:
            videos.append(video_files.read(path, size, channels))
        except InputError:
            raise
        except Exception as error:  # decoders raise errors of many kinds
            skipped.append((os.path.relpath(path, folder), first_line(error)))
            continue
        kept.append(path)
        whole += videos[-1].nbytes
        if whole > MOST_BYTES:
            raise InputError(f"the videos in {str(folder)!r} are over {MOST_BYTES >> 30} GiB in memory: give a size")
    if not videos:
        raise InputError(f"none of the {len(paths)} videos in {str(folder)!r} can be read ({skipped[0][1]})")
    if skipped:
        warn_of(skipped, len(paths), "videos", folder.name)
    return videos, kept, skipped
