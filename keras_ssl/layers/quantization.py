"""Codes out of a finite book: each vector of a map is replaced by the nearest of K learned ones."""

import keras
import numpy as np
from keras import ops

from ..errors import unknown

CODEBOOKS = ("ema", "loss")


@keras.saving.register_keras_serializable("keras_ssl")
class VectorQuantizer(keras.layers.Layer):
    """Each vector z of a map becomes the nearest code vector e_k of K: k = argmin_j ||z - e_j||^2.

    van den Oord, Vinyals, Kavukcuoglu, NeurIPS 2017, arXiv:1711.00937. The gradient passes straight through to z.
    `objective` is the part of the loss that keeps z and e_k together; `follow` moves the codebook after a step.

    size: K.
    codebook: "ema", each code vector is the exponential mean of the vectors assigned to it (the paper's appendix), or
        "loss", ||sg[z] - e_k||^2 is part of the objective, sg stopping the gradient.
    beta: weight of the commitment ||z - sg[e_k]||^2. Both are means over the d numbers of a vector.
    decay: of the exponential means.
    revive: a code used less than this share of the average is dead, and is set to a vector of the batch; 0: none is.

    Shape: (N, h, w, d) -> [(N, h, w, d), code indices (N, h, w) int32].
    """

    adapted = False  # `architectures.adapt` leaves a codebook alone that comes from a file

    def __init__(self, size=512, codebook="ema", beta=0.25, decay=0.99, revive=0.03, **kwargs):
        super().__init__(**kwargs)
        if codebook not in CODEBOOKS:
            raise unknown("codebook", codebook, CODEBOOKS)
        self.size, self.codebook, self.beta, self.decay, self.revive = size, codebook, beta, decay, revive

    def build(self, input_shape):
        # The numbers that replicas assign are equal; their average is any of them.
        self.book = self.add_weight(
            name="book", shape=(self.size, input_shape[-1]), initializer=keras.initializers.RandomNormal(stddev=1),
            trainable=self.codebook == "loss", autocast=False, aggregation="mean",
        )  # fmt: skip
        self.counts = self.add_weight(
            name="counts", shape=(self.size,), initializer="ones", trainable=False, autocast=False, aggregation="mean",
        )  # fmt: skip

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.adapted = True

    def adapt(self, vectors, seed=0):
        """Start the codebook from K of the vectors (N, h, w, d) that some hundred images give before training."""
        vectors = np.asarray(vectors).reshape(-1, vectors.shape[-1])
        picked = np.random.default_rng(seed).choice(len(vectors), self.size, replace=len(vectors) < self.size)
        self.book.assign(vectors[picked])
        self.counts.assign(np.ones(self.size))
        self.adapted = True

    def vectors(self):
        """The code vectors (K, d)."""
        # With "ema" the book holds sums: what was assigned, each batch weighing less with age, as in the counts.
        return ops.convert_to_tensor(self.book) if self.codebook == "loss" else self.book / self.counts[:, None]

    def look_up(self, indices):
        """Code indices (...) -> their vectors (..., d)."""
        return ops.take(self.vectors(), indices, axis=0)

    def call(self, z):
        vectors = ops.stop_gradient(self.vectors())
        # Squared distance less the part that is the same for every code.
        distance = ops.sum(vectors**2, axis=1) - 2 * ops.matmul(ops.stop_gradient(z), ops.transpose(vectors))
        indices = ops.cast(ops.argmin(distance, axis=-1), "int32")
        # z - sg[z] is nothing but a gradient.
        return ops.take(vectors, indices, axis=0) + (z - ops.stop_gradient(z)), indices

    def objective(self, z, indices):
        """beta ||z - sg[e]||^2, and with codebook "loss" + ||sg[z] - e||^2: the mean over all vectors, a number."""
        e = self.look_up(indices)
        loss = self.beta * ops.mean(ops.square(z - ops.stop_gradient(e)))
        return loss + ops.mean(ops.square(ops.stop_gradient(z) - e)) if self.codebook == "loss" else loss

    def follow(self, z, indices, seed):
        """Note which codes a training batch used, move an "ema" codebook to the batch, and revive dead codes.

        z (N, h, w, d), indices (N, h, w): this replica's share of the batch; all replicas' count. seed: an int tensor
            (2,), this replica's own, for the vectors that dead codes become.
        """
        import tensorflow as tf

        z, indices = tf.stop_gradient(tf.reshape(z, [-1, z.shape[-1]])), tf.reshape(indices, [-1])
        used = tf.math.bincount(indices, minlength=self.size, maxlength=self.size, dtype=tf.float32)
        assigned = tf.math.unsorted_segment_sum(z, indices, self.size)
        replica = tf.distribute.get_replica_context()
        # Replicas take turns in offering the vector that a dead code becomes.
        picked = tf.random.stateless_uniform([self.size], seed, 0, tf.shape(z)[0], tf.int32)
        mine = tf.range(self.size) % replica.num_replicas_in_sync == replica.replica_id_in_sync_group
        offered = tf.where(mine[:, None], tf.gather(z, picked), 0.0)
        used, assigned, offered = replica.all_reduce(tf.distribute.ReduceOp.SUM, [used, assigned, offered])

        counts = self.decay * self.counts + (1 - self.decay) * used
        usual = tf.reduce_mean(counts)
        dead = counts < self.revive * usual
        if self.codebook == "ema":
            book, offered = self.decay * self.book + (1 - self.decay) * assigned, usual * offered
        else:
            book = tf.convert_to_tensor(self.book)
        self.book.assign(tf.where(dead[:, None], offered, book))
        self.counts.assign(tf.where(dead, usual, counts))

    def get_config(self):
        own = {name: getattr(self, name) for name in ("size", "codebook", "beta", "decay", "revive")}
        return {**super().get_config(), **own}


def entropy(indices, size):
    """Entropy in nats of how often each of `size` codes stands in `indices` (any shape): a number in 0..ln(size).

    Its exponential is the perplexity: how many codes, used equally often, would be as hard to guess.
    """
    share = ops.cast(ops.bincount(ops.reshape(indices, [-1]), minlength=size), "float32")
    share = share / ops.sum(share)
    return -ops.sum(share * ops.log(ops.maximum(share, 1e-30)))
