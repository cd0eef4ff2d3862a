"""How good word vectors are: people's judgements of similarity, and analogy questions."""

import pathlib

import numpy as np

from ..errors import InputError
from .vectors import unit

BLOCK = 500  # questions answered by one matrix product


def similarity_score(vectors, pairs):
    """Spearman's rank correlation of cosines with people's scores, such as WordSim-353's or SimLex-999's.

    vectors: WordVectors. pairs: [(word, word, score), ...]. As in gensim's evaluate_word_pairs capitals don't count:
    the first of a word's spellings stands for it.

    Returns {"spearman": in -1..1, "pairs": how many were known, "left_out": how many not}. Raises InputError for fewer
    than two known pairs, and where all cosines or all scores are alike.
    """
    from scipy.stats import spearmanr

    pairs = [(a.upper(), b.upper(), score) for a, b, score in pairs]
    rows = {word: group[0] for word, group in _spellings(vectors.words).items()}
    known = [(rows[a], rows[b], score) for a, b, score in pairs if a in rows and b in rows]
    if len(known) < 2:
        raise InputError(f"a rank correlation needs two known pairs, but of {len(pairs)} {len(known)} are known")
    firsts, seconds, scores = (list(column) for column in zip(*known, strict=True))
    cosines = (unit(vectors.matrix[firsts]) * unit(vectors.matrix[seconds])).sum(axis=1)
    if not np.ptp(scores) or not np.ptp(cosines):
        raise InputError(f"of {len(known)} pairs all scores or all cosines are alike: there are no ranks to correlate")
    correlation = float(spearmanr(scores, cosines).statistic)
    return {"spearman": correlation, "pairs": len(known), "left_out": len(pairs) - len(known)}


def analogy_score(vectors, questions, restrict=30_000):
    """Share of analogy questions answered right, of those whose words are all known.

    vectors: WordVectors, the most frequent word first. questions: {section: [(a, b, c, d), ...]}, a is to b as c is to
    d. restrict: only the first so many words are known, and answers. The protocol is gensim's evaluate_word_analogies:
    `WordVectors.analogy`, but capitals don't count: the first of a word's spellings stands for it in the question, and
    none of its spellings is an answer.

    Returns {"accuracy", "questions", "left_out", "sections": {section: the same three}}: accuracy in 0..1, None where
    no question is known. Raises InputError where none is in any section.
    """
    spellings = _spellings(vectors.words[: max(restrict, 0)])
    units = vectors.units[: max(restrict, 0)]
    folded = [word.upper() for word in vectors.words[: len(units)]]
    sections = {}
    for section, asked in questions.items():
        asked = [tuple(word.upper() for word in question) for question in asked]
        known = [question for question in asked if all(word in spellings for word in question)]
        right = sum(_right(units, folded, spellings, known[i : i + BLOCK]) for i in range(0, len(known), BLOCK))
        sections[section] = _share(right, len(known), len(asked) - len(known)), right
    parts = {section: share for section, (share, _) in sections.items()}
    count, left_out = (sum(share[key] for share in parts.values()) for key in ("questions", "left_out"))
    if not count:
        raise InputError(f"of {left_out} analogy questions none has words that are all known")
    return {**_share(sum(right for _, right in sections.values()), count, left_out), "sections": parts}


def read_pairs(path):
    """[(word, word, score), ...] from lines `word1 TAB word2 TAB score`; empty ones and comments (#) are skipped.

    Raises InputError, which names the line, for a file that isn't so.
    """
    pairs = []
    for number, line in _lines(path):
        try:
            first, second, score = line.split("\t")
            pairs.append((first.strip(), second.strip(), float(score)))
        except ValueError:
            raise InputError(f"{path}, line {number}: not word, tab, word, tab, score") from None
        if not np.isfinite(pairs[-1][2]):
            raise InputError(f"{path}, line {number}: the score has to be finite")
    return pairs


def read_questions(path):
    """{section: [(a, b, c, d), ...]} from Google's questions-words.txt: lines `: section`, then four words a line.

    Mikolov, Chen, Corrado, Dean, "Efficient estimation of word representations in vector space", arXiv:1301.3781.

    Raises InputError, which names the line, for a file that isn't so.
    """
    sections, current = {}, None
    for number, line in _lines(path):
        if line.startswith(":"):
            current = sections.setdefault(line[1:].strip(), [])
            continue
        words = tuple(line.split())
        if current is None or len(words) != 4:
            raise InputError(f"{path}, line {number}: neither `: section` nor four words in a section")
        current.append(words)
    return sections


def _right(units, folded, spellings, questions):
    """How many of known questions are answered right."""
    a, b, c = ([spellings[question[i]][0] for question in questions] for i in range(3))
    cosines = (units[b] - units[a] + units[c]) @ units.T  # but for lengths of the targets, which change no order
    for row, question in zip(cosines, questions, strict=True):
        for word in question[:3]:
            row[spellings[word]] = -np.inf
    # An answer that the question itself names is wrong even where no other word is left.
    best = zip(cosines.argmax(axis=1), questions, strict=True)
    return sum(folded[i] == question[3] and question[3] not in question[:3] for i, question in best)


def _spellings(words):
    """{word in capitals: the rows of its spellings}, ascending."""
    rows = {}
    for i, word in enumerate(words):
        rows.setdefault(word.upper(), []).append(i)
    return rows


def _share(right, count, left_out):
    return {"accuracy": right / count if count else None, "questions": count, "left_out": left_out}


def _lines(path):
    """(number, line) of a UTF-8 file's lines that are neither empty nor a comment."""
    if not pathlib.Path(path).is_file():
        raise InputError(f"there is no file {path}")
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} isn't UTF-8 text") from None
    return [(i, line) for i, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
