"""Models of texts."""

import keras
import numpy as np

from ..errors import InputError
from .batches import joined


@keras.saving.register_keras_serializable("keras_ssl")
class TextModel(keras.Model):
    """A Keras model of texts that takes them as they come.

    Its graph takes ids of words (N, T), as `words()`, a `layers.Vocabulary` in it, gives them, or texts (N,).
    `predict` takes one text or many, in a list, an array, a tensor or a tf.data.Dataset of batches, and gives its
    answer in float32, without a batch axis for one text.
    """

    def words(self):
        """The Vocabulary, wherever in the model it lies."""
        from ..layers import Vocabulary

        return next(layer for layer in self._flatten_layers() if isinstance(layer, Vocabulary))

    def respond(self, texts):
        """What `predict` and the SavedModel answer to a string tensor (N,): a pure TensorFlow function."""
        return self(texts if self.inputs[0].dtype == "string" else self.words()(texts), training=False)

    def endpoints(self):
        """The SavedModel's endpoints: name -> (function, list of tf.TensorSpec)."""
        import tensorflow as tf

        return {"serve": (self.respond, [tf.TensorSpec((None,), tf.string, "texts")])}

    def predict(self, x, batch_size=32):
        """The model's answer for one text, many, or a tf.data.Dataset of batches. Sequences are padded with zeros."""
        if hasattr(x, "element_spec"):
            batches = x.map(lambda texts, *labels: texts)
            return joined([self._graph("respond")(batch).numpy() for batch in batches])
        return self.answer("respond", x, batch_size)

    def answer(self, verb, texts, batch_size=32):
        """What a method of this model, by name, that takes a string tensor (N,), says of texts as they come.

        In float32, without a batch axis for one text. Texts of similar length are taken together.
        """
        texts, single = natural_texts(texts, self.name)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        parts = [[texts[i] for i in order[at : at + batch_size]] for at in range(0, len(texts), batch_size)]
        found = joined([self._graph(verb)(part).numpy() for part in parts])
        answer = np.empty_like(found)
        answer[order] = found
        return answer[0] if single else answer

    def _graph(self, verb):
        import tensorflow as tf

        # Not an attribute by Keras's ways, which would take it for a part of the model.
        graphs = self.__dict__.setdefault("_graphs", {})
        if verb not in graphs:
            graphs[verb] = tf.function(getattr(self, verb), input_signature=[tf.TensorSpec((None,), tf.string)])
        return graphs[verb]


def natural_texts(x, name="the model"):
    """Texts as they come -> (a list of str or bytes, whether `x` was one text). InputError for what isn't text."""
    x = x.numpy() if hasattr(x, "numpy") else x
    single = isinstance(x, (str, bytes)) or (isinstance(x, np.ndarray) and x.ndim == 0)
    texts = [x.item() if isinstance(x, np.ndarray) else x] if single else list(x)
    wrong = next((text for text in texts if not isinstance(text, (str, bytes))), None)
    if wrong is not None:
        raise InputError(f"{name} takes texts: a str, or a list or 1-D array of them; got a {type(wrong).__name__}")
    return texts, single
