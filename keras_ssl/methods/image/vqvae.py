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

from ... import energies, losses, views
from ...architectures.residual import residual_decoder
from ...architectures.transformer import causal_transformer
from ...errors import InputError
from ...layers import VectorQuantizer
from ...layers.quantization import entropy
from ...models import OwnStep
from .autoencoder import Autoencoder

LOSS = None  # train_step has its own
METRICS = []
FIXED_SIZE = True  # the prior knows a grid of one size
PRECISION = 16  # about 1 / the variance of photos' pixels: the squared error is weighed in units of that
PRIOR_EVERY = 4  # images of a training batch: the prior learns from one in so many, or it would take most of the time
CHUNK = 250  # images at a time when drawing and measuring


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
class VQVAE(OwnStep, Autoencoder):
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
        vectors = self.get_layer("codebook").look_up(indices.astype("int32"))
        return self.get_layer("decoder").predict(vectors, batch_size=CHUNK, verbose=0)

    def sample(self, n, seed=0):
        """n new images (n, H, W, C), float32 in 0..255, of codes drawn from the prior; the same for the same seed."""
        chance, draw = self._chance(n, seed), tf.function(self._draw, reduce_retracing=True)
        parts = [draw(chance[i : i + CHUNK]) for i in range(0, max(1, n), CHUNK)]
        return self.decode(np.concatenate(parts))

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

    "mse_over_variance": beside a vocabulary without a network, k-means of image patches, as many and as large as the
    codes' places, and beside the mean training image. "perplexity": of K codes. "prior_bits": a code, beside what the
    codes' own frequencies reach. "energy_auc": images, against the same with noise (standard deviation 0.1 for pixels
    in 0..1).
    """
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    codes, size = model.encode(test), model.get_layer("codebook").size
    surprise = tf.function(model._surprise, reduce_retracing=True)
    nats = np.mean(np.concatenate([surprise(codes[i : i + CHUNK]) for i in range(0, len(codes), CHUNK)]))
    nats_alone = float(entropy(codes, size))
    clean = model.energy(test)
    noise = np.random.default_rng(0).normal(0, 25.5, test.shape)
    noisy = model.energy(np.clip(test + noise, 0, 255))
    variance = np.var(test / 255)
    mean_image = np.mean((test / 255 - train.mean(axis=0) / 255) ** 2)
    patches = _mse_of_patches(train, test, codes.shape[1:], size)
    return {
        "mse_over_variance": {
            "value": np.mean(clean) / variance,
            "patches": patches / variance,
            "mean_image": mean_image / variance,
        },
        "mse": {"value": np.mean(clean), "patches": patches, "mean_image": mean_image},
        "perplexity": {"value": np.exp(nats_alone), "of": size},
        "prior_bits": {"value": nats / np.log(2), "frequencies": nats_alone / np.log(2)},
        "energy_auc": {"value": energies.auc(clean, noisy), "chance": 0.5},
    }


def _mse_of_patches(train, test, grid, size, images=2000):
    """Squared error when each patch of `test` is replaced by the nearest of `size` patches that k-means finds."""
    from sklearn.cluster import MiniBatchKMeans

    def cut(images):
        rows, columns = (max(1, full // part) for full, part in zip(images.shape[1:3], grid, strict=True))
        n, h, w, c = len(images), images.shape[1] // rows, images.shape[2] // columns, images.shape[3]
        patches = images[:, : h * rows, : w * columns].reshape(n, h, rows, w, columns, c).swapaxes(2, 3)
        return patches.reshape(n * h * w, -1).astype("float32") / 255

    known, asked = cut(train[:images]), cut(test)
    means = MiniBatchKMeans(min(size, len(known)), batch_size=8192, n_init=1, random_state=0).fit(known)
    return np.mean((asked - means.cluster_centers_[means.predict(asked)]) ** 2)


def show(model, images):
    """Images, their reconstructions, and new images of codes drawn from the prior."""
    return [
        ("images", images, None),
        ("reconstructed", model.predict(images), None),
        ("samples", model.sample(len(images)), None),
        ("more samples", model.sample(len(images), seed=1), None),
    ]
