"""Restricted Boltzmann machine: hidden units that explain which pixels are white together.

P(v, h) = exp(b·v + c·h + v W h) / Z, for v and h of 0 and 1 (Smolensky, 1986). Trained by persistent contrastive
divergence (Tieleman, ICML 2008) or contrastive divergence CD-k (Hinton, Neural Computation 14, 2002): the likelihood's
gradient, with the expectation under the model taken over the ends of Markov chains that go on from step to step, or
start at the data. Log Z by annealed importance sampling (Salakhutdinov, Murray, ICML 2008).
"""

import keras
import numpy as np
import tensorflow as tf

from ... import baselines, energies, transfer, views
from ...architectures import with_skips
from ...errors import InputError
from ...layers import FreeEnergy
from ...models import ImageModel, OwnStep

LOSS, METRICS = None, []  # train_step has its own
FIXED_SIZE = True
OWN_ENCODER = True
SAMPLING = 200  # Gibbs steps before a sample
ANNEALING = 10_000  # steps of annealed importance sampling, at most
FLIPPED = 0.15  # share of the pixels that are inverted for `energy_auc`


def pretext(images, seed):
    """Images (N, H, W, C) in black and white, and the seed of this step's Markov chains, once an image: (N, 2).

    Once an image, so that each replica's share of the batch has it.
    """
    return views.binarise(images, seed), tf.tile(views.fold(seed, "chains")[None], [tf.shape(images)[0], 1])


def build(encoder, chains=100, persistent=True, steps=1):
    """Image -> its free energy (N,).

    encoder: architectures.boltzmann, or one that was trained by this method.
    chains: number of persistent Markov chains; more make a step slower and its gradient less noisy.
    persistent: False for CD-k, whose chains start at the batch's images.
    steps: Gibbs steps of each chain in a training step, the k of CD-k.

    Raises InputError for another encoder: the weights between pixels and hidden units are the encoder.
    """
    if not {"pixels", "field"} <= {layer.name for layer in encoder.layers}:
        raise InputError(
            "the encoder of a Boltzmann machine is its own hidden units: give boltzmann, or one that was trained so"
        )
    if steps < 1 or chains < 1:
        raise InputError(f"steps and chains are 1 or more, got {steps} and {chains}")
    f = with_skips(encoder, ["pixels", "field"])
    v, field, _ = f(encoder.input)
    energy = FreeEnergy(chains, persistent, steps, dtype="float32", name="free_energy")([v, field])
    return RBM(encoder.input, energy, name="rbm")


def draw(logits, seed, replica=0, replicas=1):
    """Units (N, d) that are 1 with the chance sigmoid(logits), else 0; the same for the same seed.

    With `replicas` that each hold as many rows, this one, number `replica`, draws what one alone would for these rows.
    """
    n, d = tf.unstack(tf.shape(logits))
    chance = tf.random.stateless_uniform([replicas * n, d], seed, alg="philox")
    return tf.cast(chance[replica * n : (replica + 1) * n] < tf.sigmoid(logits), tf.float32)


@keras.saving.register_keras_serializable("keras_ssl")
class RBM(OwnStep, ImageModel):
    """`predict` rebuilds images from the mean of their hidden units; `encode` gives that mean.

    `free_energy` (also as `energy`) is low for images like the training's; `gibbs` and `sample` make images;
    `log_likelihood` is in nats. Machines are of black and white pixels: one between counts as its share of white.
    """

    TRACKED = ("loss", "pseudo_log_likelihood")

    def train_step(self, data):
        images, seeds = data
        energy = self.get_layer("free_energy")
        v = self._pixels(images)
        ends = self._ends(v, seeds[0])
        with tf.GradientTape() as tape:
            loss, fields = self._gap(v, ends)
            share = self.share(loss)
        # The chains' ends don't depend on the weights, for the tape: what is left is the gradient of CD.
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(share, weights), weights, strict=True))
        if energy.persistent:
            # With the weights of before the step: their fields are at hand, and the next step starts here.
            energy.chains.assign(draw(fields[tf.shape(v)[0] :], views.fold(seeds[0], "kept")))
        return self.track(loss, tf.reduce_mean(self._pseudo(v, fields, seeds[0])))

    def test_step(self, data):
        images, seeds = data
        v = self._pixels(images)
        loss, fields = self._gap(v, self._ends(v, seeds[0]))
        return self.track(loss, tf.reduce_mean(self._pseudo(v, fields, seeds[0])))

    def free_energy(self, images):
        """F(v) of each picture: (N,), a number for one. Only differences mean something: -log P(v) is F(v) + log Z."""
        return self.ask(self._energy, images)

    def energy(self, images):
        """The free energy."""
        return self.free_energy(images)

    def encode(self, images):
        """Pictures -> the chance of each hidden unit to be on (N, units), (units,) for one."""
        return self.ask(self._encode, images)

    def gibbs(self, images, steps=1, seed=0):
        """Pictures -> where a Markov chain from each is after `steps` steps: as many, black and white (0 or 255).

        A step draws the hidden units given the pixels, then the pixels given these.
        """
        images, single = self.natural(images)
        ends = tf.function(self._gibbs)(images, tf.constant(steps), tf.constant(seed)).numpy()
        return ends[0] if single else ends

    def sample(self, n, seed=0):
        """n new images (n, H, W, C), float32 in 0..255, of 200 Gibbs steps on from where training left the chains.

        Shown is each pixel's chance to be white, given the last hidden units. The same for the same seed. Of more than
        there are chains, some start at the same place.
        """
        return tf.function(self._sample)(tf.constant(n), tf.constant(seed)).numpy()

    def log_partition(self, steps=1000, chains=100, seed=0):
        """Log Z by annealed importance sampling, and its standard error as the chains show it: an array (2,).

        The mean of Z's estimate is right; that of its logarithm is too low, and likelihoods then too high, by less with
        more steps; the error doesn't show it. It begins at independent pixels as bright as the training's chains.
        """
        return tf.function(self._log_partition)(*map(tf.constant, (steps, chains, seed))).numpy()

    def log_likelihood(self, images, steps=1000, chains=100, seed=0):
        """Log likelihood of each picture in nats: (N,), a number for one. steps, chains: as for `log_partition`."""
        return -self.free_energy(images) - self.log_partition(steps, chains, seed)[0]

    def endpoints(self):
        images = tf.TensorSpec((None, *self._image_shape()), tf.float32, "images")
        n, steps, chains, seed = (tf.TensorSpec((), tf.int32, name) for name in ("n", "steps", "chains", "seed"))
        return {
            **super().endpoints(),
            "free_energy": (self._energy, [images]),
            "energy": (self._energy, [images]),
            "encode": (self._encode, [images]),
            "gibbs": (self._gibbs, [images, steps, seed]),
            "sample": (self._sample, [n, seed]),
            "log_partition": (self._log_partition, [steps, chains, seed]),
            "log_likelihood": (
                lambda images, *how: -self._energy(images) - self._log_partition(*how)[0],
                [images, steps, chains, seed],
            ),
        }

    def respond(self, images):
        return self._images(tf.sigmoid(self._visible(self._encode(images))))

    def _energy(self, images):
        return self(images, training=False)

    def _encode(self, images):
        return self.get_layer("encoder")(images, training=False)[-1]

    def _pixels(self, images):
        """Images in 0..255 -> v (N, D) in 0..1."""
        return self.get_layer("encoder")(images, training=False)[0]

    def _images(self, v):
        return tf.reshape(255 * v, [-1, *self._image_shape()])

    def _field(self, v):
        """What goes into the hidden units' sigmoid, c + v W: (N, D) -> (N, H)."""
        return self.get_layer("encoder").get_layer("field")(v)

    def _visible(self, h):
        """What goes into the pixels' sigmoid, b + W h: (N, H) -> (N, D)."""
        kernel = self.get_layer("encoder").get_layer("field").kernel
        return tf.matmul(h, kernel, transpose_b=True) + self.get_layer("free_energy").bias

    def _walk(self, v, steps, seed, **replica):
        """`steps` Gibbs steps from v (N, D)."""

        def step(v, k):
            now, then = (tf.random.experimental.stateless_fold_in(seed, 2 * k + half) for half in (0, 1))
            return draw(self._visible(draw(self._field(v), now, **replica)), then, **replica)

        return tf.foldl(step, tf.range(steps), initializer=v, parallel_iterations=1)

    def _ends(self, v, seed):
        """Where the Markov chains of a training step end: (chains, D), or, from each of the images v, (N, D)."""
        energy = self.get_layer("free_energy")
        if energy.persistent:
            v = draw(self._visible(energy.chains), views.fold(seed, "visible"))
            return self._walk(v, energy.steps - 1, seed) if energy.steps > 1 else v
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        replicas = self.distribute_strategy.num_replicas_in_sync
        return self._walk(v, energy.steps, seed, replica=number, replicas=replicas)

    def _gap(self, v, ends):
        """Mean free energy of v less that of the chains' ends, and the fields of both, one after the other."""
        both = tf.concat([v, ends], axis=0)  # one product of matrices, faster than two
        fields = self._field(both)
        found, n = self.get_layer("free_energy")([both, fields]), tf.shape(v)[0]
        return tf.reduce_mean(found[:n]) - tf.reduce_mean(found[n:]), fields

    def _pseudo(self, v, fields, seed):
        """Pseudo log likelihood of each v, sum_i log P(v_i | other pixels), by one random pixel: (N, D) -> (N,)."""
        n, d = tf.unstack(tf.shape(v))
        pixel = tf.random.stateless_uniform([n], views.fold(seed, "pixel"), 0, d, tf.int32, alg="philox")
        return tf.cast(d, tf.float32) * self._conditional(v, fields[:n], pixel)

    def _conditional(self, v, fields, pixel):
        """log P(v_i | other pixels) for one pixel i of each v: (N, D), (N, H), (N,) -> (N,)."""
        change = 1 - 2 * tf.gather(v, pixel, batch_dims=1)
        kernel = self.get_layer("encoder").get_layer("field").kernel
        inverted = fields + change[:, None] * tf.gather(tf.convert_to_tensor(kernel), pixel)
        rise = tf.reduce_sum(tf.nn.softplus(fields) - tf.nn.softplus(inverted), axis=1)
        rise -= change * tf.gather(tf.convert_to_tensor(self.get_layer("free_energy").bias), pixel)
        return -tf.nn.softplus(-rise)

    def _gibbs(self, images, steps, seed):
        return self._images(self._walk(self._pixels(images), steps, [seed, 0]))

    def _sample(self, n, seed):
        chains = tf.convert_to_tensor(self.get_layer("free_energy").chains)
        start = tf.random.stateless_uniform([n], [seed, 1], 0, chains.shape[0], tf.int32, alg="philox")
        v = self._walk(draw(self._visible(tf.gather(chains, start)), [seed, 2]), SAMPLING, [seed, 0])
        return self._images(tf.sigmoid(self._visible(draw(self._field(v), [seed, 3]))))

    def _log_partition(self, steps, chains, seed):
        energy = self.get_layer("free_energy")
        bright = tf.reduce_mean(tf.sigmoid(self._visible(tf.convert_to_tensor(energy.chains))), axis=0)
        bright = tf.clip_by_value(bright, 1e-3, 1 - 1e-3)
        start = tf.math.log(bright / (1 - bright))  # (D,): the biases of the machine that is begun with, without W
        way = tf.linspace(0.0, 1.0, steps + 1)
        ways = 1 - (1 - way) ** 2  # finer towards the end, where the machine's modes part

        def anneal(state, k):
            v, weight = state
            before, now = ways[k], ways[k + 1]
            field = self._field(v)
            gain = tf.nn.softplus(now * field) - tf.nn.softplus(before * field)
            weight += tf.reduce_sum(gain, axis=1) + (now - before) * tf.linalg.matvec(v, energy.bias - start)
            h = draw(now * field, [seed, 2 * k])
            return draw((1 - now) * start + now * self._visible(h), [seed, 2 * k + 1]), weight

        v = draw(tf.tile(start[None], [chains, 1]), [seed, -1])
        _, weight = tf.foldl(anneal, tf.range(steps), initializer=(v, tf.zeros([chains])), parallel_iterations=1)
        n = tf.cast(chains, tf.float32)
        log_ratio = tf.reduce_logsumexp(weight) - tf.math.log(n)
        error = tf.math.reduce_std(tf.exp(weight - log_ratio)) / tf.sqrt(n)
        log_start = energy.chains.shape[1] * np.log(2) + tf.reduce_sum(tf.nn.softplus(start))
        return tf.stack([log_start + log_ratio, error])


def measure(model, dataset):
    """Nats of binarised test images, errors of a classifier, and how well corrupted images are told from clean ones.

    Beside independent pixels of the training images' mean brightness, and logistic regression on the pixels.
    """
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    seen, clean = (views.binarise(images, [0, 0]).numpy() for images in (train, test))
    spoilt = np.where(np.random.default_rng(0).random(test.shape) < FLIPPED, 255 - clean, clean)
    energy, alone = model.free_energy(clean), baselines.independent_pixels(train, clean)
    steps = min(ANNEALING, len(test))
    log_z, error = model.log_partition(steps)
    beside = {"independent_pixels": alone.mean(), "error": error, "steps": steps}
    auc = energies.auc(energy, model.free_energy(spoilt))
    auc_alone = energies.auc(alone, baselines.independent_pixels(train, spoilt))
    figures = {
        "negative_log_likelihood": {"value": energy.mean() + log_z, **beside},
        "negative_log_likelihood_train": {"value": model.free_energy(seen).mean() + log_z},
        "pseudo_log_likelihood": {"value": pseudo_log_likelihood(model, clean), "independent_pixels": -alone.mean()},
        "energy_auc": {"value": auc, "independent_pixels": auc_alone, "chance": 0.5},
    }
    if dataset.classes:
        blocks = {"value": None, "raw_pixels": "pixels"}
        errors = {k: 1 - transfer.probe(model, dataset, block=block)["accuracy"] for k, block in blocks.items()}
        figures["classification_error"] = errors
    return figures


def pseudo_log_likelihood(model, images, draws=20):
    """Mean of sum_i log P(v_i | other pixels) in nats, estimated by `draws` random pixels of each image."""

    @tf.function
    def of_part(images, seed):
        v, fields, _ = model.get_layer("encoder")(images, training=False)
        return tf.add_n([model._pseudo(v, fields, [seed, i]) for i in range(draws)]) / draws

    parts = range(0, len(images), 500)
    return np.mean(np.concatenate([of_part(tf.cast(images[i : i + 500], tf.float32), tf.constant(i)) for i in parts]))


def show(model, images):
    """Images, their reconstructions, where chains from them are after 1,000 steps, samples, and weights of units.

    Of the hidden units with the strongest weights; grey is none, white and black are the strongest of that unit.
    """
    kernel = model.get_layer("encoder").get_layer("field").kernel.numpy().T
    strongest = kernel[np.argsort(-np.linalg.norm(kernel, axis=1))[: len(images)]]
    weights = 127.5 + 127.5 * strongest / np.abs(strongest).max(axis=1, keepdims=True)
    return [
        ("images", images, None),
        ("reconstructed", model.predict(images), None),
        ("1,000 steps later", model.gibbs(images, steps=1000), None),
        ("samples", model.sample(len(images)), None),
        ("weights", weights.reshape(-1, *images.shape[1:]), None),
    ]
