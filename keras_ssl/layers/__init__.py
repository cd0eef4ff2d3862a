"""The Keras layers that self-supervised learning needs and Keras lacks."""

from .codes import CodeDistribution, GaussianCode
from .holes import FillHoles, HideHoles
from .likelihoods import BernoulliPixels, GaussianPixels
from .normalization import BatchNormalization, BatchSpread
from .pairs import FoldPatches, PairWithFirst
from .pictures import Lightness, PatchWhitening, ResizeLike

__all__ = [
    "BatchNormalization",
    "BatchSpread",
    "BernoulliPixels",
    "CodeDistribution",
    "FillHoles",
    "FoldPatches",
    "GaussianCode",
    "GaussianPixels",
    "HideHoles",
    "Lightness",
    "PairWithFirst",
    "PatchWhitening",
    "ResizeLike",
]
