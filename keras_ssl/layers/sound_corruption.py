"""Spoiling sounds on purpose, for those who learn to mend them.

Each kind is a pure function (waveforms (N, T), seed, strengths (N,)) -> spoilt waveforms (N, T), float32.
"""

import keras
import numpy as np
import tensorflow as tf

from ..errors import InputError, unknown
from ..views import fold

SLOT = 800  # samples that have one gap each
LOWEST, HIGHEST = 0.05, 0.3  # where it begins, as a share of half the sampling rate: at 8,000 Hz, 200 to 1,200 Hz


def noise(waveforms, seed, strengths):
    """White Gaussian noise; strength: the signal-to-noise ratio in dB, reached exactly. Silence stays."""
    drawn = tf.random.stateless_normal(tf.shape(waveforms), seed, alg="philox")
    power, own = (tf.reduce_sum(x**2, axis=1) for x in (waveforms, drawn))
    scale = tf.sqrt(tf.math.divide_no_nan(power, own) * 10 ** (-strengths / 10))
    return waveforms + scale[:, None] * drawn


def gaps(waveforms, seed, strengths):
    """A gap of zeros in each SLOT samples, at a place drawn; strength: the share of samples lost."""
    count, samples = tf.unstack(tf.shape(waveforms))
    slots = -(-samples // SLOT)
    length = tf.round(strengths * SLOT)[:, None, None]
    start = tf.random.stateless_uniform([count, slots, 1], seed, alg="philox") * (SLOT - length)
    place = tf.range(SLOT, dtype=tf.float32)[None, None] - tf.floor(start)
    lost = tf.reshape((place >= 0) & (place < length), [count, -1])[:, :samples]
    return tf.where(lost, 0.0, waveforms)


def clipping(waveforms, seed, strengths):
    """Cut off above and below; strength: where, as a share of the waveform's peak."""
    limit = strengths[:, None] * tf.reduce_max(tf.abs(waveforms), axis=1, keepdims=True)
    return tf.clip_by_value(waveforms, -limit, limit)


def band(waveforms, seed, strengths):
    """A band taken out, at a place drawn, its Fourier coefficients zero; strength: its width in octaves."""
    count, samples = tf.unstack(tf.shape(waveforms))
    drawn = tf.random.stateless_uniform([count, 1], seed, alg="philox")
    low = LOWEST * (HIGHEST / LOWEST) ** drawn
    coefficients = tf.signal.rfft(waveforms)
    frequency = tf.range(tf.shape(coefficients)[1], dtype=tf.float32) / tf.cast(samples, tf.float32) * 2
    lost = (frequency >= low) & (frequency < low * 2 ** strengths[:, None])
    return tf.signal.irfft(tf.where(lost, tf.zeros_like(coefficients), coefficients), [samples])


def quantization(waveforms, seed, strengths):
    """Rounded to few values; strength: the bits, of which 2 ** bits steps lie between minus and plus the peak."""
    step = 2 * tf.reduce_max(tf.abs(waveforms), axis=1, keepdims=True) * 2 ** -strengths[:, None]
    return tf.round(tf.math.divide_no_nan(waveforms, step)) * step


# name -> (function, range of strengths to draw from, the strength that figures are taken at)
KINDS = {
    "noise": (noise, (-5.0, 15.0), 0.0),
    "gaps": (gaps, (0.05, 0.35), 0.2),
    "clipping": (clipping, (0.05, 0.5), 0.2),
    "band": (band, (0.7, 1.3), 1.0),
    "quantization": (quantization, (1.5, 4.0), 3.0),
}
SHARES = {"band": 3}  # of what is drawn, 1 for the others: what was in a band is the slowest to learn


@keras.saving.register_keras_serializable("keras_ssl")
class SoundCorruption(keras.layers.Layer):
    """Ways to spoil sounds. In a network it hands them on as they are, and keeps what its model was trained to mend.

    kinds: names of KINDS, of which one is drawn for each waveform, as often as SHARES say, and its strength with it;
    None for all.

    Raises InputError for an unknown kind, and for none.
    """

    def __init__(self, kinds=None, **kwargs):
        super().__init__(**kwargs)
        kinds = list(KINDS) if kinds is None else [kinds] if isinstance(kinds, str) else list(kinds)
        if not kinds:
            raise InputError(f"there are no corruptions to mend: give some of {', '.join(KINDS)}")
        for kind in kinds:
            if kind not in KINDS:
                raise unknown("corruption", kind, list(KINDS))
        self.kinds = kinds

    def call(self, waveforms):
        return waveforms

    def corrupt(self, waveforms, seed):
        """Waveforms (N, T) -> the same spoilt, float32; the same for the same seed, int (2,)."""
        waveforms = tf.cast(waveforms, tf.float32)
        count = tf.shape(waveforms)[0]
        which, how = (tf.random.stateless_uniform([count], fold(seed, use), alg="philox") for use in ("kind", "how"))
        ends = np.cumsum([SHARES.get(kind, 1) for kind in self.kinds])
        which = tf.searchsorted(tf.constant(ends / ends[-1], tf.float32), which, side="right")
        found = waveforms
        for i, kind in enumerate(self.kinds):
            function, (low, high), _ = KINDS[kind]
            spoilt = function(waveforms, fold(seed, kind), low + how * (high - low))
            found = tf.ensure_shape(tf.where((which == i)[:, None], spoilt, found), waveforms.shape)
        return found

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "kinds": self.kinds}
