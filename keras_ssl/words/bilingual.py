"""Two languages' word vectors in one space: an orthogonal map, learnt from a small dictionary, and what it finds.

Xing, Wang, Liu, Lin, NAACL 2015, and Smith, Turban, Hamblin, Hammerla, ICLR 2017, arXiv:1702.03859, for the map;
Conneau, Lample, Ranzato, Denoyer, Jégou, ICLR 2018, arXiv:1710.04087, for CSLS.
"""

import numpy as np

from ..errors import InputError
from .vectors import unit

MOST = 10_000  # words of each language that are compared, the most frequent ones


def aligned_words(source, target, least=5, sure=0.4):
    """Pairs of words that stand in the same pairs of texts and in few others: [(id, id), ...], surest first.

    Their Dice coefficient, 2 n(s, t) / (n(s) + n(t)) of the numbers of texts with them, is at least `sure`, and each
    is the other's best (Smadja, McKeown, Hatzivassiloglou, Computational Linguistics 22, 1996).

    source, target: ids of the words of each text, as many arrays each. least: texts that a word has to stand in.
    """
    from scipy.sparse import csr_matrix

    if len(source) != len(target):
        raise InputError(f"texts come in pairs, got {len(source)} and {len(target)}")

    def occurs(texts):
        rows = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        columns = np.concatenate([np.asarray(text, "int64") for text in texts]) if len(texts) else rows
        found = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), columns.max(initial=0) + 1))
        found.data[:] = 1  # however often in a text
        return found

    a, b = occurs(source), occurs(target)
    both = (a.T @ b).tocoo()
    counts = np.asarray(a.sum(axis=0)).ravel()[both.row], np.asarray(b.sum(axis=0)).ravel()[both.col]
    dice = 2 * both.data / (counts[0] + counts[1])
    usable = np.flatnonzero((dice >= sure) & (np.minimum(*counts) >= least))
    order = usable[np.argsort(-dice[usable], kind="stable")]
    firsts, seconds, pairs = set(), set(), []
    for s, t in zip(both.row[order].tolist(), both.col[order].tolist(), strict=True):
        if s not in firsts and t not in seconds:
            pairs.append((s, t))
        firsts.add(s)
        seconds.add(t)
    return pairs


def procrustes(x, y):
    """The orthogonal matrix W (d, d) with the least |x W - y|, of vectors x, y (n, d): U V' of x' y = U S V'.

    Schönemann, Psychometrika 31, 1966. Of the many that few vectors leave open, it is the one nearest to the identity.
    """
    u, s, v = np.linalg.svd(np.asarray(x, "float64").T @ np.asarray(y, "float64"))
    known = s > 1e-10 * s[0]
    u, free, v, open_v = u[:, known], u[:, ~known], v[known], v[~known]
    a, _, b = np.linalg.svd(free.T @ open_v.T)
    return u @ v + free @ a @ b @ open_v


def csls(x, y, k=10):
    """Cross-domain similarity local scaling (n, m) of vectors x (n, d) and y (m, d): 2 cos(x, y) - r(x) - r(y).

    r is the mean cosine with the k nearest vectors of the other language: it holds back what is near to everything.
    """
    cosines = unit(x).astype("float32") @ unit(y).astype("float32").T

    def near(c):
        few = min(k, c.shape[1])
        return np.partition(c, c.shape[1] - few, axis=1)[:, c.shape[1] - few :].mean(axis=1)

    return 2 * cosines - near(cosines)[:, None] - near(cosines.T)[None]


def centred(vectors):
    """Vectors (n, d) at unit length, with their mean taken off: Artetxe, Labaka, Agirre, EMNLP 2016."""
    units = unit(vectors)
    return units - units.mean(axis=0)


def precision(source, target, pairs, seed=0):
    """How often a word's translation is the first one found, for half of the pairs, by a map learnt from the others.

    source, target: WordVectors, the most frequent word first. pairs: [(word, word), ...] among their first `MOST`.

    Returns {"csls": share, "cosine": the same by cosine alone, "spelling": by the same spelling, "pairs": tested}, of
    all the target's words as candidates. Raises InputError for fewer than four pairs.
    """
    if len(pairs) < 4:
        raise InputError(
            f"a map is learnt from half of the pairs of words and tested on the others: {len(pairs)} are few"
        )
    order = np.random.default_rng(seed).permutation(len(pairs))
    learned, tested = ([pairs[i] for i in half] for half in (order[: len(pairs) // 2], order[len(pairs) // 2 :]))
    x, y = centred(source.matrix[:MOST]), centred(target.matrix[:MOST])

    def numbers(pairs):
        return [source.number(s) for s, _ in pairs], [target.number(t) for _, t in pairs]

    rows, columns = numbers(learned)
    mapped = x @ procrustes(x[rows], y[columns])
    asked, right = numbers(tested)
    # CSLS looks at all words of both languages, not at those asked for alone.
    return {
        "csls": float(np.mean(csls(mapped, y)[asked].argmax(axis=1) == right)),
        "cosine": float(np.mean((unit(mapped[asked]) @ unit(y).T).argmax(axis=1) == right)),
        "spelling": float(np.mean([s == t for s, t in tested])),
        "pairs": len(tested),
    }
