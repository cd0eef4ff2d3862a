"""The losses that self-supervised learning needs and Keras lacks."""

import keras
from keras import ops

from .data.masks import VOID
from .errors import InputError


def mse(images, reconstructions):
    """Mean squared error of pixels in 0..255, in units of pixels in 0..1: (N, ..., C) twice -> (N,)."""
    difference = (ops.cast(images, "float32") - ops.cast(reconstructions, "float32")) / 255
    return ops.mean(ops.square(difference), axis=tuple(range(1, len(difference.shape))))


@keras.saving.register_keras_serializable("keras_ssl")
class PixelMeanSquaredError(keras.losses.Loss):
    """`mse` as a loss: of images in 0..255, in units of pixels in 0..1."""

    def call(self, y_true, y_pred):
        return mse(y_true, y_pred)


@keras.saving.register_keras_serializable("keras_ssl")
class PixelSquaredError(keras.losses.Loss):
    """||x - y||^2 of images in 0..255, in units of pixels in 0..1: `mse` times the numbers that an image has.

    For networks with Adam whose output starts near the target: of the mean, the gradients of deep layers fall below the
    epsilon that Adam adds to their size (1e-7), which slows those layers down.
    """

    def call(self, y_true, y_pred):
        return mse(y_true, y_pred) * ops.cast(ops.prod(ops.shape(y_pred)[1:]), "float32")


@keras.saving.register_keras_serializable("keras_ssl")
class PixelCrossentropy(keras.losses.Loss):
    """Cross-entropy of every pixel's class, (N, H, W) against logits (N, H, W, K); pixels of `VOID` count nothing.

    weights: one for each class, or None for 1. The mean is over all pixels, those of `VOID` too: over the others it
    wouldn't be the mean of what replicas find on their shares of a batch.
    """

    def __init__(self, weights=None, **kwargs):
        super().__init__(**{"name": "pixel_crossentropy", **kwargs})
        self.weights = None if weights is None else [float(weight) for weight in weights]

    def call(self, y_true, y_pred):
        classes = ops.cast(y_true, "int32")
        counted = ops.not_equal(classes, VOID)
        classes = ops.where(counted, classes, 0)
        loss = keras.losses.sparse_categorical_crossentropy(classes, ops.cast(y_pred, "float32"), from_logits=True)
        if self.weights is not None:
            loss = loss * ops.take(ops.convert_to_tensor(self.weights, "float32"), classes)
        return ops.where(counted, loss, 0.0)

    def get_config(self):
        return {**super().get_config(), "weights": self.weights}


def pixel_accuracy(classes, logits):
    """Share of an image's pixels, but those of `VOID`, whose class is told: (N, H, W), (N, H, W, K) -> (N,)."""
    classes = ops.cast(classes, "int32")
    counted = ops.cast(ops.not_equal(classes, VOID), "float32")
    right = ops.cast(ops.equal(classes, ops.argmax(logits, axis=-1)), "float32")
    return ops.sum(right * counted, axis=(1, 2)) / ops.maximum(ops.sum(counted, axis=(1, 2)), 1)


def regularizer(given):
    """A Keras regularizer of itself, its name or its config (`keras.regularizers.serialize`); None of None.

    Raises InputError for what isn't one.
    """
    try:
        return keras.regularizers.get(given)
    except (ValueError, TypeError, KeyError) as error:
        example = {"class_name": "L1", "config": {"l1": 1e-4}}
        raise InputError(
            f"regularizer is a Keras regularizer, its name or config, such as {example}; got {given!r}"
        ) from error


def snr(y_true, y_pred, most=60):
    """Signal-to-noise ratio in dB of waveforms (N, T), at most `most`: 10 log10(|x|^2 / |x - y|^2), (N,)."""
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    power, error = (ops.sum(ops.square(each), axis=-1) for each in (y_true, y_true - y_pred))
    return 10 / ops.log(10.0) * (ops.log(power + 1e-7) - ops.log(error + 10 ** (-most / 10) * power + 1e-7))


@keras.saving.register_keras_serializable("keras_ssl")
class SignalToNoise(keras.losses.Loss):
    """Minus the signal-to-noise ratio, `snr`, as a loss of waveforms (N, T).

    A dB counts as much for a sound that lost little as for one that lost much, and for a soft one as for a loud one
    (Luo, Mesgarani, IEEE/ACM TASLP 27 (2019) 1256-1266, without the freedom of scale).

    most: dB from which on nothing more is to be gained. Where gradients are largest for what is nearly right already,
    as they are without a limit, nothing is dared where more is missing (Wisdom et al., NeurIPS 2020, arXiv:2006.12701).
    """

    def __init__(self, most=60, **kwargs):
        super().__init__(**{"name": "signal_to_noise", **kwargs})
        self.most = most

    def call(self, y_true, y_pred):
        return -snr(y_true, y_pred, self.most)

    def get_config(self):
        return {**super().get_config(), "most": self.most}


@keras.saving.register_keras_serializable("keras_ssl")
class SpectralDistance(keras.losses.Loss):
    """SignalToNoise and ten times the distance of the sizes of short-time Fourier transforms at three resolutions.

    Their spectral convergence, | |X| - |Y| | / | |X| |, of Yamamoto, Song, Kim, ICASSP 2020, arXiv:1910.11480: what is
    lost sounds less muffled for some signal-to-noise ratio.
    """

    def call(self, y_true, y_pred):
        import tensorflow as tf

        y_true, y_pred = tf.cast(y_true, tf.float32), tf.cast(y_pred, tf.float32)
        loss = -snr(y_true, y_pred)
        for window in (64, 256, 1024):
            sizes = []
            for each in (y_true, y_pred):
                found = tf.signal.stft(each, window, window // 4, pad_end=True)
                sizes.append(tf.sqrt(tf.math.real(found) ** 2 + tf.math.imag(found) ** 2 + 1e-8))
            error, whole = (tf.reduce_sum(each**2, axis=(1, 2)) for each in (sizes[0] - sizes[1], sizes[0]))
            loss += 10 / 3 * tf.sqrt(error / whole + 1e-8)
        return loss
