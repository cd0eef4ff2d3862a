"""The Keras layers that self-supervised learning needs and Keras lacks."""

from .boltzmann import FreeEnergy
from .codes import CodeDistribution, GaussianCode
from .corruption import Corruption
from .dense import TiedDense
from .enlargement import BicubicEnlargement, PixelShuffle
from .following import Follower, StopGradient
from .holes import FillHoles, HideHoles
from .likelihoods import BernoulliPixels, GaussianPixels
from .normalization import BatchNormalization, BatchSpread
from .pairs import FoldPatches, PairWithFirst
from .pictures import Lightness, PatchWhitening, ResizeLike

__all__ = [
    "BatchNormalization",
    "BatchSpread",
    "BernoulliPixels",
    "BicubicEnlargement",
    "CodeDistribution",
    "Corruption",
    "FillHoles",
    "FoldPatches",
    "Follower",
    "FreeEnergy",
    "GaussianCode",
    "GaussianPixels",
    "HideHoles",
    "Lightness",
    "PairWithFirst",
    "PatchWhitening",
    "PixelShuffle",
    "ResizeLike",
    "StopGradient",
    "TiedDense",
]
