"""Generative adversarial network: make images out of noise that a discriminator takes for real.

Goodfellow et al., NeurIPS 2014, arXiv:1406.2661, with the non-saturating loss; Radford, Metz, Chintala, ICLR 2016,
arXiv:1511.06434. The discriminator's trunk is the encoder. It is held back by a gradient penalty on real images (R1:
Mescheder et al., ICML 2018, arXiv:1801.04406) and sees both kinds of images shifted and partly covered (Zhao et al.,
NeurIPS 2020, arXiv:2006.10738). The generator that is kept is the average over its last thousand steps or so.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import views
from ...architectures import pooled
from ...architectures.dcgan import dcgan_generator
from ...errors import InputError
from ...models import ImageModel

LOSS, METRICS = None, []
PENALTY = 0.1  # weight of R1, for pixels in -1..1
AVERAGE = 0.999  # of the generator's weights, from step to step


def pretext(images, seed, noise=64):
    """Mirrored images, noise, and a seed for how the images are looked at.

    images (N, H, W, C) -> {"image": (N, H, W, C), "noise": (N, noise) normal, "view": (N, 2) seeds}
    """
    n = tf.shape(images)[0]
    return {
        "image": views.flip(images, seed),
        "noise": tf.random.stateless_normal([n, noise], views.fold(seed, 4)),
        # One an image, so that each replica finds its own in its share of the batch.
        "view": tf.random.stateless_uniform([n, 2], views.fold(seed, 5), None, None, tf.int32),
    }


def build(encoder, noise=64, size=32):
    """[image (N, H, W, C), noise (N, noise)] -> [logit that the image is real (N, 1), generated image (N, size, size, C)]."""
    features = keras.Input(encoder.output_shape[1:], name="features")
    score = layers.Dense(1, dtype="float32", name="score")(pooled(features))
    discriminator = keras.Model(features, score, name="discriminator")
    height, width, channels = encoder.input_shape[1:]
    generator = dcgan_generator(noise, (height or size, width or size, channels))
    image, code = keras.Input(encoder.input_shape[1:], name="image"), keras.Input((noise,), name="noise")
    return GAN([image, code], [discriminator(encoder(image)), generator(code)], name="gan")


def look(images, seed):
    """Images (N, H, W, C) shifted and partly covered, at random and differentiably."""
    images = views.shift(images, seed, pixels=images.shape[1] // 8)
    return views.cutout(images, seed, side=images.shape[1] // 4)


@keras.saving.register_keras_serializable("keras_ssl")
class GAN(ImageModel):
    """`predict` gives the logit that images are real; `sample` makes images; `encoder` is the discriminator's trunk."""

    def _image_shape(self):
        return tuple(self.get_layer("encoder").input_shape[1:])

    def respond(self, images):
        return self.score(images, training=False)

    def score(self, images, training):
        features = self.get_layer("encoder")(images, training=training)
        return self.get_layer("discriminator")(features, training=training)

    def generate(self, noise):
        """Noise (N, noise), normally distributed -> images (N, H, W, C) in 0..255."""
        return self.get_layer("generator")(noise, training=False)

    def draw(self, n, seed):
        """`sample` in TensorFlow: n and seed may be tensors."""
        size = self.get_layer("generator").input_shape[1]
        return self.generate(tf.random.stateless_normal([n, size], tf.stack([seed, 0])))

    def sample(self, n, seed=0):
        """n images (n, H, W, C), float32 in 0..255; the same for the same seed."""
        return self.draw(n, seed).numpy()

    def endpoints(self):
        noise = self.get_layer("generator").input_shape
        return {
            **super().endpoints(),
            "sample": (self.draw, [tf.TensorSpec([], tf.int32, "n"), tf.TensorSpec([], tf.int32, "seed")]),
            "generate": (self.generate, [tf.TensorSpec(noise, tf.float32, "noise")]),
        }

    def compile(self, optimizer, loss=None, **kwargs):
        """optimizer: the discriminator's; the generator gets a copy that also averages its weights."""
        super().compile(optimizer=optimizer, **kwargs)
        config = self.optimizer.get_config() | {"use_ema": True, "ema_momentum": AVERAGE, "name": "generator_optimizer"}
        self.optimizers = [self.optimizer, type(self.optimizer).from_config(config)]
        for optimizer, variables in zip(self.optimizers, self.players(), strict=True):
            optimizer.build(variables)
        self.trackers = [keras.metrics.Mean(n) for n in ("discriminator_loss", "generator_loss", "accuracy")]

    def players(self):
        """The variables that each side trains: [discriminator's, generator's]."""
        encoder, discriminator, generator = map(self.get_layer, ("encoder", "discriminator", "generator"))
        return [encoder.trainable_variables + discriminator.trainable_variables, generator.trainable_variables]

    @property
    def metrics(self):
        return self.trackers

    def train_step(self, data):
        images, seed = tf.cast(data["image"], tf.float32), data["view"][0]
        with tf.GradientTape(persistent=True) as tape:
            generated = self.get_layer("generator")(data["noise"], training=True)
            real = self.score(look(images, seed), training=True)
            fake = self.score(look(generated, views.fold(seed, 1)), training=True)
            generator_loss = tf.reduce_mean(tf.nn.softplus(-fake))
            discriminator_loss = tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))
            few = images[: tf.shape(images)[0] // 8 + 1]  # an unbiased estimate of the penalty, at an eighth of its cost
            with tf.GradientTape() as slope:
                slope.watch(few)
                score = self.score(few, training=True)
            gradients = 127.5 * slope.gradient(score, few)
            penalty = PENALTY / 2 * tf.reduce_mean(tf.reduce_sum(gradients**2, axis=[1, 2, 3]))
            # Keras sums the replicas' gradients.
            share = 1 / self.distribute_strategy.num_replicas_in_sync
            losses = [share * (discriminator_loss + penalty), share * generator_loss]
        for optimizer, variables, loss in zip(self.optimizers, self.players(), losses, strict=True):
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        right = tf.concat([real > 0, fake < 0], axis=0)
        values = (discriminator_loss, generator_loss, tf.reduce_mean(tf.cast(right, tf.float32)))
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}
