"""An encoder of sounds: convolutions over a spectrogram, in the graph, and the decoder that goes with it.

After the complex spectrogram U-Nets of Choi et al., ICLR 2019, arXiv:1903.03107. Between two frames a filter looks the
same at every pitch, so that a voice never heard before is a pattern that was seen, shifted.
"""

import keras
from keras import layers

from ..errors import InputError
from ..layers import (
    BatchNormalization,
    BinsToChannels,
    ComplexMask,
    CrossSpectrum,
    FoldBins,
    HarmonicSpectrogram,
    InverseSpectrogram,
    ResizeLike,
    SpectralFeatures,
    SpectralLevel,
    Spectrogram,
    WithoutOffset,
)

SKIPS = ("stem", "block1", "block2")
BINS = 8  # those of the deepest map


def spectrogram_net(shape=(None,), widths=(24, 48, 96, 96), window=256, hop=64, rate=8000):
    """Waveforms (N, T) in -1..1 -> a sequence (N, t, 8 widths[-1]), one vector each 8 hops; any length.

    widths: channels of the stem, which halves the frequencies, and of three blocks, which halve time and frequencies.
    window, hop: samples of the spectrogram's windows, 256, and from one to the next, a divisor of it.
    rate: of the waveforms, samples a second.

    Blocks: "stem", "block1" to "block3", maps (N, t, F, C); "block1a" to "block3a" are after their first convolution.
    Raises InputError for other windows, whose frequencies don't halve.
    """
    if window != 32 * BINS or window % hop:
        raise InputError(f"the window is of {32 * BINS} samples, a multiple of the hop; got {window} and {hop}")
    waveforms = keras.Input(shape, name="waveforms")
    x = WithoutOffset(name="without_offset")(waveforms)
    x = Spectrogram(window, hop, 8, rate, name="spectrogram")(x)
    x, _ = SpectralLevel(name="level")(x)
    x = SpectralFeatures(name="features")(x)
    x = _convolution(x, widths[0], "stem", (5, 5), (1, 2))
    for i, width in enumerate(widths[1:], start=1):
        x = _convolution(x, width, f"block{i}a", strides=(2, 2))
        x = _convolution(x, width, f"block{i}")
    x = BinsToChannels(name="sequence")(x)
    return keras.Model(waveforms, x, name="encoder")


def restorer(encoder, widths=(32, 48, 64)):
    """(the encoder giving its earlier maps too, the restored waveforms (N, T), a Keras tensor made of its input).

        encoder, restored = restorer(encoder)
        keras.Model(encoder.input, restored)

    widths: the decoder's channels beside "stem", "block1" and "block2" of the encoder, where it has these.

    The decoder gives a complex mask, what is to be added, and a complex mask of the waveform's harmonics, whose phases
    fit in where a band was lost; all zero at the start: training begins at the input.
    Raises InputError for other than three widths, and for an encoder that gives no sequence.
    """
    from . import maps_of, with_skips

    if len(widths) != len(SKIPS):
        raise InputError(f"a decoder of spectrograms takes {len(SKIPS)} widths, got {widths}")
    if len(encoder.output.shape) != 3:
        raise InputError(f"restoring needs an encoder that gives a sequence (N, t, C), got {encoder.output.shape}")
    known = next((layer for layer in encoder.layers if isinstance(layer, Spectrogram)), None)
    window, hop, rate = (known.window, known.hop, known.rate) if known else (256, 64, 8000)
    skips = maps_of(encoder, SKIPS)
    encoder = with_skips(encoder, skips)
    waveforms = encoder.input
    centred = WithoutOffset(name="without_offset")(waveforms)
    spectrogram = Spectrogram(window, hop, 8, rate, name="spectrogram")(centred)
    levelled, level = SpectralLevel(name="level")(spectrogram)
    harmonics = HarmonicSpectrogram(window, hop, 8, rate, name="harmonics")([centred, level])
    harmonics, _ = SpectralLevel(name="harmonics_level")(harmonics)
    apart = CrossSpectrum(name="apart")([levelled, harmonics])
    features = [SpectralFeatures(name="features")(levelled), SpectralFeatures(name="harmonics_features")(harmonics)]
    features.append(SpectralFeatures(name="apart_features")(apart))
    features = layers.Concatenate(name="seen")(features)
    answers = keras.tree.flatten(encoder(waveforms))
    decoder = _decoder(features, skips, answers, widths)
    mask = decoder([features, *answers])
    restored = ComplexMask(name="mask")([levelled, harmonics, mask])
    restored = layers.Multiply(dtype="float32", name="loud_again")([restored, level])
    restored = InverseSpectrogram(window, hop, name="back")([restored, waveforms])
    offset = layers.Subtract(dtype="float32", name="offset")([waveforms, centred])
    return encoder, layers.Add(dtype="float32", name="restored")([restored, offset])


def _decoder(features, skips, answers, widths):
    """A model named "decoder": [features (N, t, F, C), maps of the encoder, its sequence] -> (N, t, F, 6)."""
    seen = keras.Input(features.shape[1:], name="seen")
    maps = {name: keras.Input(each.shape[1:], name=f"{name}_map") for name, each in zip(skips, answers, strict=False)}
    sequence = x = keras.Input(answers[-1].shape[1:], name="sequence")
    if x.shape[-1] % BINS:
        x = layers.Dense(BINS * widths[-1], name="up_bins")(x)
    x = BinsToChannels(BINS, name="up_deepest")(x)
    for name, width in [("block2", widths[2]), ("block1", widths[1])]:
        if name in maps:
            x = _meet(x, [maps[name]], f"up_{name}")
            x = _convolution(x, width, f"up_{name}")
    folded = FoldBins(name="up_folded")(seen)
    x = _meet(x, [folded, *([maps["stem"]] if "stem" in maps else [])], "up")
    x = _convolution(x, widths[0], "up")
    x = _convolution(x, widths[0], "upb", (1, 7))  # a lost band is wider than a few bins, and mended from beside it
    x = layers.Conv2D(12, 3, padding="same", kernel_initializer="zeros", dtype="float32", name="up_mask")(x)
    x = FoldBins(back=True, dtype="float32", name="up_bins_back")(x)
    return keras.Model([seen, *maps.values(), sequence], x, name="decoder")


def _meet(x, maps, name):
    """A map enlarged to the maps' size and joined with them, channel by channel."""
    return layers.Concatenate(name=f"{name}_meet")([ResizeLike("nearest", name=f"{name}_size")([x, maps[0]]), *maps])


def _convolution(x, width, name, side=3, strides=1):
    x = layers.Conv2D(width, side, strides, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
    return layers.ReLU(name=name)(x)
