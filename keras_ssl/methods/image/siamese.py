"""Siamese network: one network embeds two views, and their distance is an energy, low where they belong together.

`loss="contrastive"`: views of one image near, views of two apart, up to a margin. Hadsell, Chopra, LeCun (DrLIM), CVPR
2006; the siamese network is Bromley et al.'s, NeurIPS 1993. `loss="simsiam"` has no views of two images: from one
view's embedding a predictor tells the other's, through which no gradient comes back. Chen, He, CVPR 2021,
arXiv:2011.10566.
"""

from ...architectures.projector import projector
from ...embeddings import EmbeddingModel, PredictiveModel, embedded, measure, pretext, show
from ...layers import StopGradient
from ...pair_losses import ContrastiveMargin, NegativeCosine, embedding_std

__all__ = ["LOSS", "METRICS", "build", "measure", "pretext", "show"]

LOSS = {"contrastive": ContrastiveMargin(), "simsiam": NegativeCosine()}
METRICS = [embedding_std]


def build(encoder, shape=None, loss="contrastive", widths=(512, 128), norm=True, predictor=64):
    """Image -> embedding (N, widths[-1]); for "simsiam" [embedding, prediction, target], of that shape each.

    shape: (H, W, C) of the data's images. widths: the projector's layers. norm: batch norm in it, without which
        "simsiam" collapses. predictor: width of the one hidden layer of the predictor of "simsiam".
    """
    images = encoder.input
    simsiam = loss == "simsiam"
    z = embedded(encoder, shape, widths, norm, last_norm=simsiam and norm)
    if not simsiam:
        return EmbeddingModel(images, z, name="siamese")
    p = projector(z.shape[1:], [predictor, widths[-1]], norm, name="predictor")(z)
    target = StopGradient(dtype="float32", name="target")(z)
    return PredictiveModel(images, [z, p, target], name="siamese")
