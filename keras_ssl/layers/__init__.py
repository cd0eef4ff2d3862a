"""The Keras layers that self-supervised learning needs and Keras lacks."""

from .attention import CrossAttention, SelfAttention
from .boltzmann import FreeEnergy
from .codes import CodeDistribution, GaussianCode
from .corruption import Corruption
from .dense import TiedDense
from .enlargement import BicubicEnlargement, PixelShuffle
from .following import Follower, StopGradient
from .holes import FillHoles, HideHoles
from .likelihoods import BernoulliPixels, GaussianPixels
from .normalization import BatchNormalization, BatchSpread, LayerNormalization
from .pairs import EveryPair, FoldPatches
from .patches import GreyForHidden, HiddenPatches, MaskToken, Patches, Positions, TokensToMap, VisibleTokens
from .pictures import Lightness, PatchWhitening, ResizeLike
from .quantization import VectorQuantizer
from .sequences import ShiftedPositions
from .sizes import ShorterSide
from .unpooling import BedOfNails, CropLike, MaxPoolingWithPositions, MaxUnpooling
from .vocabulary import Vocabulary
from .words import (
    AtPlaces,
    ContextEmbedding,
    FromWindows,
    LastWords,
    MaskedPooling,
    Unmasked,
    Windows,
    WithoutPadding,
    WordEmbedding,
    WordScores,
)

__all__ = [
    "AtPlaces",
    "ContextEmbedding",
    "BatchNormalization",
    "BatchSpread",
    "BedOfNails",
    "BernoulliPixels",
    "BicubicEnlargement",
    "CodeDistribution",
    "Corruption",
    "CropLike",
    "CrossAttention",
    "EveryPair",
    "FillHoles",
    "FoldPatches",
    "Follower",
    "FreeEnergy",
    "FromWindows",
    "GaussianCode",
    "GaussianPixels",
    "GreyForHidden",
    "HiddenPatches",
    "HideHoles",
    "LayerNormalization",
    "LastWords",
    "Lightness",
    "MaskToken",
    "MaskedPooling",
    "MaxPoolingWithPositions",
    "MaxUnpooling",
    "PatchWhitening",
    "Patches",
    "PixelShuffle",
    "Positions",
    "ResizeLike",
    "SelfAttention",
    "ShiftedPositions",
    "ShorterSide",
    "StopGradient",
    "TiedDense",
    "TokensToMap",
    "Unmasked",
    "VectorQuantizer",
    "VisibleTokens",
    "Vocabulary",
    "Windows",
    "WithoutPadding",
    "WordEmbedding",
    "WordScores",
]
