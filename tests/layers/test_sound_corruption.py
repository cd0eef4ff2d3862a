import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from keras_ssl import losses
from keras_ssl.errors import InputError
from keras_ssl.layers import SoundCorruption
from keras_ssl.layers.sound_corruption import KINDS, SLOT, band, clipping, gaps, noise, quantization

SEED = [3, 4]


def sounds(count=3, samples=4000):
    return np.random.default_rng(1).normal(0, 0.1, (count, samples)).astype("float32")


def test_noise_has_the_ratio_asked_for():
    clean = sounds()
    strengths = tf.constant([-5.0, 0.0, 20.0])
    added = noise(clean, SEED, strengths).numpy() - clean
    found = 10 * np.log10((clean.astype("float64") ** 2).sum(1) / (added.astype("float64") ** 2).sum(1))
    np.testing.assert_allclose(found, strengths, atol=1e-3)
    frequency, power = signal.welch(added[0], nperseg=256)
    assert power[1:-1].max() / power[1:-1].min() < 12, "white: no frequency stands out"


def test_gaps_lose_the_share_asked_for_in_one_piece_a_slot():
    clean = np.ones((2, 3 * SLOT), "float32")
    spoilt = gaps(clean, SEED, tf.constant([0.25, 0.1])).numpy()
    for row, share in zip(spoilt, (0.25, 0.1), strict=True):
        for slot in row.reshape(3, SLOT):
            assert (slot == 0).sum() == round(share * SLOT)
            assert np.abs(np.diff(slot)).sum() <= 2, "one piece"
    assert len({slot.tobytes() for slot in spoilt[0].reshape(3, SLOT)}) == 3, "at places drawn"


def test_clipping_by_hand():
    waveform = tf.constant([[0.0, 0.5, -1.0, 0.1], [0.0, 0.2, 0.0, -0.05]])
    spoilt = clipping(waveform, SEED, tf.constant([0.3, 0.5]))
    np.testing.assert_allclose(spoilt, [[0, 0.3, -0.3, 0.1], [0, 0.1, 0, -0.05]], atol=1e-7)


def test_band_takes_an_octave_out_and_nothing_else():
    clean = sounds(1, 4001)
    spoilt = band(clean, SEED, tf.constant([1.0])).numpy()
    before, after = np.fft.rfft(clean[0]), np.fft.rfft(spoilt[0])
    lost = np.abs(after) < 1e-3
    np.testing.assert_allclose(after[~lost], before[~lost], atol=1e-3)
    places = np.flatnonzero(lost)
    assert (np.diff(places) == 1).all(), "one band"
    assert places[-1] / places[0] == pytest.approx(2, rel=0.02)


def test_quantization_by_hand():
    waveform = tf.constant([[1.0, 0.6, -0.3, 0.2]])
    np.testing.assert_allclose(quantization(waveform, SEED, tf.constant([2.0])), [[1.0, 0.5, -0.5, 0.0]], atol=1e-6)
    np.testing.assert_allclose(quantization(waveform, SEED, tf.constant([3.0])), [[1.0, 0.5, -0.25, 0.25]], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_take_silence_and_single_samples(kind):
    function, _, usual = KINDS[kind]
    for samples in (1, 2, 37):
        found = function(tf.zeros([2, samples]), SEED, tf.fill([2], usual))
        np.testing.assert_array_equal(found, np.zeros((2, samples)))


def test_a_mixture_draws_each_kind_alike():
    clean = sounds(400, 800)
    spoilt = SoundCorruption(["clipping", "quantization"]).corrupt(clean, SEED).numpy()
    limits = np.abs(spoilt).max(axis=1) < np.abs(clean).max(axis=1) * 0.6
    assert 160 < limits.sum() < 240
    assert not np.array_equal(spoilt, SoundCorruption(["clipping", "quantization"]).corrupt(clean, [3, 5]))
    assert (losses.snr(clean, spoilt).numpy() < 40).all(), "each of them is spoilt"


def test_bands_are_drawn_as_often_as_their_share_says():
    clean = sounds(400, 800)
    spoilt = SoundCorruption(["quantization", "band"]).corrupt(clean, SEED).numpy()
    steps = np.array([len(np.unique(each)) <= 2**4 + 1 for each in spoilt])
    assert 70 < steps.sum() < 130, "a quarter of 400"


@pytest.mark.parametrize(("kinds", "message"), [(["echo"], "echo"), ([], "no corruptions")])
def test_refuses(kinds, message):
    with pytest.raises(InputError, match=message):
        SoundCorruption(kinds)
