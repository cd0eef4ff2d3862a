"""Answers to many inputs, some of them at a time."""

import numpy as np

from ..errors import InputError


def joined(answers):
    """Batches of answers as one array, float32; sequences padded with zeros to the longest."""
    if not answers:
        raise InputError("there is nothing to answer")
    if len({answer.shape[1:] for answer in answers}) > 1:
        longest = max(answer.shape[1] for answer in answers)
        answers = [np.pad(a, [(0, 0), (0, longest - a.shape[1]), *[(0, 0)] * (a.ndim - 2)]) for a in answers]
    return np.concatenate(answers).astype("float32")


def by_parts(function, batch, size=500):
    """A function of a batch, run on `size` of it at a time, so that memory doesn't grow with the batch."""
    return np.concatenate([function(batch[i : i + size]) for i in range(0, max(1, len(batch)), size)])
