"""Gender in word vectors: where it lies, how much of it neutral words carry, and vectors without it.

Bolukbasi, Chang, Zou, Saligrama, Kalai, "Man is to computer programmer as woman is to homemaker? Debiasing word
embeddings", NeurIPS 2016, arXiv:1607.06520. Words that a vocabulary lacks are left out; `coverage` says how many.
"""

import json
from importlib import resources

import numpy as np

from ..errors import InputError
from .association import WEAT, weat
from .vectors import WordVectors, unit

__all__ = [
    "WEAT", "coverage", "debias", "direct_bias", "extreme_occupations", "gender_direction", "occupations",
    "projections", "weat", "word_list",
]  # fmt: skip


def word_list(name):
    """One of the paper's word lists, such as "equalize_pairs", as lists/README.md describes them."""
    return json.loads((resources.files("keras_ssl.words") / "lists" / f"{name}.json").read_text(encoding="utf-8"))


def occupations(gendered=False):
    """The paper's occupations that aren't gendered by definition, or those that are, such as "waitress".

    Gendered are the paper's gender-specific words and what its judges rated 0.5 or more on a scale of 0 to 1.
    """
    specific = set(word_list("gender_specific_full"))
    return [w for w, rated, _ in word_list("professions") if (w in specific or abs(rated) >= 0.5) == gendered]


def coverage(vectors):
    """How much of the word lists a vocabulary has: {list: {"known": words or pairs, "left_out": the others}}."""
    defining, equal = word_list("definitional_pairs"), word_list("equalize_pairs")
    specific, neutral = word_list("gender_specific_full"), occupations()
    known = {
        "definitional_pairs": (len(_pairs(vectors, defining)), len(defining)),
        "equalize_pairs": (sum(bool(_equal_sets(vectors, [pair])) for pair in equal), len(equal)),
        "gender_specific_full": (sum(word in vectors for word in specific), len(specific)),
        "occupations": (len(vectors.known(neutral)[0]), len(neutral)),
    }
    return {name: {"known": count, "left_out": size - count} for name, (count, size) in known.items()}


def gender_direction(vectors, pairs=None):
    """The direction (d,) float64, of length 1, in which the words of pairs differ, towards the first of each: she.

    The first principal component of the pairs' unit vectors, each pair around its own mean.

    pairs: [(she, he), ...], the paper's ten unless given. Raises InputError where no pair is known, or none differs.
    """
    known = _pairs(vectors, word_list("definitional_pairs") if pairs is None else pairs)
    if not known:
        raise InputError("of the pairs that define the direction the vocabulary has none")
    she, he = (_units(vectors, words) for words in zip(*known, strict=True))
    # Around its mean a pair is half its difference, there and back: the components are those of the differences.
    _, lengths, components = np.linalg.svd((she - he) / 2, full_matrices=False)
    if lengths[0] < 1e-9:
        raise InputError("the words of the pairs that define the direction don't differ")
    return components[0] * (1 if np.sum((she - he) @ components[0]) >= 0 else -1)


def projections(vectors, words, direction):
    """Cosines (N,) float64 of N words with the direction: above 0 for she, below for he."""
    return _units(vectors, words) @ unit(direction)


def direct_bias(vectors, words, direction, c=1):
    """Mean |cosine|^c of words that should be neutral with the direction: 0 for none, 1 at most.

    c: above 0; the larger, the less small cosines count.

    Returns {"bias", "words": how many were known, "left_out": how many not}. Raises InputError where none is known.
    """
    known, left_out = vectors.known(words)
    if not known:
        raise InputError("of the words whose bias is asked for the vocabulary has none")
    bias = float(np.mean(np.abs(projections(vectors, known, direction)) ** c))
    return {"bias": bias, "words": len(known), "left_out": left_out}


def debias(vectors, direction=None, gender_specific=None, equalize=None):
    """New WordVectors, of unit length, whose neutral words have no part in the direction: the paper's hard debiasing.

    Neutral are all words but the gender-specific ones and those of the sets to equalize; w becomes
    (w - w_B) / |w - w_B|, w_B being its part in the direction. With a set's mean m and n = m - m_B its words become
    n + √(1 - |n|²) (w_B - m_B) / |w_B - m_B|: they differ in the direction alone, and are as far from any neutral word.

    direction: (d,), `gender_direction(vectors)` unless given. It belongs to the vectors before: measure what is left of
    bias with it, not with one found afterwards.
    gender_specific: words to leave as they are, in exactly this spelling; the paper's 1441 unless given.
    equalize: sets of words, the paper's 52 pairs unless given; also tried in lower case, in capitals and with a
    capital, as in the authors' program. A set that isn't all known, or lies all alike in the direction, is left out.
    """
    g = unit(gender_direction(vectors) if direction is None else direction)
    w = unit(vectors.matrix)
    along = w @ g
    sets = _equal_sets(vectors, word_list("equalize_pairs") if equalize is None else equalize)
    sets = [[vectors.index[word] for word in words] for words in sets]
    sets = [rows for rows in sets if np.ptp(along[rows]) > 1e-9]
    specific = set(word_list("gender_specific_full") if gender_specific is None else gender_specific)
    neutral = np.array([word not in specific for word in vectors.words])
    neutral[[row for rows in sets for row in rows]] = False
    # A word that lies in the direction has no other part but rounding, which isn't to be blown up.
    rest = w[neutral] - np.outer(along[neutral], g)
    w[neutral] = unit(np.where(np.linalg.norm(rest, axis=1, keepdims=True) > 1e-6, rest, 0))
    for rows in sets:
        mean = w[rows].mean(axis=0)
        other = mean - (mean @ g) * g
        sides = np.where(w[rows] @ g > mean @ g, 1, -1)
        w[rows] = other + np.sqrt(max(0, 1 - other @ other)) * np.outer(sides, g)
    return WordVectors(vectors.words, w)


def extreme_occupations(vectors, professions=None, direction=None, k=12):
    """The k occupations that lie most to the side of she, and of he.

    professions: words, `occupations()` unless given. direction: `gender_direction(vectors)` unless given.

    Returns {"she": [(word, cosine), ...], "he": [...], "left_out": how many aren't known}, the most extreme first.
    """
    known, left_out = vectors.known(occupations() if professions is None else professions)
    places = projections(vectors, known, gender_direction(vectors) if direction is None else direction)
    ranked = [(known[i], float(places[i])) for i in np.argsort(-places, kind="stable")]
    return {"she": ranked[:k], "he": ranked[::-1][:k], "left_out": left_out}


def _units(vectors, words):
    return unit(vectors.matrix[[vectors.number(word) for word in words]])


def _pairs(vectors, pairs):
    """The pairs both of whose words are known, as the vocabulary spells them."""
    spelled = ([vectors.spelling(word) for word in pair] for pair in pairs)
    return [pair for pair in spelled if None not in pair]


def _equal_sets(vectors, sets):
    """The sets all of whose words are known, in each of four ways of capitals."""
    ways = (str, str.lower, str.title, str.upper)
    sets = dict.fromkeys(tuple(way(word) for word in words) for words in sets for way in ways)
    return [words for words in sets if all(word in vectors for word in words)]
