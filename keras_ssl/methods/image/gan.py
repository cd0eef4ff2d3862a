"""Generative adversarial network: make images out of noise that a discriminator takes for real.

Goodfellow et al., NeurIPS 2014, arXiv:1406.2661 (models.Adversaries); Radford, Metz, Chintala, ICLR 2016,
arXiv:1511.06434. The discriminator's trunk is the encoder. In training its head also sees how much the images of a
batch differ (layers.BatchSpread), and a gradient penalty on real images holds it back.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import frechet, views
from ...architectures.dcgan import dcgan_generator
from ...errors import InputError
from ...layers import BatchSpread
from ...models import Adversaries, ImageModel

LOSS, METRICS = None, []
PENALTY = 0.05  # weight of R1, for pixels in -1..1


def pretext(images, seed, noise=64):
    """Images (N, H, W, C) -> {"image": mirrored at random, "noise": (N, noise), normal}."""
    n = tf.shape(images)[0]
    noise = tf.random.stateless_normal([n, noise], views.fold(seed, "noise"))
    return {"image": views.flip(images, seed), "noise": noise}


def build(encoder, shape, noise=64, widths=(192, 112, 64, 32)):
    """[images (N, H, W, C), noise (N, noise)] -> [logits (N, 1) that the images are real, images made of the noise].

    shape: (H, W, C) of the data's images, which the made ones get; widths: the generator's, as dcgan_generator takes
        them. Raises InputError for images without one size.
    """
    if None in shape:
        raise InputError("a generator makes images of one size; give a size (such as --size 32)")
    generator = dcgan_generator(noise, shape, widths)
    features = keras.Input(encoder.compute_output_shape((None, *shape))[1:], name="features")
    x = BatchSpread(dtype="float32", name="spread")(features) if len(features.shape) == 4 else features
    x = layers.Reshape((math.prod(x.shape[1:]),), dtype="float32", name="flat")(x)
    discriminator = keras.Model(features, layers.Dense(1, dtype="float32", name="score")(x), name="discriminator")
    outputs = [discriminator(encoder(encoder.input)), generator(generator.input)]
    return GAN([encoder.input, generator.input], outputs, name="gan")


@keras.saving.register_keras_serializable("keras_ssl")
class GAN(Adversaries, ImageModel):
    """`predict` gives the logit that images are real; `sample` makes images; `encoder` is the discriminator's trunk."""

    CRITIC = ("encoder", "discriminator")
    TRACKED = ("discriminator_loss", "generator_loss", "accuracy")

    def _image_shape(self):
        return tuple(self.get_layer("generator").output_shape[1:])  # the score looks at each place of the map

    def respond(self, images, training=False):
        features = self.get_layer("encoder")(images, training=training)
        return self.get_layer("discriminator")(features, training=training)

    def generate(self, noise):
        """Noise (N, noise), normally distributed -> images (N, H, W, C) in 0..255."""
        return self.get_layer("generator")(noise, training=False)

    def noise(self, n, seed=0):
        """Noise (n, noise) of a seed; n and seed may be tensors."""
        return views.normal([n, self.get_layer("generator").input_shape[1]], seed)

    def sample(self, n, seed=0):
        """n images (n, H, W, C), float32 in 0..255; the same for the same seed."""
        return self.get_layer("generator").predict(self.noise(n, seed), batch_size=256, verbose=0)

    def endpoints(self):
        number = (tf.TensorSpec([], tf.int32, name) for name in ("n", "seed"))
        noise = tf.TensorSpec(self.get_layer("generator").input_shape, tf.float32, "noise")
        sample = (lambda n, seed: self.generate(self.noise(n, seed)), list(number))
        return {**super().endpoints(), "sample": sample, "generate": (self.generate, [noise])}

    def train_step(self, data):
        images = tf.cast(data["image"], tf.float32)
        with tf.GradientTape(persistent=True) as tape:
            generated = self.get_layer("generator")(data["noise"], training=True)
            if images.shape[1:] != generated.shape[1:]:
                made, given = ("x".join(map(str, i.shape[1:])) for i in (generated, images))
                raise InputError(f"the generator makes images of {made}, the data's are {given}")
            real = self.respond(images, training=True)
            fake = self.respond(generated, training=True)
            discriminator_loss, generator_loss = self.verdicts(real, fake)
            # An eighth of the batch, with the spread of its own, stands for all at an eighth of the cost.
            some = images[: tf.shape(images)[0] // 8 + 1]
            penalty = PENALTY / 2 * self.steepness(lambda x: self.respond(x, training=True), some)
            losses = [self.share(discriminator_loss + penalty), self.share(generator_loss)]
        self.play(tape, losses)
        right = tf.reduce_mean(tf.cast([real > 0, fake < 0], tf.float32))
        return self.track(discriminator_loss, generator_loss, right)


def measure(model, dataset, judge="supervised"):
    """Fréchet distance of samples to the test images, and whether every class is among them: frechet.of_samples."""
    return frechet.of_samples(model.sample, dataset, judge)


def show(model, images):
    """Samples, a walk from one noise to another, and the given images, each under the logit that it is real."""
    n = len(images)
    start, end = model.noise(2, seed=1)
    angles = np.linspace(0, np.pi / 2, n, dtype="float32")[:, None]  # on a circle: the noise keeps its length
    walk = model.generate(np.cos(angles) * start + np.sin(angles) * end).numpy()
    rows = [("samples", model.sample(n)), ("more", model.sample(n, seed=2)), ("a walk", walk), ("real", images)]
    return [(title, row, [f"{logit:+.1f}" for logit in model.predict(row)[:, 0]]) for title, row in rows]
