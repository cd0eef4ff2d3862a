import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from keras_ssl.layers import (
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


def sounds(samples, count=2):
    return np.random.default_rng(1).normal(0, 0.2, (count, samples)).astype("float32")


@pytest.mark.parametrize("samples", [1, 5, 64, 255, 256, 1000, 4097])
@pytest.mark.parametrize(("window", "hop"), [(256, 64), (256, 128)])
def test_inverse_gives_every_sample_back(samples, window, hop):
    waveforms = sounds(samples)
    layer = Spectrogram(window, hop)
    found = layer(waveforms)
    assert found.shape == (2, layer.frames(samples), window // 2 + 1, 2) and found.shape[1] % 8 == 0
    np.testing.assert_allclose(InverseSpectrogram(window, hop)([found, waveforms]), waveforms, atol=2e-6)


def test_frames_are_scipys():
    waveform = sounds(1000, 1)
    found = Spectrogram(256, 64)(waveform).numpy()[0]
    padded = np.pad(waveform[0], (192, 600))
    for frame in (0, 3, 9):
        right = np.fft.rfft(padded[64 * frame : 64 * frame + 256] * signal.get_window("hann", 256))
        np.testing.assert_allclose(found[frame, :, 0] + 1j * found[frame, :, 1], right, atol=1e-4)


def test_zeros_up_to_the_longest_change_no_frame():
    waveform, layer = sounds(1000, 1), Spectrogram()
    longest = layer.longest(1000)
    assert layer.frames(longest) == layer.frames(1000) < layer.frames(longest + 1)
    padded = np.pad(waveform, [(0, 0), (0, longest - 1000)])
    np.testing.assert_array_equal(layer(waveform), layer(padded))


def test_level_leaves_out_loudness_and_nothing_else():
    spectrogram = Spectrogram()(sounds(2000))
    levelled, level = SpectralLevel()(spectrogram)
    np.testing.assert_allclose(levelled * level, spectrogram, rtol=1e-5, atol=1e-6)
    louder, _ = SpectralLevel()(5 * spectrogram)
    np.testing.assert_allclose(louder, levelled, rtol=1e-4, atol=1e-6)
    loudest = tf.reduce_max(tf.reduce_mean(tf.reduce_sum(levelled**2, axis=3), axis=2), axis=1)
    np.testing.assert_allclose(loudest, [1, 1], rtol=1e-5)
    silence, _ = SpectralLevel()(tf.zeros_like(spectrogram))
    np.testing.assert_array_equal(silence, np.zeros(spectrogram.shape))
    assert np.isfinite(SpectralFeatures()(silence)).all()


def test_mask_is_a_complex_product_and_a_sum():
    random = np.random.default_rng(2)
    x, answers = random.normal(size=(1, 3, 5, 2)), random.normal(size=(1, 3, 4, 4))
    found = ComplexMask()([tf.constant(x, tf.float32), tf.constant(answers, tf.float32)]).numpy()
    x, m, r = x[..., 0] + 1j * x[..., 1], answers[..., 0] + 1j * answers[..., 1], answers[..., 2] + 1j * answers[..., 3]
    right = np.concatenate([(1 + m) * x[:, :, :4] + r, x[:, :, 4:]], axis=2)
    np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], right, atol=1e-5)


def as_complex(spectrogram):
    return np.asarray(spectrogram)[..., 0] + 1j * np.asarray(spectrogram)[..., 1]


def test_mask_of_a_second_spectrogram():
    random = np.random.default_rng(2)
    x, y, answers = (random.normal(size=(1, 3, *rest)).astype("float32") for rest in ((5, 2), (5, 2), (4, 6)))
    found = as_complex(ComplexMask()([x, y, answers]))
    alone = as_complex(ComplexMask()([x, answers[..., :4]]))
    right = alone[:, :, :4] + as_complex(y)[:, :, :4] * as_complex(answers[..., 4:])
    np.testing.assert_allclose(found[:, :, :4], right, atol=1e-5)
    np.testing.assert_array_equal(found[:, :, 4], as_complex(x)[:, :, 4])


def test_cross_spectrum_is_the_product_with_the_conjugate():
    x, y = (np.random.default_rng(seed).normal(size=(2, 3, 5, 2)).astype("float32") for seed in (1, 2))
    np.testing.assert_allclose(as_complex(CrossSpectrum()([x, y])), as_complex(x) * np.conj(as_complex(y)), atol=1e-5)


def test_harmonics_are_sums_and_differences_of_two_tones_and_of_their_phases():
    times, low, high = np.arange(4000) / 8000, 8, 28  # bins of 31.25 Hz
    tones = [np.cos(2 * np.pi * 31.25 * bin * times + phase) for bin, phase in ((low, 0.4), (high, 1.5))]
    waveform = sum(tones)[None].astype("float32")
    own = as_complex(Spectrogram()(waveform))[0, 30]
    found = as_complex(HarmonicSpectrogram()([waveform, tf.ones([1, 1, 1, 1])]))[0, 30]
    peaks = [bin for bin in range(2, 128) if abs(found[bin]) > max(10, *np.abs(found[[bin - 1, bin + 1]]))]
    assert peaks == [2 * low, high - low, low + high, 2 * high]
    for bin, right in ((2 * low, own[low] ** 2), (high - low, own[high] / own[low]), (36, own[low] * own[high])):
        np.testing.assert_allclose(found[bin] / abs(found[bin]), right / abs(right), atol=0.05)
    quieter = HarmonicSpectrogram()([waveform / 4, tf.fill([1, 1, 1, 1], 0.25)])
    np.testing.assert_allclose(as_complex(quieter)[0, 30], found, atol=1e-3)


def test_offset_is_the_mean_before_the_zeros_behind():
    found = WithoutOffset()(tf.constant([[1.0, 0, 2, 3, 0, 0], [0, 0, 0, 0, 0, 0], [-1, 1, -1, 1, -1, 1]]))
    right = [[-0.5, -1.5, 0.5, 1.5, 0, 0], [0, 0, 0, 0, 0, 0], [-1, 1, -1, 1, -1, 1]]
    np.testing.assert_allclose(found, right, atol=1e-6)


def test_bins_fold_by_hand_and_back():
    maps = tf.reshape(tf.range(8.0), [1, 1, 4, 2])
    folded = FoldBins()(maps)
    np.testing.assert_array_equal(folded[0, 0], [[0, 1, 2, 3], [4, 5, 6, 7]])
    np.testing.assert_array_equal(FoldBins(back=True)(folded), maps)
    np.testing.assert_array_equal(BinsToChannels()(maps)[0, 0], range(8))
    np.testing.assert_array_equal(BinsToChannels(4)(BinsToChannels()(maps)), maps)


def test_layers_come_back_from_their_configs():
    own = (Spectrogram(512, 128, 4, 16000), HarmonicSpectrogram(512, 128, 4, 16000), InverseSpectrogram(512, 128))
    for layer in (*own, FoldBins(True), BinsToChannels(8), CrossSpectrum(), ComplexMask(), WithoutOffset()):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
    waveforms = keras.Input((None,))
    assert Spectrogram()(waveforms).shape == (None, None, 129, 2)
