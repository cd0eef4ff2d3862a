"""Reads video files, by PyAV, and folders of frames, by Pillow, as uint8 arrays."""

import os
import re
from pathlib import Path

import numpy as np

from keras_ssl.data import image_files
from keras_ssl.errors import InputError

SUFFIXES = (".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv")


def read(path, size=None, channels=3):
    """Returns the frames of a video file, or of a folder of image files: uint8 (T, H, W, channels).

    Args:
        path: the file, or the folder, whose files come in the order of the numbers in their names.
        size: (H, W) to resize the shorter side and crop the centre to, or None.
        channels: 1 or 3.

    Raises:
        InputError: it's a video file and PyAV isn't installed.
        Exception: it can't be read; decoders raise errors of many kinds.
    """
    if os.path.isdir(path):
        frames = [image_files.read(file, size, channels) for file in frame_files(path)]
    else:
        frames = [image_files.fitted(frame.to_image(), size, channels) for frame in _decoded(path)]
    if not frames:
        raise ValueError("it has no frames")
    if len({frame.shape for frame in frames}) > 1:
        raise ValueError("its frames differ in size: give a size")
    return np.stack(frames)


def opened(path, size=None, channels=3):
    """Returns what `read` does. Raises InputError where that raises anything."""
    try:
        return read(path, size, channels)
    except InputError:
        raise
    except Exception as error:  # decoders raise errors of many kinds
        raise InputError(f"{path} isn't a readable video ({error})") from error


def frame_files(folder):
    """The image files right in a folder, frame2 before frame10."""
    files = [each for each in os.listdir(folder) if not each.startswith(".")]
    files = [each for each in files if Path(each).suffix.lower() in image_files.SUFFIXES]
    return [os.path.join(folder, each) for each in sorted(files, key=_numbers)]


def _numbers(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _decoded(path):
    try:
        import av
    except ImportError:
        right = "install PyAV (pip install keras_ssl[video]), or give folders of frames"
        raise InputError(f"{str(path)!r} is a video file: {right}") from None
    with av.open(os.fspath(path)) as container:
        if not container.streams.video:
            raise ValueError("it has no pictures")
        yield from container.decode(video=0)
