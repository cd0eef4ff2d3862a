"""BYOL, bootstrap your own latent: predict how a slowly moving average of the network embeds the other view.

Grill et al., NeurIPS 2020, arXiv:2006.07733. No negatives: the teacher, a moving average of encoder and projector, is
always a little better than what it teaches, and the predictor stands between the two. Here its momentum is constant,
and the learning rate goes to 0 instead, to the same end.
"""

import keras

from ...architectures.projector import projector
from ...embeddings import PredictiveModel, embedded, measure, pretext, show
from ...layers import Follower
from ...pair_losses import NegativeCosine, embedding_std

__all__ = ["LOSS", "METRICS", "build", "measure", "pretext", "show"]

LOSS = NegativeCosine()
METRICS = [embedding_std]


def build(encoder, shape=None, widths=(512, 128), norm=True, predictor=512, momentum=0.99):
    """Image -> [embedding, prediction, the teacher's embedding], each (N, widths[-1]).

    shape: (H, W, C) of the data's images. widths: the projector's layers. predictor: width of the one hidden layer of
        the predictor. momentum: share of its weights that the teacher keeps at each step. norm: batch norm in both,
        and after the projector, where it takes the mean away: embeddings that are all nearly the mean are predicted
        too easily, and the network is soon worse than a random one.
    """
    images = encoder.input
    z = embedded(encoder, shape, widths, norm, last_norm=norm)
    p = projector(z.shape[1:], [predictor, widths[-1]], norm, name="predictor")(z)
    copy = keras.models.clone_model(keras.Model(images, z, name="teacher"))
    target = Follower(copy, momentum, dtype="float32", name="follower")(images)
    return BYOL(images, [z, p, target], name="byol")


@keras.saving.register_keras_serializable("keras_ssl")
class BYOL(PredictiveModel):
    """An EmbeddingModel whose teacher moves before each step of training, first of all to where the network is."""

    def train_step(self, data):
        self.get_layer("follower").follow([self.get_layer("encoder"), self.get_layer("projector")])
        return super().train_step(data)
