"""Variational autoencoder: a code with a known distribution, so that codes drawn from it give new images.

Kingma, Welling, ICLR 2014, arXiv:1312.6114. Maximises the evidence lower bound of the likelihood,
ELBO = E_q(z|x) [log p(x|z)] - beta KL(q(z|x) || N(0, I)), beta 1; other beta: Higgins et al., ICLR 2017.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import baselines, transfer, views
from ...architectures.decoders import decoder as build_decoder
from ...architectures.decoders import flattened
from ...errors import unknown
from ...layers import BernoulliPixels, GaussianCode, GaussianPixels
from ...models import OwnStep
from .autoencoder import Autoencoder, noise_told

LOSS = None  # train_step has its own
METRICS = []
FIXED_SIZE = True
SAMPLES = 200  # of the importance-weighted likelihood
CHUNK = 500  # images at a time when measuring
ACTIVE = 0.01  # variance of a code's mean over the data from which on it counts as used (Burda et al.)


def pretext(images, seed, code=20, likelihood="bernoulli"):
    """The image is its own target; the target's place is taken by the noise that draws its code.

    images (N, H, W, C) -> images, in black and white for "bernoulli", and standard normal noise (N, code). Noise of the
    data pipeline and not of a layer: replicas would draw the same in a layer, and a resumed run another.
    """
    noise = tf.random.stateless_normal([tf.shape(images)[0], code], views.fold(seed, "noise"))
    return (views.binarise(images, seed) if likelihood == "bernoulli" else images), noise


def build(encoder, code=20, decoder="mlp", widths=None, beta=1.0, likelihood="bernoulli"):
    """Image -> its reconstruction from the mean of its code (N, H, W, C), float32 in 0..255.

    code: length of the code z. decoder: "mlp" or "convnet", widths: its own. beta: weight of the KL divergence.
    likelihood: "bernoulli", pixels are black or white, or "gaussian", of one variance that is trained.
    """
    features = flattened(encoder.output)
    spread = layers.Dense(code, dtype="float32", name="log_variance")(features)
    mean = layers.Dense(code, dtype="float32", name="mean")(features)
    # The mean comes last: the last output is what the encoder gives to other tasks.
    f = keras.Model(encoder.input, [spread, mean], name="encoder")
    g = build_decoder(decoder, code, encoder.input_shape[1:], widths=widths, pixels=False)
    pixels = {"bernoulli": BernoulliPixels, "gaussian": GaussianPixels}.get(likelihood)
    if pixels is None:
        raise unknown("likelihood", likelihood, ["bernoulli", "gaussian"])
    z = GaussianCode(beta, dtype="float32", name="code")(f(encoder.input))
    return VAE(encoder.input, pixels(dtype="float32", name="pixels")(g(z)), name="vae")


@keras.saving.register_keras_serializable("keras_ssl")
class VAE(OwnStep, Autoencoder):
    """`predict` reconstructs from the mean of q(z|x); `encode` gives that mean, `sample` images of z ~ N(0, I).

    Likelihoods are in nats: of black-and-white images, or densities of pixels in 0..1 ("gaussian").
    """

    TRACKED = ("loss", "reconstruction", "kl")

    def train_step(self, data):
        images, noise = data
        with tf.GradientTape() as tape:
            loss, *terms = self._objective(images, noise, training=True)
            share = self.share(loss)
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(share, weights), weights, strict=True))
        return self.track(loss, *terms)

    def test_step(self, data):
        return self.track(*self._objective(*data, training=False))

    def elbo(self, images, seed=0):
        """A lower bound of each image's log likelihood, with one draw of its code: (N,), a number for one picture."""
        images, single = self.natural(images)
        bounds = self._elbo(images, seed).numpy()
        return bounds[0] if single else bounds

    def log_likelihood(self, images, samples=100, seed=0):
        """Log likelihood of each image by importance sampling (Burda et al., arXiv:1509.00519): (N,), or a number.

        Too low on average, by less with more samples; with one it is an ELBO. Memory grows with N, time with N samples.
        """
        images, single = self.natural(images)
        likelihoods = tf.function(self._log_likelihood)(images, tf.constant(samples), tf.constant(seed)).numpy()
        return likelihoods[0] if single else likelihoods

    def interpolate(self, a, b, steps=8):
        """Images (steps, H, W, C) on the straight line between the codes of the pictures a and b, both included."""
        return self._interpolate(self.natural(a)[0][0], self.natural(b)[0][0], steps).numpy()

    def endpoints(self):
        shape = self._image_shape()
        images = tf.TensorSpec((None, *shape), tf.float32, "images")
        a, b = (tf.TensorSpec(shape, tf.float32, name) for name in "ab")
        samples, seed, steps = (tf.TensorSpec((), tf.int32, name) for name in ("samples", "seed", "steps"))
        return {
            **super().endpoints(),
            "elbo": (self._elbo, [images, seed]),
            "log_likelihood": (self._log_likelihood, [images, samples, seed]),
            "interpolate": (self._interpolate, [a, b, steps]),
        }

    def _objective(self, images, noise, training):
        """Mean loss, reconstruction -log p(x|z) and KL divergence of a batch."""
        reconstruction, divergence = map(tf.reduce_mean, self._terms(images, noise, training))
        return reconstruction + self.get_layer("code").beta * divergence, reconstruction, divergence

    def _terms(self, images, noise, training=False):
        """-log p(x|z) for one draw of z, and KL(q(z|x) || N(0, I)), of each image: (N,), (N,)."""
        q = self.get_layer("code")
        parameters = self.get_layer("encoder")(images, training=training)
        decoded = self.get_layer("decoder")(q.sample(*parameters, noise), training=training)
        return -self.get_layer("pixels").log_probability(images, decoded), q.divergence(*parameters)

    def _elbo(self, images, seed):
        return -tf.add_n(self._terms(images, self._draw(tf.shape(images)[0], seed)))

    def _log_likelihood(self, images, samples, seed):
        spread, mean = self.get_layer("encoder")(images, training=False)

        def log_weight(k):
            """log p(x|z) p(z) / q(z|x) of one draw of z for each image, (N,)."""
            noise = tf.random.stateless_normal(tf.shape(mean), [seed, k], alg="philox")
            z = self.get_layer("code").sample(spread, mean, noise)
            likelihood = self.get_layer("pixels").log_probability(images, self.get_layer("decoder")(z, training=False))
            return likelihood + tf.reduce_sum(noise**2 - z**2 + spread, axis=-1) / 2

        # One after the other: in memory, each would hold what it decodes.
        weights = tf.map_fn(log_weight, tf.range(samples), parallel_iterations=1, fn_output_signature=tf.float32)
        return tf.reduce_logsumexp(weights, axis=0) - tf.math.log(tf.cast(samples, tf.float32))

    def _interpolate(self, a, b, steps):
        _, codes = self.get_layer("encoder")(tf.stack([a, b]), training=False)
        way = tf.linspace(0.0, 1.0, steps)[:, None]
        return self._decode(codes[:1] * (1 - way) + codes[1:] * way)

    def _decode(self, codes):
        return self.get_layer("pixels")(self.get_layer("decoder")(codes, training=False))

    def _draw(self, n, seed):
        return views.normal([n, self.code], seed)


def measure(model, dataset):
    """Bounds of the test images' negative log likelihood in nats, beside what a model without learning reaches.

    "bernoulli" on test images binarised once by a fixed seed, beside independent pixels of the training images' mean
    brightness; "gaussian" beside probabilistic PCA of as many components (scikit-learn). "energy_auc": `noise_told`.

    What the code (its mean) is worth, of images with classes, each beside raw pixels: "nmi" and "cluster_accuracy" of
    k-means on test images, as transfer.kmeans gives them, and "probe_1_percent", a linear probe with 1 % of the labels.
    """
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    bernoulli = isinstance(model.get_layer("pixels"), BernoulliPixels)
    if bernoulli:
        baseline = {"independent_pixels": baselines.independent_pixels(train, test).mean()}
    else:
        baseline = _probabilistic_pca(train, test, model.code)
    likelihood = tf.function(model._log_likelihood)  # one graph for all parts

    def parts(images):
        for i in range(0, len(images), CHUNK):
            some = images[i : i + CHUNK]
            yield i, tf.cast(views.binarise(some, [0, i]) if bernoulli else some, tf.float32)

    def losses(images):
        return sum(np.sum(model._terms(x, model._draw(len(x), i)), axis=1) for i, x in parts(images)) / len(images)

    reconstruction, divergence = losses(test)
    weighted = [np.sum(likelihood(x, tf.constant(SAMPLES), tf.constant(i))) for i, x in parts(test)]
    means = np.concatenate([model._encode(x) for _, x in parts(test)])
    code = _worth(model, dataset) if dataset.task == "classification" else {}
    return {
        "negative_elbo": {"value": reconstruction + divergence, **baseline},
        "negative_log_likelihood": {"value": -sum(weighted) / len(test), "samples": SAMPLES, **baseline},
        "reconstruction": {"value": reconstruction},
        "kl": {"value": divergence},
        "negative_elbo_train": {"value": sum(losses(train))},
        "energy_auc": noise_told(model, train, test),
        "active_units": {"value": np.sum(means.var(axis=0) > ACTIVE), "of": model.code},
        **code,
    }


def _worth(model, dataset):
    """Clusters and a probe of the code's means, beside raw pixels."""
    code, pixels = (transfer.kmeans(each, dataset) for each in (model, baselines.pixels(dataset.shape)))
    return {
        "nmi": {"value": code["nmi"], "raw_pixels": pixels["nmi"]},
        "cluster_accuracy": {"value": code["accuracy"], "raw_pixels": pixels["accuracy"]},
        "probe_1_percent": baselines.few_labels(model, dataset),
    }


def _probabilistic_pca(train, test, d):
    from sklearn.decomposition import PCA

    train, test = (images.reshape(len(images), -1) / 255 for images in (train, test))
    return {"probabilistic_pca": -PCA(d, random_state=0).fit(train).score(test)}


def show(model, images):
    """Images, their reconstructions, new images of random codes, and a walk from the first image to the second."""
    return [
        ("images", images, None),
        ("reconstructed", model.predict(images), None),
        ("samples", model.sample(len(images)), None),
        ("interpolated", model.interpolate(images[0], images[1], steps=len(images)), None),
    ]
