"""The Keras layers that self-supervised learning needs and Keras lacks."""

from .codes import CodeDistribution, GaussianCode
from .corruption import Corruption
from .dense import TiedDense
from .enlargement import BicubicEnlargement, PixelShuffle
from .likelihoods import BernoulliPixels, GaussianPixels
from .normalization import BatchNormalization, BatchSpread
from .pictures import Lightness, PatchWhitening, ResizeLike

__all__ = [
    "BatchNormalization",
    "BatchSpread",
    "BernoulliPixels",
    "BicubicEnlargement",
    "CodeDistribution",
    "Corruption",
    "GaussianCode",
    "GaussianPixels",
    "Lightness",
    "PatchWhitening",
    "PixelShuffle",
    "ResizeLike",
    "TiedDense",
]
