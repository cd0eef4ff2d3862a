"""The model that fine-tuning gives: from pictures as they come to probabilities of named classes, or to numbers."""

import keras
import numpy as np
from keras import ops

from ..models import AudioModel, ClipModel, ImageModel, TextModel


@keras.saving.register_keras_serializable("keras_ssl")
class Answer(keras.layers.Layer):
    """What a network's last numbers mean.

    task: "classification": softmax, "multilabel": sigmoid, "regression": x scale + offset, in the labels' own units.
    classes: the names of the K outputs; [] for a regression.
    scale, offset: of a regression, one number or K.

    Shape: (N, K) -> (N, K).
    """

    def __init__(self, task, classes=(), scale=1.0, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.task, self.classes, self.scale, self.offset = task, list(classes), scale, offset

    def call(self, x):
        if self.task == "regression":
            return x * ops.convert_to_tensor(self.scale, x.dtype) + ops.convert_to_tensor(self.offset, x.dtype)
        return ops.softmax(x) if self.task == "classification" else ops.sigmoid(x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {"task": self.task, "classes": self.classes, "scale": self.scale, "offset": self.offset}
        return {**super().get_config(), **own}


class _Classes:
    """What a classifier of anything says."""

    @property
    def classes(self):
        """The names of the K classes, in the order of `predict`'s columns."""
        return self.get_layer("answer").classes

    def classify(self, examples, top=3):
        """The most probable classes: [(name, probability), ...] for one example, a list of these for many."""
        probabilities = np.asarray(self.predict(examples))
        rows = [
            [(self.classes[i], float(row[i])) for i in np.argsort(-row, kind="stable")[:top]]
            for row in np.atleast_2d(probabilities)
        ]
        return rows[0] if probabilities.ndim == 1 else rows


@keras.saving.register_keras_serializable("keras_ssl")
class Classifier(_Classes, ImageModel):
    """An encoder with a classifier on top, as fine-tuning leaves it. `predict` gives probabilities (N, K)."""


@keras.saving.register_keras_serializable("keras_ssl")
class TextClassifier(_Classes, TextModel):
    """The same of texts."""


@keras.saving.register_keras_serializable("keras_ssl")
class SoundClassifier(_Classes, AudioModel):
    """The same of waveforms."""


@keras.saving.register_keras_serializable("keras_ssl")
class ClipClassifier(_Classes, ClipModel):
    """The same of clips."""


OF = {"image": Classifier, "text": TextClassifier, "audio": SoundClassifier, "video": ClipClassifier}
