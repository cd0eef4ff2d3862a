"""What models with a `train_step` of their own share."""

import keras
from keras import ops


class OwnStep:
    """What a `train_step` of one's own needs; stands before ImageModel among a class's bases.

    TRACKED: names of the figures that `train_step` and `test_step` follow by `track`.
    """

    TRACKED = ("loss",)

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.trackers = [keras.metrics.Mean(name) for name in self.TRACKED]

    @property
    def metrics(self):
        return getattr(self, "trackers", [])

    def track(self, *values):
        """Note this batch's values, in the order of TRACKED; returns what a step returns: {name: mean so far}."""
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def share(self, loss):
        """The part of a batch's mean loss that a replica answers for: Keras adds the replicas' gradients up."""
        return loss / self.distribute_strategy.num_replicas_in_sync


class Adversaries(OwnStep):
    """A model of two players: a critic, which tells real images from made ones, and the rest of the model, the maker.

    CRITIC: names of the parts that are the critic's. Each player has an optimizer of its own; the critic is the first.
    The papers stand in methods/image/gan.py.
    """

    CRITIC = ("discriminator",)

    def compile(self, optimizer, loss=None, **kwargs):
        """optimizer: the critic's; the maker gets a copy. loss: kept for train_step as `own_loss`, not for Keras."""
        super().compile(optimizer=optimizer, **kwargs)
        self.own_loss = loss
        config = self.optimizer.get_config() | {"name": "generator_optimizer"}
        self.optimizers = [self.optimizer, type(self.optimizer).from_config(config)]
        for optimizer, variables in zip(self.optimizers, self.players(), strict=True):
            optimizer.build(variables)

    def players(self):
        """The variables that each player trains: [the critic's, the maker's]."""
        critic = [v for name in self.CRITIC for v in self.get_layer(name).trainable_variables]
        taken = {id(v) for v in critic}
        return [critic, [v for v in self.trainable_variables if id(v) not in taken]]

    def play(self, tape, losses):
        """One step of each player along the gradient of its own loss, [the critic's, the maker's], from one tape."""
        for optimizer, variables, loss in zip(self.optimizers, self.players(), losses, strict=True):
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    @staticmethod
    def verdicts(real, fake):
        """Mean losses of logits that images are real: (the critic's, the maker's, non-saturating)."""
        critic = ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))
        return critic, ops.mean(ops.softplus(-fake))

    @staticmethod
    def steepness(score, images):
        """Mean squared length of the gradient of `score`, a function of images, for pixels in -1..1.

        As a penalty on real images (R1) it holds a critic back. Of an image's logits at several places the mean counts.
        """
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = score(images)
            means = tf.reduce_mean(tf.reshape(logits, [tf.shape(logits)[0], -1]), axis=1)
        return tf.reduce_mean(tf.reduce_sum((127.5 * tape.gradient(means, images)) ** 2, axis=[1, 2, 3]))
