"""Losses of embeddings of pairs: what two views of an image should have in common, and what keeps embeddings apart.

Each takes y_pred (2N, d), in which 2i and 2i + 1 are the embeddings of two views of image i, and leaves y_true alone,
but for NegativeCosine. Those that compare images, or take statistics over them, see the whole batch on every replica:
embeddings are gathered from all of them, with their gradients, so that two replicas learn what one does.
"""

import keras
import tensorflow as tf
from keras import ops


def whole_batch(embeddings):
    """The embeddings of all replicas in order: (n, d) on each of R replicas -> (R n, d)."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return embeddings
    return context.all_gather(embeddings, axis=0)


def partners(embeddings):
    """Each view's embedding replaced by that of its image's other view: (2N, d) -> (2N, d)."""
    pairs = ops.reshape(embeddings, (-1, 2, embeddings.shape[-1]))
    return ops.reshape(ops.flip(pairs, axis=1), (-1, embeddings.shape[-1]))


def unit(embeddings):
    """Embeddings (N, d) divided by their lengths."""
    return ops.normalize(embeddings, axis=-1, order=2)


def _alone(loss):
    """One number for a batch as the losses of one example: Keras divides these by the replicas, but not a scalar."""
    return ops.reshape(loss, (1,))


def embedding_std(y_true, y_pred):
    """Standard deviation of unit-length embeddings (N, d) over the batch, the mean over d, times the root of d.

    1 where they spread evenly over all directions, 0 where all are alike: the collapse of Chen, He, arXiv:2011.10566.
    """
    z = unit(ops.cast(y_pred, "float32"))
    return ops.mean(ops.std(z, axis=0)) * z.shape[-1] ** 0.5


@keras.saving.register_keras_serializable("keras_ssl")
class NTXent(keras.losses.Loss):
    """Tell each view's partner from all other views of the batch: cross-entropy over cosine similarities s.

    -log(exp(s_ij / temperature) / sum over k != i of exp(s_ik / temperature)), j the partner of i, averaged over i.
    Chen, Kornblith, Norouzi, Hinton, ICML 2020, arXiv:2002.05709.
    """

    def __init__(self, temperature=0.5, name="nt_xent", **kwargs):
        super().__init__(name=name, **kwargs)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        z = unit(whole_batch(y_pred))
        n = ops.shape(z)[0]
        logits = ops.matmul(z, ops.transpose(z)) / self.temperature - 1e9 * ops.eye(n)
        partner = ops.bitwise_xor(ops.arange(n), 1)
        return ops.sparse_categorical_crossentropy(partner, logits, from_logits=True)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable("keras_ssl")
class BarlowTwins(keras.losses.Loss):
    """Make the correlation c of the two views' embeddings, dimension by dimension, the identity.

    sum over i of (1 - c_ii)^2 + redundancy * sum over i != j of c_ij^2.
    Zbontar, Jing, Misra, LeCun, Deny, ICML 2021, arXiv:2103.03230.
    """

    def __init__(self, redundancy=5e-3, name="barlow_twins", **kwargs):
        super().__init__(name=name, **kwargs)
        self.redundancy = redundancy

    def call(self, y_true, y_pred):
        z = whole_batch(y_pred)
        a, b = (_standardised(view) for view in (z[0::2], z[1::2]))
        c = ops.matmul(ops.transpose(a), b) / ops.cast(ops.shape(a)[0], a.dtype)
        diagonal = ops.diagonal(c)
        off_diagonal = ops.sum(ops.square(c)) - ops.sum(ops.square(diagonal))
        return _alone(ops.sum(ops.square(1 - diagonal)) + self.redundancy * off_diagonal)

    def get_config(self):
        return {**super().get_config(), "redundancy": self.redundancy}


def _standardised(x):
    """Mean 0 and deviation 1 over the batch; a constant dimension becomes 0."""
    return (x - ops.mean(x, axis=0)) / ops.sqrt(ops.var(x, axis=0) + 1e-6)


@keras.saving.register_keras_serializable("keras_ssl")
class VICReg(keras.losses.Loss):
    """Views of an image alike (invariance), each dimension alive (variance), no two the same (covariance).

    invariance * mean squared difference of the two views + variance * the mean of max(0, 1 - standard deviation)
    + covariance * the sum of squared covariances of different dimensions / d, the last two averaged or summed over the
    two views as in the authors' code. Bardes, Ponce, LeCun, ICLR 2022, arXiv:2105.04906.
    """

    def __init__(self, invariance=25.0, variance=25.0, covariance=1.0, name="vicreg", **kwargs):
        super().__init__(name=name, **kwargs)
        self.invariance, self.variance, self.covariance = invariance, variance, covariance

    def call(self, y_true, y_pred):
        z = whole_batch(y_pred)
        views = z[0::2], z[1::2]
        spread, redundancy = zip(*map(self._variance_and_covariance, views), strict=True)
        difference = ops.mean(ops.square(views[0] - views[1]))
        loss = self.invariance * difference + self.variance * sum(spread) / 2 + self.covariance * sum(redundancy)
        return _alone(loss)

    def _variance_and_covariance(self, z):
        n, d = ops.cast(ops.shape(z)[0], z.dtype), z.shape[-1]
        z = z - ops.mean(z, axis=0)
        c = ops.matmul(ops.transpose(z), z) / (n - 1)
        diagonal = ops.diagonal(c)
        below = ops.relu(1 - ops.sqrt(diagonal + 1e-4))
        return ops.mean(below), (ops.sum(ops.square(c)) - ops.sum(ops.square(diagonal))) / d

    def get_config(self):
        mine = {"invariance": self.invariance, "variance": self.variance, "covariance": self.covariance}
        return {**super().get_config(), **mine}


@keras.saving.register_keras_serializable("keras_ssl")
class ContrastiveMargin(keras.losses.Loss):
    """Views of one image near, views of two at least `margin` apart: D, the distance of unit-length embeddings.

    Half the mean of D^2 over pairs of one image, plus half the mean of max(0, margin - D)^2 over all pairs of two.
    Hadsell, Chopra, LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006.

    margin: the root of 2 is a right angle, the farthest that many embeddings can all be from each other.
    """

    def __init__(self, margin=2**0.5, name="contrastive_margin", **kwargs):
        super().__init__(name=name, **kwargs)
        self.margin = margin

    def call(self, y_true, y_pred):
        z = unit(whole_batch(y_pred))
        n = ops.shape(z)[0]
        squares = ops.maximum(2 - 2 * ops.matmul(z, ops.transpose(z)), 0)
        image = ops.arange(n) // 2
        other = ops.cast(image[:, None] != image[None], z.dtype)
        near = ops.mean(ops.sum(ops.square(z[0::2] - z[1::2]), axis=-1))
        # The root has no slope at 0, where two views may meet.
        short = ops.relu(self.margin - ops.sqrt(squares + 1e-6))
        far = ops.sum(other * ops.square(short)) / ops.maximum(ops.sum(other), 1)
        return _alone((near + far) / 2)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("keras_ssl")
class NegativeCosine(keras.losses.Loss):
    """Minus the mean cosine of predictions y_pred (N, d) and the embeddings y_true (N, d) that they should predict.

    Chen, He, CVPR 2021, arXiv:2011.10566. It is -1 where all are predicted; 2 + 2 of it is BYOL's squared distance.
    """

    def __init__(self, name="negative_cosine", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        return -ops.sum(unit(y_true) * unit(y_pred), axis=-1)
