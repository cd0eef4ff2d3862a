"""What raw input may look like: the classes that the zoo's models share.

A subclass adds verbs (`sample`, `colorize`, ...) and has no `__init__` of its own: it is a functional graph, and finds
its parts with `get_layer`, so that `.keras` files open without running anybody's code.
"""

from .batches import by_parts
from .clips import ClipModel, natural_clips
from .images import ImageModel, natural_images
from .sounds import AudioModel
from .steps import Adversaries, OwnStep
from .texts import TextModel, natural_texts

__all__ = [
    "Adversaries",
    "AudioModel",
    "ClipModel",
    "ImageModel",
    "OwnStep",
    "TextModel",
    "by_parts",
    "natural_clips",
    "natural_images",
    "natural_texts",
]
