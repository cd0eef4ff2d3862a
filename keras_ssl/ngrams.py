"""An n-gram language model, for a next-word model's figures to stand beside: interpolated Kneser-Ney.

Kneser and Ney, ICASSP 1995, in the interpolated form of Chen and Goodman, Computer Speech & Language 13, 1999. With h
the n - 1 words before w and h' the same without the first of them,

    P_n(w | h) = (a(h w) - D_n) / a(h) + b(h) P_{n-1}(w | h'),    P_0(w) = 1 / V,

where the first term is 0 if h w wasn't seen, a(h) is the sum of a(h w) over all w, and b(h) is what the discounts took
from them, over a(h); after an h that nothing was seen to follow, P_n = P_{n-1}. a(h w) is in the highest order how
often h w was seen, in those below how many different symbols were seen before it.

Each document begins with one start symbol, which is context and never predicted; nothing marks the end. It is the
longest context that a document's first words have. Nothing can come before it, so n-grams that begin with it keep, in
all orders, the number of times that they were seen, as in SRILM and KenLM.
"""

import numpy as np

from .errors import InputError


class KneserNey:
    """A model of each word of a document given the `order` - 1 before it.

    Args:
        order: words in the longest n-gram, at least 1.
        modified: whether counts of 1, 2, and 3 or more have each their discount in each order (Chen and Goodman),
            rather than one for all (Ney, Essen and Kneser, 1994).
    """

    def __init__(self, order=5, modified=False):
        if order < 1:
            raise InputError(f"the order of an n-gram model is at least 1, got {order}")
        self.order, self.modified = order, modified
        self.vocabulary, self.levels = 0, []

    def fit(self, sequences, vocabulary):
        """Counts n-grams; returns the model itself.

        Args:
            sequences: word ids in 0..vocabulary - 1, an integer array (n,) for each document.
            vocabulary: number of words, the unknown one included.

        Raises InputError, as all methods do, for ids outside the vocabulary and where there are no words at all.
        """
        if vocabulary < 1:
            raise InputError(f"a vocabulary has at least 1 word, got {vocabulary}")
        tokens = _tokens(sequences, vocabulary)
        self.vocabulary, self.levels = vocabulary, []
        # Each n-gram that was seen has an id, its place among the sorted keys of its order; a key is made of the id of
        # the n - 1 words before the last and of that. `ids` has one for each token, of the n-gram that ends there.
        keys, ids, contexts = np.arange(vocabulary + 1), tokens, 1
        counts = np.bincount(tokens[tokens < vocabulary], minlength=vocabulary + 1)
        for n in range(1, self.order + 1):
            at, longer = _longer(ids, tokens, vocabulary)
            if n == self.order or not len(at):  # no longer n-grams: what is counted here is all that was seen
                self.levels.append(self._level(keys, counts, contexts))
                break
            longer, which, seen = np.unique(longer, return_inverse=True, return_counts=True)
            endings = np.empty(len(longer), "int64")
            endings[which] = ids[at]  # each longer n-gram without its first word
            before = np.bincount(endings, minlength=len(keys))
            # Nothing is before n-grams at a document's start.
            self.levels.append(self._level(keys, np.where(before > 0, before, counts), contexts))
            contexts, keys, counts = len(keys), longer, seen
            ids = np.full(len(tokens), -1)
            ids[at] = which
        return self

    def log_probabilities(self, sequence):
        """Natural logarithm of each word's probability given those before it: ids (n,) of a document -> (n,)."""
        return np.log(self._probabilities([sequence]))

    def perplexity(self, sequences):
        """exp of the mean of -log P over all words of all documents, each (n,): at least 1, V for a uniform guess."""
        return float(np.exp(-np.mean(np.log(self._probabilities(sequences)))))

    def next(self, context):
        """Distribution (V,) of the word after a document's first words (n,), which may be none."""
        context = list(context)[max(0, len(context) - self.order + 1) :]
        rows = [[*context, word] for word in range(self.vocabulary)]
        return self._probabilities(rows)[len(context) :: len(context) + 1]

    def _level(self, keys, counts, contexts):
        """An order's keys (K,), what each n-gram adds to its probability (K,), what each context leaves over."""
        context = keys // (self.vocabulary + 1)
        lost = discounts(counts, self.modified)[np.minimum(counts, 3)]
        total = np.bincount(context, counts, minlength=contexts)
        left = np.bincount(context, lost, minlength=contexts)
        # Nothing follows, for one, the last words of the last document: all is left to the shorter context.
        left = np.divide(left, total, out=np.ones(contexts), where=total > 0)
        return keys, (counts - lost) / total[context], left

    def _probabilities(self, sequences):
        """Of each word of all documents, these one after the other: (N,)."""
        if not self.levels:
            raise InputError("an n-gram model is fitted before it's asked")
        tokens = _tokens(sequences, self.vocabulary)
        _, gain, left = self.levels[0]
        ids, p = tokens, (gain + left / self.vocabulary)[tokens]
        for keys, gain, left in self.levels[1:]:
            at, wanted = _longer(ids, tokens, self.vocabulary)
            p[at] *= left[wanted // (self.vocabulary + 1)]
            places = np.searchsorted(keys, wanted)
            places[places == len(keys)] = 0
            seen = keys[places] == wanted
            at, places = at[seen], places[seen]
            p[at] += gain[places]
            ids = np.full(len(tokens), -1)
            ids[at] = places
        return p[tokens < self.vocabulary]


def discounts(counts, modified=False):
    """What counts of 0, 1, 2, and 3 or more lose, told from how many of the counts (K,) are 1, 2, 3 and 4: (4,).

    Where that tells nothing (few counts are so low, as among frequent words) or something below 0, it's what KenLM
    falls back on: 0, 0.5, 1 and 1.5; if not modified, 0.5 of all.
    """
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].tolist()
    one = n1 / (n1 + 2 * n2) if n1 else 0.5
    if not modified:
        return np.array([0, one, one, one])
    if n1 and n2 and n3:
        found = np.array([0, one, 2 - 3 * one * n3 / n2, 3 - 4 * one * n4 / n3])
        if min(found[1:]) > 0:
            return found
    return np.array([0, 0.5, 1, 1.5])


def _tokens(sequences, vocabulary):
    """Documents one after the other, each after a start symbol, which is `vocabulary`: (N,), int64."""
    documents = [np.asarray(each) for each in sequences]
    if not any(each.size for each in documents):
        raise InputError("an n-gram model takes documents with at least one word in all, got none")
    if any(each.ndim != 1 or (each.size and each.dtype.kind not in "iu") for each in documents):
        raise InputError("an n-gram model takes a list of documents, each an array (n,) of integer word ids")
    start = np.array([vocabulary])
    tokens = np.concatenate([part.astype("int64") for each in documents for part in (start, each)])
    # As many start symbols as documents, unless one has that id among its words.
    if tokens.min() < 0 or tokens.max() > vocabulary or np.sum(tokens == vocabulary) > len(documents):
        raise InputError(f"word ids are in 0..{vocabulary - 1}, got one outside")
    return tokens


def _longer(ids, tokens, vocabulary):
    """Where an n-gram was known one token earlier (ids aren't -1) and a word follows: places (M,), their keys (M,)."""
    before = np.concatenate([[-1], ids[:-1]])
    at = np.flatnonzero((before >= 0) & (tokens < vocabulary))
    return at, before[at] * (vocabulary + 1) + tokens[at]
