"""SimCLR: tell the other view of the same image from views of all other images of the batch.

Chen, Kornblith, Norouzi, Hinton, ICML 2020, arXiv:2002.05709. What is learned lies in the encoder; the projector, on
whose output the views are compared, is what throws away how they were distorted. The other images of the batch are the
negatives, so a larger batch is a harder task; on several replicas it is the batch of all of them.
"""

from ...embeddings import EmbeddingModel, embedded, measure, pretext, show
from ...pair_losses import NTXent, embedding_std

__all__ = ["LOSS", "METRICS", "build", "measure", "pretext", "show"]

LOSS = NTXent(temperature=0.2)
METRICS = [embedding_std]


def build(encoder, shape=None, widths=(512, 128), norm=True):
    """Image -> embedding (N, widths[-1]).

    shape: (H, W, C) of the data's images. widths: the projector's layers. norm: batch norm in it.
    """
    return EmbeddingModel(encoder.input, embedded(encoder, shape, widths, norm), name="simclr")
