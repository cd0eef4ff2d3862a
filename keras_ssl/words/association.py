"""The Word-Embedding Association Test: do two sets of words go with two others as people's stereotypes have it?

Caliskan, Bryson, Narayanan, "Semantics derived automatically from language corpora contain human-like biases", Science
356, 2017, arXiv:1608.07187.
"""

import itertools
import math

import numpy as np

from ..errors import InputError
from .vectors import unit

EXACT = 200_000  # partitions that are still all gone through: of ten and ten words
SAMPLES = 100_000  # drawn where there are more

_CAREER = ["executive", "management", "professional", "corporation", "salary", "office", "business", "career"]
_FAMILY = ["home", "parents", "children", "family", "cousins", "marriage", "wedding", "relatives"]
_MALE = ["male", "man", "boy", "brother", "he", "him", "his", "son"]
_FEMALE = ["female", "woman", "girl", "sister", "she", "her", "hers", "daughter"]

# {name: (targets, targets, attributes, attributes)}, the arguments of `weat`; an effect above 0 is the stereotype. The
# lists are those of the paper's tests 6, 7 and 8; "career, terms" puts its lists together in a way of our own, for
# vocabularies that lack names.
WEAT = {
    "career, names": (
        ["John", "Paul", "Mike", "Kevin", "Steve", "Greg", "Jeff", "Bill"],
        ["Amy", "Joan", "Lisa", "Sarah", "Diana", "Kate", "Ann", "Donna"],
        _CAREER,
        _FAMILY,
    ),
    "career, terms": (_CAREER, _FAMILY, _MALE, _FEMALE),
    "math, terms": (
        ["math", "algebra", "geometry", "calculus", "equations", "computation", "numbers", "addition"],
        ["poetry", "art", "dance", "literature", "novel", "symphony", "drama", "sculpture"],
        _MALE,
        _FEMALE,
    ),
    "science, terms": (
        ["science", "technology", "physics", "chemistry", "Einstein", "NASA", "experiment", "astronomy"],
        ["poetry", "art", "Shakespeare", "dance", "literature", "novel", "symphony", "drama"],
        ["brother", "father", "uncle", "grandfather", "son", "he", "his", "him"],
        ["sister", "mother", "aunt", "grandmother", "daughter", "she", "hers", "her"],
    ),
}


def weat(vectors, targets_a, targets_b, attributes_a, attributes_b, seed=0):
    """How much more targets_a go with attributes_a, and targets_b with attributes_b, than the other way round.

    vectors: WordVectors; of each list of words, those known in the spelling given or in lower case are used.

    Returns {"effect_size": difference of the two targets' mean association, in sample standard deviations of all
    targets; "p_value": the chance that targets parted at random, into as many and as many, differ as much, one-sided,
    in 0..1; "exact": whether all partitions were tried, else SAMPLES of them drawn by `seed`; "left_out": words that
    aren't known}.

    Raises InputError where a list has no known word, or all targets are associated alike.
    """
    lists = [vectors.known(words) for words in (targets_a, targets_b, attributes_a, attributes_b)]
    if not all(words for words, _ in lists):
        raise InputError("each of the four lists needs a word that the vocabulary has")
    first, second, like, unlike = (unit([vectors.vector(word) for word in words]) for words, _ in lists)
    targets = np.concatenate([first, second])
    association = (targets @ like.T).mean(axis=1) - (targets @ unlike.T).mean(axis=1)
    if np.ptp(association) < 1e-12:
        raise InputError("all targets are associated alike with both attributes: there is nothing to compare")
    size = len(first)
    difference = association[:size].mean() - association[size:].mean()
    chance, exact = _chance(association, size, seed)
    return {
        "effect_size": float(difference / association.std(ddof=1)),
        "p_value": chance,
        "exact": exact,
        "left_out": sum(left_out for _, left_out in lists),
    }


def _chance(values, size, seed):
    """Share of ways to take `size` values whose sum is the first ones' or more, and whether all ways were tried.

    The way taken counts as one, so that no chance is 0. All values' sum being fixed, the order of sums is that of the
    difference of means.
    """
    least = values[:size].sum() - 1e-12  # not to lose equals to rounding
    if math.comb(len(values), size) <= EXACT:
        ways = np.array(list(itertools.combinations(range(len(values)), size)))
        return float(np.mean(values[ways].sum(axis=1) >= least)), True
    random, reached = np.random.default_rng(seed), 0
    for _ in range(10):  # in parts, for memory
        mixed = random.permuted(np.tile(values, (SAMPLES // 10, 1)), axis=1)
        reached += int(np.sum(mixed[:, :size].sum(axis=1) >= least))
    return (reached + 1) / (SAMPLES + 1), False
