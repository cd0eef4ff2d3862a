"""Spoiled texts, for an energy to tell from what they were."""

import numpy as np
import tensorflow as tf

from ..layers.vocabulary import split


def replaced(texts, vocabulary, share=0.15, seed=0):
    """Texts in which a share of the words is replaced by words drawn from all of the texts: an array (N,) of str.

    Every text with a word has at least one replaced. The others stay, spelled as the vocabulary cuts them.
    """
    draw = np.random.default_rng(seed)
    cut = [[word.decode() for word in row] for row in split(tf.constant(list(texts)), vocabulary.punctuation).to_list()]
    pool = [word for row in cut for word in row]
    spoiled = []
    for row in cut:
        places = draw.choice(len(row), max(1, round(share * len(row))), replace=False) if row else []
        for place in places:
            row[place] = pool[draw.integers(len(pool))]
        spoiled.append(" ".join(row))
    return np.array(spoiled, object)
