"""The Keras layers that self-supervised learning needs and Keras lacks."""

from .codes import CodeDistribution, GaussianCode
from .likelihoods import BernoulliPixels, GaussianPixels
from .normalization import BatchNormalization, BatchSpread
from .pictures import Lightness, PatchWhitening, ResizeLike
from .quantization import VectorQuantizer
from .sequences import ShiftedPositions

__all__ = [
    "BatchNormalization",
    "BatchSpread",
    "BernoulliPixels",
    "CodeDistribution",
    "GaussianCode",
    "GaussianPixels",
    "Lightness",
    "PatchWhitening",
    "ResizeLike",
    "ShiftedPositions",
    "VectorQuantizer",
]
