"""Barlow Twins: two views' embeddings agree in each dimension, and no two dimensions say the same.

Zbontar, Jing, Misra, LeCun, Deny, ICML 2021, arXiv:2103.03230, after H. Barlow's principle of redundancy reduction. No
negatives: a collapsed embedding has no correlation of 1 with itself. Correlations are those of the batch of all
replicas.
"""

from ...embeddings import EmbeddingModel, embedded, measure, pretext, show
from ...pair_losses import BarlowTwins, embedding_std

__all__ = ["LOSS", "METRICS", "build", "measure", "pretext", "show"]

LOSS = BarlowTwins()
METRICS = [embedding_std]


def build(encoder, shape=None, widths=(512, 512), norm=True):
    """Image -> embedding (N, widths[-1]).

    shape: (H, W, C) of the data's images. widths: the projector's layers; this loss gains by many dimensions.
        norm: batch norm in it.
    """
    return EmbeddingModel(encoder.input, embedded(encoder, shape, widths, norm), name="barlow_twins")
