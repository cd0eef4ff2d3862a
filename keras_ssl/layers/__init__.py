"""The Keras layers that self-supervised learning needs and Keras lacks."""

from .attention import SelfAttention
from .codes import CodeDistribution, GaussianCode
from .likelihoods import BernoulliPixels, GaussianPixels
from .normalization import BatchNormalization, BatchSpread, LayerNormalization
from .patches import GreyForHidden, HiddenPatches, MaskToken, Patches, Positions, TokensToMap, VisibleTokens
from .pictures import Lightness, PatchWhitening, ResizeLike

__all__ = [
    "BatchNormalization",
    "BatchSpread",
    "BernoulliPixels",
    "CodeDistribution",
    "GaussianCode",
    "GaussianPixels",
    "GreyForHidden",
    "HiddenPatches",
    "LayerNormalization",
    "Lightness",
    "MaskToken",
    "PatchWhitening",
    "Patches",
    "Positions",
    "ResizeLike",
    "SelfAttention",
    "TokensToMap",
    "VisibleTokens",
]
