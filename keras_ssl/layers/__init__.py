"""The Keras layers that self-supervised learning needs and Keras lacks."""

from .boltzmann import FreeEnergy
from .codes import CodeDistribution, GaussianCode
from .likelihoods import BernoulliPixels, GaussianPixels
from .normalization import BatchNormalization, BatchSpread
from .pictures import Lightness, PatchWhitening, ResizeLike

__all__ = [
    "BatchNormalization",
    "BatchSpread",
    "BernoulliPixels",
    "CodeDistribution",
    "FreeEnergy",
    "GaussianCode",
    "GaussianPixels",
    "Lightness",
    "PatchWhitening",
    "ResizeLike",
]
