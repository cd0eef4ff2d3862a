"""Models of waveforms."""

import keras
import numpy as np

from ..errors import InputError
from .batches import joined


@keras.saving.register_keras_serializable("keras_ssl")
class AudioModel(keras.Model):
    """A Keras model of waveforms that takes them as they come.

    `predict` takes one waveform (T,) or many of different lengths, in a list or an array; float in -1..1 or whole
    numbers as sound files have them; a path of a .wav or .flac file, brought to the model's `rate`; or a
    tf.data.Dataset of batches. It gives its answer in float32, without a batch axis for one waveform.
    """

    @property
    def rate(self):
        """Samples a second of the waveforms that the model takes."""
        return getattr(self._spectrogram(), "rate", 8000)

    def longest(self, samples):
        """The samples that a waveform of so many is padded to: those of whole frames."""
        return getattr(self._spectrogram(), "longest", int)(samples)

    def respond(self, waveforms):
        """What `predict` and the SavedModel answer to a float batch (N, T): a pure TensorFlow function."""
        return self(waveforms, training=False)

    def endpoints(self):
        """The SavedModel's endpoints: name -> (function, list of tf.TensorSpec)."""
        import tensorflow as tf

        respond = tf.function(self.respond)  # the file then holds its graph once
        return {
            "serve": (respond, [tf.TensorSpec((None, None), tf.float32, "waveforms")]),
            "serve_int16": (
                lambda waveforms: respond(tf.cast(waveforms, tf.float32) / 32768),
                [tf.TensorSpec((None, None), tf.int16, "waveforms")],
            ),
        }

    def predict(self, x, batch_size=32, verbose=0):
        """The model's answer for one waveform, many, a path, or a tf.data.Dataset of batches.

        Waveforms of different lengths don't change each other's answers: sequences, and waveforms, are padded with
        zeros at the end.
        """
        if hasattr(x, "element_spec"):
            batches = x.map(lambda waveforms, *labels: waveforms)
            return joined([self._graph()(batch).numpy() for batch in batches])
        waveforms, single = self.natural(x)
        answers = self._answers(waveforms, batch_size)
        return answers[0] if single else joined([answer[None] for answer in answers])

    def natural(self, x):
        """(list of waveforms (T,), float32 in -1..1, whether `x` was one). InputError for what isn't a waveform."""
        return natural_waveforms(x, self.name, self.rate)

    def _answers(self, waveforms, batch_size=32):
        """What `predict` says of each of some waveforms. Those of as many frames are taken together."""
        groups = {}
        for i, waveform in enumerate(waveforms):
            groups.setdefault(self.longest(len(waveform)), []).append(i)
        whole = len(self.output_shape) == 2 and self.output_shape[1] is None  # waveforms again
        found = [None] * len(waveforms)
        for longest, group in groups.items():
            for at in range(0, len(group), batch_size):
                part = group[at : at + batch_size]
                batch = np.stack([np.pad(waveforms[i], (0, longest - len(waveforms[i]))) for i in part])
                for i, answer in zip(part, self._graph()(batch).numpy(), strict=True):
                    found[i] = answer[: len(waveforms[i])] if whole else answer
        return found

    def _spectrogram(self):
        from ..layers import Spectrogram

        return next((layer for layer in self._flatten_layers() if isinstance(layer, Spectrogram)), None)

    def _graph(self):
        import tensorflow as tf

        # Not an attribute by Keras's ways, which would take it for a part of the model.
        if "_respond" not in self.__dict__:
            signature = [tf.TensorSpec((None, None), tf.float32)]
            self.__dict__["_respond"] = tf.function(self.respond, input_signature=signature)
        return self.__dict__["_respond"]


def natural_waveforms(x, name="the model", rate=8000):
    """Waveforms as they come -> (list of float32 (T,) in -1..1, whether `x` was one waveform).

    Raises InputError for what isn't a waveform, or a list or array of them, and for a file that can't be read.
    """
    from ..data import audio_files
    from ..data.audio_sets import waveform

    if isinstance(x, str) or hasattr(x, "__fspath__"):
        samples, own = audio_files.opened(x)
        return [audio_files.resample(samples, own, rate)], True
    x = x.numpy() if hasattr(x, "numpy") else x
    single = np.ndim(x[0]) == 0 if len(x) else False
    given = [np.asarray(x)] if single else list(x)
    if not given:
        raise InputError(f"{name} takes waveforms: one (T,), or a list or array of them; got none")
    if isinstance(x, np.ndarray) and x.ndim == 2 and x.shape[1] <= 2 < x.shape[0]:
        raise InputError(f"{name} takes waveforms (N, T) of one channel, got {x.shape}: average the channels first")
    what = "the waveform" if single else "waveform {}"
    return [waveform(each, what.format(i)) for i, each in enumerate(given)], single
