"""VQ-VAE: an image as a grid of words, of a vocabulary that is learned with the network that speaks it.

van den Oord, Vinyals, Kavukcuoglu, NeurIPS 2017, arXiv:1711.00937. Each place of the encoder's map is given the nearest
code vector (layers.VectorQuantizer), and the image is rebuilt from those. A small causal Transformer learns which codes
follow which; codes drawn from it give new images.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import baselines, losses, views
from ...architectures.residual import residual_decoder
from ...architectures.transformer import causal_transformer
from ...errors import InputError
from ...layers import VectorQuantizer
from ...layers.quantization import entropy
from ...models import OwnStep, by_parts
from .autoencoder import Reconstructor, errors

LOSS = None  # train_step has its own
METRICS = []
FIXED_SIZE = True  # the prior knows a grid of one size
PRECISION = 16  # about 1 / the variance of photos' pixels: the squared error is weighed in units of that
PRIOR_EVERY = 4  # images of a training batch: the prior learns from one in so many, or it would take most of the time


def pretext(images, seed, flips=True):
    """The image is its own target; the target's place is taken by what chance needs.

    images (N, H, W, C) -> images, mirrored at random, and an int32 of each (N,), the seed of what dead codes become: of
    the data pipeline, so that a resumed run draws the same and each replica its own.
    """
    chance = tf.random.stateless_uniform([tf.shape(images)[0]], views.fold(seed, "revive"), None, None, tf.int32)
    return (views.flip(images, seed) if flips else images), chance


def build(
    encoder, vectors=512, code=32, codebook="ema", beta=0.25, revive=0.03, width=128, blocks=2, hidden=32, prior=(96, 2)
):
    """Image -> [its reconstruction (N, H, W, C), float32 in 0..255, the prior's logits (N, h w, vectors)].

    vectors: how many code vectors there are, K; code: their length.
    codebook, beta, revive: as VectorQuantizer takes them.
    width, blocks, hidden: the decoder's, as residual_decoder takes them.
    prior: [width, depth] of the Transformer.

    Raises InputError for an encoder without a feature map of one known size.
    """
    features = encoder.output
    if len(features.shape) != 4 or None in features.shape[1:]:
        raise InputError(
            f"codes need a feature map (N, h, w, C) of known size, this encoder gives {tuple(features.shape)}: "
            "take another, or give a size (such as --size 32)"
        )
    z = layers.Conv2D(code, 1, dtype="float32", name="code")(encoder(encoder.input))
    book = VectorQuantizer(vectors, codebook, beta, revive=revive, dtype="float32", name="codebook")
    quantised, indices = book(z)
    rebuilt = residual_decoder(quantised.shape[1:], encoder.input_shape[1:], width, blocks, hidden)(quantised)
    places = math.prod(indices.shape[1:])
    p = causal_transformer(vectors, places, *prior, name="prior")
    logits = p(layers.Reshape((places,), name="words")(indices))
    return VQVAE(encoder.input, [rebuilt, logits], name="vqvae")


@keras.saving.register_keras_serializable("keras_ssl")
class VQVAE(OwnStep, Reconstructor):
    """`predict` reconstructs; `encode` gives code indices, `decode` images of them, `sample` new images.

    `energy` is the reconstruction's squared error: low for images that the codes have words for.
    """

    TRACKED = ("loss", "mse", "perplexity", "prior_bits")

    def respond(self, images):
        return self._decode(self._encode(images))

    def train_step(self, data):
        images, chance = data
        with tf.GradientTape() as tape:
            loss, z, indices, *figures = self._objective(images, training=True)
            share = self.share(loss)
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(share, weights), weights, strict=True))
        self.get_layer("codebook").follow(z, indices, tf.stack([chance[0], 0]))
        return self.track(loss, *figures)

    def test_step(self, data):
        loss, _, _, *figures = self._objective(data[0], training=False)
        return self.track(loss, *figures)

    def decode(self, indices):
        """Code indices (N, h, w), as `encode` gives them -> images (N, H, W, C), float32 in 0..255.

        Raises InputError for a grid of another size, or indices that no code has.
        """
        indices, grid, size = np.asarray(indices), self._grid(), self.get_layer("codebook").size
        if indices.shape[1:] != grid or indices.dtype.kind not in "iu":
            raise InputError(f"{self.name} decodes integers of shape (N, {grid[0]}, {grid[1]}), got {indices.shape} "
                             f"of {indices.dtype}")  # fmt: skip
        if indices.size and not 0 <= indices.min() <= indices.max() < size:
            raise InputError(f"{self.name} has codes 0..{size - 1}, got {indices.min()}..{indices.max()}")
        return by_parts(self._decode, indices.astype("int32"))

    def sample(self, n, seed=0):
        """n new images (n, H, W, C), float32 in 0..255, of codes drawn from the prior; the same for the same seed."""
        draw = tf.function(self._draw, reduce_retracing=True)
        return self.decode(by_parts(draw, self._chance(n, seed)))

    def endpoints(self):
        indices = tf.TensorSpec((None, *self._grid()), tf.int32, "indices")
        n, seed = tf.TensorSpec((), tf.int32, "n"), tf.TensorSpec((), tf.int32, "seed")
        return {
            **super().endpoints(),
            "decode": (self._decode, [indices]),
            "sample": (lambda n, seed: self._decode(self._draw(self._chance(n, seed))), [n, seed]),
        }

    def _grid(self):
        """(h, w): how the codes lie."""
        return tuple(self.get_layer("decoder").input_shape[1:3])

    def _map(self, images, training=False):
        features = keras.tree.flatten(self.get_layer("encoder")(images, training=training))[-1]
        return self.get_layer("code")(features)

    def _encode(self, images):
        return self.get_layer("codebook")(self._map(images))[1]

    def _decode(self, indices):
        return self.get_layer("decoder")(self.get_layer("codebook").look_up(indices), training=False)

    def _energy(self, images):
        return losses.mse(images, self.respond(images))

    def _objective(self, images, training):
        """Mean loss of a batch, the encoder's map, code indices, and squared error, perplexity, the prior's bits."""
        book = self.get_layer("codebook")
        z = self._map(images, training)
        quantised, indices = book(z)
        mse = tf.reduce_mean(losses.mse(images, self.get_layer("decoder")(quantised, training=training)))
        nats = tf.reduce_mean(self._surprise(indices[:: PRIOR_EVERY if training else 1], training))
        loss = PRECISION * mse + book.objective(z, indices) + nats
        return loss, z, indices, mse, tf.exp(entropy(indices, book.size)), nats / math.log(2)

    def _surprise(self, indices, training=False):
        """-log p of code indices (N, h, w) under the prior: the mean over an image's codes in nats, (N,)."""
        words = tf.reshape(indices, [-1, math.prod(self._grid())])
        logits = self.get_layer("prior")(words, training=training)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(words, logits), axis=1)

    def _chance(self, n, seed):
        """A uniform number for each code of n images (n, h w)."""
        return tf.random.stateless_uniform([n, math.prod(self._grid())], [seed, 0], alg="philox")

    def _draw(self, chance):
        """Code indices (n, h, w) drawn from the prior, each where its uniform number of (n, h w) falls."""
        prior, places = self.get_layer("prior"), math.prod(self._grid())

        def one_more(i, words):
            # What stands in a place doesn't tell in its own logits.
            logits = prior(tf.pad(words, [[0, 0], [0, 1]]), training=False)[:, -1]
            below = tf.cumsum(tf.nn.softmax(logits), axis=1) <= chance[:, i : i + 1]
            word = tf.minimum(tf.reduce_sum(tf.cast(below, tf.int32), axis=1), logits.shape[-1] - 1)
            return i + 1, tf.concat([words, word[:, None]], axis=1)

        start = 0, tf.zeros([tf.shape(chance)[0], 0], tf.int32)
        shapes = tf.TensorShape([]), tf.TensorShape([None, None])
        _, words = tf.while_loop(lambda i, words: i < places, one_more, start, shapes)
        return tf.reshape(words, [-1, *self._grid()])


def measure(model, dataset):
    """Squared error, use of the codes, and the prior's bits on test images.

    "mse", "mse_train", "energy_auc": as an autoencoder's, beside PCA of as many components as an image has codes, each
        a number where a code is one of K.
    "mse_over_variance": beside codes without a network, the nearest of K patches that k-means finds, as large as a
        code's place, and beside the mean training image.
    "perplexity": of the K codes. "prior_bits": a code, beside what the codes' own frequencies reach.
    """
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    codes, size = model.encode(test), model.get_layer("codebook").size
    figures = errors(model, train, test, baselines.pca(train, math.prod(codes.shape[1:])))
    error = figures["mse"] | {"patches": baselines.patches_error(train, test, codes.shape[1:], size)}
    surprise = tf.function(model._surprise, reduce_retracing=True)
    bits = {"value": np.mean(by_parts(surprise, codes)), "frequencies": float(entropy(codes, size))}
    return {
        **figures,
        "mse_over_variance": {name: mse / np.var(baselines.flat(test)) for name, mse in error.items()},
        "perplexity": {"value": np.exp(bits["frequencies"]), "of": size},
        "prior_bits": {name: nats / np.log(2) for name, nats in bits.items()},
    }


def show(model, images):
    """Images, their reconstructions, and new images of codes drawn from the prior."""
    return [
        ("images", images, None),
        ("reconstructed", model.predict(images), None),
        ("samples", model.sample(len(images)), None),
        ("more samples", model.sample(len(images), seed=1), None),
    ]
