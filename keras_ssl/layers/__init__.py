"""The Keras layers that self-supervised learning needs and Keras lacks."""

from .codes import CodeDistribution, GaussianCode
from .following import Follower, StopGradient
from .likelihoods import BernoulliPixels, GaussianPixels
from .normalization import BatchNormalization, BatchSpread
from .pictures import Lightness, PatchWhitening, ResizeLike
from .sizes import ShorterSide

__all__ = [
    "BatchNormalization",
    "BatchSpread",
    "BernoulliPixels",
    "CodeDistribution",
    "Follower",
    "GaussianCode",
    "GaussianPixels",
    "Lightness",
    "PatchWhitening",
    "ResizeLike",
    "ShorterSide",
    "StopGradient",
]
