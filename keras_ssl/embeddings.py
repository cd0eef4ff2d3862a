"""What joint-embedding methods share: the pretext of two views, the model with its energy, its figures, its picture."""

import keras
import numpy as np
import tensorflow as tf

from . import energies, views
from .architectures.projector import projector
from .errors import InputError
from .layers import ShorterSide
from .models import ImageModel
from .pair_losses import partners, unit

CHUNK = 500  # images at a time when measuring
THUMBNAIL = 8  # side of the small pictures whose distance is the energy without learning


def pretext(images, seed):
    """Two views of each image, which belong together.

    images (N, H, W, C) -> views (2N, H, W, C) as `views.two_views` gives them, the number of each view's image (2N,)
    """
    return views.two_views(images, seed), tf.repeat(tf.range(tf.shape(images)[0]), 2)


def embedded(encoder, shape, widths, norm, last_norm=False):
    """Pictures -> embedding (N, widths[-1]), as a symbolic tensor from `encoder.input` on.

    Pictures of any size are first brought to the scale of the data, `shape` (H, W, C), by their shorter side, for a
    network tells by the sizes that it knows; shape None leaves them. widths, norm, last_norm: as for `projector`.
    """
    side = min(shape[:2]) if shape and None not in shape else None
    images = ShorterSide(side, dtype="float32", name="size")(encoder.input)
    return projector(encoder.output_shape[1:], widths, norm, last_norm)(encoder(images))


@keras.saving.register_keras_serializable("keras_ssl")
class EmbeddingModel(ImageModel):
    """`predict` gives embeddings (N, d) as trained, `embed` of unit length; `energy` is their distance."""

    def respond(self, images):
        # Only the way to the embedding, and so a SavedModel holds no weights of a predictor or a teacher.
        return keras.Model(self.inputs, self.outputs[0])(images, training=False)

    def embed(self, images):
        """Pictures, as `predict` takes them -> embeddings of unit length (N, d), (d,) for one."""
        z = self.predict(images, batch_size=256)
        return z / np.maximum(np.linalg.norm(z, axis=-1, keepdims=True), 1e-12)

    def energy(self, a, b):
        """Distance of the embeddings of pictures a and b, in 0..2: (N,), a number for one pair.

        Low for two views of one thing. a and b may differ in size where the encoder takes any. Raises InputError where
        they aren't equally many.
        """
        a, b = self.embed(a), self.embed(b)
        if a.shape != b.shape:
            raise InputError(f"the energy of {self.name} is one of pairs: got {_count(a)} and {_count(b)}")
        return np.linalg.norm(a - b, axis=-1)

    def endpoints(self):
        images, a, b = (tf.TensorSpec((None, *self._image_shape()), tf.float32, name) for name in ("images", "a", "b"))
        return {**super().endpoints(), "embed": (self._embed, [images]), "energy": (self._energy, [a, b])}

    def _embed(self, images):
        return unit(self.respond(images))

    def _energy(self, a, b):
        return tf.norm(self._embed(a) - self._embed(b), axis=-1)


def _count(embeddings):
    return "one picture" if embeddings.ndim == 1 else f"a batch of {len(embeddings)}"


@keras.saving.register_keras_serializable("keras_ssl")
class PredictiveModel(EmbeddingModel):
    """An EmbeddingModel without negatives: from one view's embedding, a predictor tells the other view's target.

    Its outputs are [embedding, prediction, target], each (N, d); the loss gets (target of the other view, prediction).
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        _, prediction, target = y_pred
        return super().compute_loss(x, partners(target), prediction, sample_weight, training=training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred[0], sample_weight)


def measure(model, dataset):
    """How well the energy tells two views of a test image from views of two, and how far embeddings spread.

    Beside it the distance of 8x8 thumbnails.
    """
    images, _ = dataset.arrays("test")
    learned, thumbnails = [], []
    for i in range(0, len(images), CHUNK):
        pair = views.two_views(images[i : i + CHUNK], tf.constant([0, i]))
        learned.append(model.embed(pair))
        small = tf.image.resize(pair, (THUMBNAIL, THUMBNAIL), antialias=True)
        thumbnails.append(small.numpy().reshape(len(small), -1))
    learned, thumbnails = np.concatenate(learned), np.concatenate(thumbnails)
    spread = np.mean(learned.std(axis=0)) * learned.shape[1] ** 0.5
    return {
        "energy_auc": {"value": _auc(learned), "thumbnails": _auc(thumbnails), "chance": 0.5},
        "embedding_std": {"value": spread, "collapsed": 0.0},
    }


def _auc(features):
    """Chance that the distance of two views of an image is below that of views of two: features (2N, D), in pairs."""
    a, b = features[0::2], features[1::2]
    related, unrelated = (np.linalg.norm(a - other, axis=1) for other in (b, np.roll(b, 1, axis=0)))
    return energies.auc(related, unrelated)


def show(model, images):
    """A view of each image, another one, and one of the next image, under their energies."""
    pairs = views.two_views(images, tf.constant([0, 1])).numpy()
    a, b = pairs[0::2], pairs[1::2]
    rows = [("a view", a, None)]
    for title, other in (("another", b), ("of another image", np.roll(b, 1, axis=0))):
        rows.append((title, other, [f"{energy:.2f}" for energy in model.energy(a, other)]))
    return rows
