"""VICReg: two views' embeddings alike, while each dimension varies over the batch and no two vary together.

Variance-invariance-covariance regularisation: Bardes, Ponce, LeCun, ICLR 2022, arXiv:2105.04906. The variance term
alone forbids the collapse, by name; nothing is normalised. Variances are those of the batch of all replicas.
"""

from ...embeddings import EmbeddingModel, embedded, measure, pretext, show
from ...pair_losses import VICReg, embedding_std

__all__ = ["LOSS", "METRICS", "build", "measure", "pretext", "show"]

LOSS = VICReg()
METRICS = [embedding_std]


def build(encoder, shape=None, widths=(512, 512), norm=True):
    """Image -> embedding (N, widths[-1]).

    shape: (H, W, C) of the data's images. widths: the projector's layers. norm: batch norm in it.
    """
    return EmbeddingModel(encoder.input, embedded(encoder, shape, widths, norm), name="vicreg")
