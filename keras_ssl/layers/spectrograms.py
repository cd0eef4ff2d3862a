"""Spectrograms as layers: short-time Fourier transforms of waveforms, and back without loss."""

import keras
import tensorflow as tf

FLOOR = 1e-4  # deviation of samples below which a waveform counts as silence: 16-bit files' steps are 3e-5


@keras.saving.register_keras_serializable("keras_ssl")
class Spectrogram(keras.layers.Layer):
    """Short-time Fourier transform, real and imaginary parts: waveforms (N, T) -> (N, t, window / 2 + 1, 2), float32.

    window: samples of the Hann window; hop: samples from one frame to the next, a divisor of it.
    multiple: zeros after the waveform make the number of frames t one of its multiples, as networks that halve it need.
    rate: of the waveforms, samples a second; kept for those who bring waveforms to it.

    Each sample lies in window / hop frames, the first and the last one too.
    """

    def __init__(self, window=256, hop=64, multiple=8, rate=8000, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.window, self.hop, self.multiple, self.rate = window, hop, multiple, rate

    def frames(self, samples):
        """How many frames a waveform of so many samples has."""
        frames = -(-(samples + self.window - self.hop) // self.hop)
        return -(-frames // self.multiple) * self.multiple

    def longest(self, samples):
        """The samples of the longest waveform of as many frames: one padded to it with zeros gives the same frames."""
        return self.frames(samples) * self.hop - (self.window - self.hop)

    def call(self, waveforms):
        before = self.window - self.hop
        samples = tf.shape(waveforms)[1]
        after = self.longest(samples) - samples + before
        padded = tf.pad(tf.cast(waveforms, tf.float32), [[0, 0], [before, after]])
        found = tf.signal.stft(padded, self.window, self.hop, self.window)
        return tf.stack([tf.math.real(found), tf.math.imag(found)], axis=-1)

    def compute_output_shape(self, input_shape):
        samples = input_shape[1]
        return (input_shape[0], samples and self.frames(samples), self.window // 2 + 1, 2)

    def get_config(self):
        mine = {name: getattr(self, name) for name in ("window", "hop", "multiple", "rate")}
        return {**super().get_config(), **mine}


@keras.saving.register_keras_serializable("keras_ssl")
class WithoutOffset(keras.layers.Layer):
    """Waveforms (N, T) less their own mean, float32. Zeros behind the last other sample don't count, and stay.

    Recorders add a constant, each its own: to a network that learnt from few of them, another's would be damage.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, waveforms):
        inside = tf.cast(tf.cumsum(tf.abs(waveforms), axis=1, reverse=True) > 0, tf.float32)
        sums, counts = (tf.reduce_sum(each, axis=1, keepdims=True) for each in (waveforms, inside))
        return waveforms - inside * tf.math.divide_no_nan(sums, counts)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_ssl")
class HarmonicSpectrogram(Spectrogram):
    """`Spectrogram` of a waveform's square: [waveforms (N, T), levels (N, 1, 1, 1)] -> (N, t, window / 2 + 1, 2).

    A product of two partials is their sum and their difference, phases too: of a voice, partials again, also where a
    band of it was lost (Makhoul, Berouti, ICASSP 1979, 428-431, who rectify). Waveforms are divided by their levels.
    """

    def call(self, inputs):
        waveforms, levels = inputs
        return super().call((waveforms / levels[:, :, 0, 0]) ** 2)

    def compute_output_shape(self, input_shape):
        return super().compute_output_shape(input_shape[0])


@keras.saving.register_keras_serializable("keras_ssl")
class CrossSpectrum(keras.layers.Layer):
    """X times the conjugate of Y, whose phase is that between them: two spectrograms (N, t, F, 2) -> one, float32."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs):
        x, y = inputs
        return _product(x, y * tf.constant([1.0, -1.0]))

    def compute_output_shape(self, input_shape):
        return input_shape[0]


def _product(x, y):
    """Of complex numbers as pairs (..., 2)."""
    (a, b), (c, d) = (tf.unstack(each, axis=-1) for each in (x, y))
    return tf.stack([a * c - b * d, a * d + b * c], axis=-1)


@keras.saving.register_keras_serializable("keras_ssl")
class InverseSpectrogram(keras.layers.Layer):
    """The waveforms of spectrograms: [(N, t, window / 2 + 1, 2), waveforms (N, T) of the wanted length] -> (N, T).

    Undoes `Spectrogram` of the same window and hop to rounding (Griffin, Lim, IEEE TASSP 32 (1984) 236-243).
    """

    def __init__(self, window=256, hop=64, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.window, self.hop = window, hop

    def call(self, inputs):
        spectrograms, waveforms = inputs
        spectrograms = tf.complex(spectrograms[..., 0], spectrograms[..., 1])
        weights = tf.signal.inverse_stft_window_fn(self.hop)
        padded = tf.signal.inverse_stft(spectrograms, self.window, self.hop, self.window, window_fn=weights)
        before = self.window - self.hop
        found = padded[:, before : before + tf.shape(waveforms)[1]]
        return tf.ensure_shape(found, waveforms.shape)

    def compute_output_shape(self, input_shape):
        return input_shape[1]

    def get_config(self):
        return {**super().get_config(), "window": self.window, "hop": self.hop}


@keras.saving.register_keras_serializable("keras_ssl")
class SpectralLevel(keras.layers.Layer):
    """Spectrograms (N, t, F, 2) -> [the same without their loudness, the level (N, 1, 1, 1) that they were divided by].

    It is the root mean square of the bins of the loudest frame, so that zeros after a waveform don't change it. Silence
    has the level of `FLOOR`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, spectrograms):
        power = tf.reduce_mean(tf.reduce_sum(spectrograms**2, axis=3), axis=2)  # (N, t)
        power = tf.reduce_max(power, axis=1)[:, None, None, None]
        bins = tf.cast(2 * (tf.shape(spectrograms)[2] - 1), tf.float32)
        level = tf.sqrt(tf.maximum(power, 0.375 * bins * FLOOR**2))  # a Hann window's mean square is 0.375
        return spectrograms / level, level

    def compute_output_shape(self, input_shape):
        return input_shape, (input_shape[0], 1, 1, 1)


@keras.saving.register_keras_serializable("keras_ssl")
class SpectralFeatures(keras.layers.Layer):
    """What a network sees of a spectrogram (N, t, F, 2) in which 1 is loud: (N, t, F - 1, 4), about -3..3.

    Real and imaginary part, their size compressed to its square root (sounds differ by factors of thousands), the
    logarithm of the size, and the frequency, which convolutions can't tell. Without the highest bin: so sizes halve.
    """

    def call(self, spectrograms):
        x = tf.cast(spectrograms[:, :, :-1], tf.float32)
        power = tf.reduce_sum(x**2, axis=3, keepdims=True) + 1e-8
        frequency = tf.linspace(-1.0, 1.0, tf.shape(x)[2])[None, None, :, None] * tf.ones_like(power)
        found = tf.concat([x * power**-0.25, tf.math.log(power) / 4 + 1, frequency], axis=3)
        return tf.cast(found, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        n, frames, bins, _ = input_shape
        return (n, frames, bins and bins - 1, 4)


@keras.saving.register_keras_serializable("keras_ssl")
class ComplexMask(keras.layers.Layer):
    """Spectrograms masked and added to: [X (N, t, F, 2), answers (N, t, F - 1, 4)] -> (1 + M) X + R, (N, t, F, 2).

    The answers are a complex mask M, which turns phases too (Williamson, Wang, Wang, IEEE/ACM TASLP 24 (2016) 483-492),
    and R, which puts sound where X has none. Answers of zero leave X as it is. The highest bin stays as it is.
    With another spectrogram, [X, Y, answers (N, t, F - 1, 6)] -> (1 + M) X + R + K Y, K the last two of the answers.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs):
        x, *others, answers = inputs
        answers = tf.pad(tf.cast(answers, tf.float32), [[0, 0], [0, 0], [0, 1], [0, 0]])
        mask, added, *more = tf.split(answers, answers.shape[-1] // 2, axis=-1)
        found = x + _product(x, mask) + added
        for other, weights in zip(others, more, strict=True):
            found += _product(other, weights)
        return found

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable("keras_ssl")
class FoldBins(keras.layers.Layer):
    """Pairs of neighbouring bins put into channels, (N, t, F, C) -> (N, t, F / 2, 2 C); with `back` the reverse."""

    def __init__(self, back=False, **kwargs):
        super().__init__(**kwargs)
        self.back = back

    def call(self, maps):
        shape, (bins, channels) = tf.shape(maps), maps.shape[2:]
        size = (bins * 2, channels // 2) if self.back else (bins // 2, channels * 2)
        return tf.reshape(maps, [shape[0], shape[1], *size])

    def compute_output_shape(self, input_shape):
        n, frames, bins, channels = input_shape
        return (n, frames, *((bins * 2, channels // 2) if self.back else (bins // 2, channels * 2)))

    def get_config(self):
        return {**super().get_config(), "back": self.back}


@keras.saving.register_keras_serializable("keras_ssl")
class BinsToChannels(keras.layers.Layer):
    """A map as a sequence, a frame's bins side by side: (N, t, F, C) -> (N, t, F C); with `bins`, F, the reverse."""

    def __init__(self, bins=None, **kwargs):
        super().__init__(**kwargs)
        self.bins = bins

    def call(self, maps):
        shape = tf.shape(maps)
        size = [maps.shape[2] * maps.shape[3]] if self.bins is None else [self.bins, maps.shape[2] // self.bins]
        return tf.reshape(maps, [shape[0], shape[1], *size])

    def compute_output_shape(self, input_shape):
        n, frames, *rest = input_shape
        return (n, frames, rest[0] * rest[1]) if self.bins is None else (n, frames, self.bins, rest[0] // self.bins)

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}
