"""The Keras layers that self-supervised learning needs and Keras lacks."""

from .attention import CrossAttention, SelfAttention
from .boltzmann import FreeEnergy
from .clips import FramesAsChannels, FramesFromPatches, RepeatedFrame, TimeReversal
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
from .sound_corruption import SoundCorruption
from .spectrograms import (
    BinsToChannels,
    ComplexMask,
    CrossSpectrum,
    FoldBins,
    HarmonicSpectrogram,
    InverseSpectrogram,
    SpectralFeatures,
    SpectralLevel,
    Spectrogram,
    WithoutOffset,
)
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
    "BatchNormalization",
    "BatchSpread",
    "BedOfNails",
    "BernoulliPixels",
    "BicubicEnlargement",
    "BinsToChannels",
    "CodeDistribution",
    "ComplexMask",
    "ContextEmbedding",
    "Corruption",
    "CropLike",
    "CrossAttention",
    "CrossSpectrum",
    "EveryPair",
    "FillHoles",
    "FoldBins",
    "FoldPatches",
    "Follower",
    "FramesAsChannels",
    "FramesFromPatches",
    "FreeEnergy",
    "FromWindows",
    "GaussianCode",
    "GaussianPixels",
    "GreyForHidden",
    "HarmonicSpectrogram",
    "HiddenPatches",
    "HideHoles",
    "InverseSpectrogram",
    "LastWords",
    "LayerNormalization",
    "Lightness",
    "MaskToken",
    "MaskedPooling",
    "MaxPoolingWithPositions",
    "MaxUnpooling",
    "PatchWhitening",
    "Patches",
    "PixelShuffle",
    "Positions",
    "RepeatedFrame",
    "ResizeLike",
    "SelfAttention",
    "ShiftedPositions",
    "ShorterSide",
    "SoundCorruption",
    "SpectralFeatures",
    "SpectralLevel",
    "Spectrogram",
    "StopGradient",
    "TiedDense",
    "TimeReversal",
    "TokensToMap",
    "Unmasked",
    "VectorQuantizer",
    "VisibleTokens",
    "Vocabulary",
    "Windows",
    "WithoutOffset",
    "WithoutPadding",
    "WordEmbedding",
    "WordScores",
]
