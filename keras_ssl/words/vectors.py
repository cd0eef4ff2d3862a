"""Words and their vectors: neighbours, analogies, odd ones out, and files in word2vec's text format."""

import difflib
import functools
import os
import pathlib

import numpy as np

from ..errors import InputError, quoted


class UnknownWord(InputError, KeyError):
    """A word that the vocabulary lacks."""

    __str__ = ValueError.__str__  # a KeyError's would put the message in quotes


class WordVectors:
    """Vectors of words; comparisons are by cosine. A zero vector has cosine 0 with everything.

    words: n different strings; benchmarks take the first ones for the most frequent.
    matrix: (n, d) finite numbers, kept as float32, read-only.

    Raises InputError for words given twice, and for a matrix that has another shape or holds inf or NaN.
    """

    def __init__(self, words, matrix):
        self.words = list(words)
        self.index = {word: i for i, word in enumerate(self.words)}
        self.matrix = np.array(matrix, "float32")
        self.matrix.flags.writeable = False
        if self.matrix.ndim != 2 or len(self.matrix) != len(self.words):
            raise InputError(f"{len(self.words)} words need a matrix of as many rows, got {self.matrix.shape}")
        if len(self.index) != len(self.words):
            twice = next(word for i, word in enumerate(self.words) if self.index[word] != i)
            raise InputError(f"the word {twice!r} is there more than once")
        if not np.isfinite(self.matrix).all():
            raise InputError("word vectors have to be finite, but there is inf or NaN")

    def __len__(self):
        return len(self.words)

    def __contains__(self, word):
        return word in self.index

    @functools.cached_property
    def units(self):
        """The vectors at unit length, (n, d) float32; zeros stay zero."""
        units = unit(self.matrix).astype("float32")
        units.flags.writeable = False
        return units

    def number(self, word):
        """The row of a word. Raises UnknownWord, an InputError and a KeyError, that offers the nearest spellings."""
        try:
            return self.index[word]
        except (KeyError, TypeError):
            raise self._unknown(word) from None

    def vector(self, word):
        """The vector (d,) of a word. Raises UnknownWord as `number` does."""
        return self.matrix[self.number(word)]

    def known(self, words):
        """Those of `words` that the vocabulary has, as it spells them, and how many it lacks.

        A word that's there in lower case only, such as "john" for "John", is known; of two such, the second isn't.
        """
        spelled = [self.spelling(word) for word in words]
        found = list(dict.fromkeys(word for word in spelled if word is not None))
        return found, len(spelled) - len(found)

    def spelling(self, word):
        """The word as the vocabulary spells it: as given or in lower case; None where it's there in neither."""
        return next((spelled for spelled in (word, word.lower()) if spelled in self.index), None)

    def similarity(self, a, b):
        """Cosine of two words' vectors, in -1..1."""
        return float(self.units[self.number(a)] @ self.units[self.number(b)])

    def similar(self, word_or_vector, k=10, leave_out=()):
        """The k words nearest to a word or a vector (d,): [(word, cosine), ...], nearest first.

        leave_out: words not to answer with; a word given is left out too. Fewer than k where there are no more.

        Raises InputError for a vector of another size, UnknownWord for a word that isn't there.
        """
        if isinstance(word_or_vector, str):
            target, leave_out = self.units[self.number(word_or_vector)], [word_or_vector, *leave_out]
        else:
            target = np.asarray(word_or_vector, "float32")
            if target.shape != self.matrix.shape[1:] or not np.isfinite(target).all():
                raise InputError(f"a vector is ({self.matrix.shape[1]},), all finite; got {target.shape}")
            target = unit(target).astype("float32")
        cosines = self.units @ target
        left_out = {self.index[word] for word in leave_out if word in self.index}
        # Stable, so that of equals the more frequent comes first.
        nearest = np.argsort(-cosines, kind="stable")[: max(k, 0) + len(left_out)]
        return [(self.words[i], float(cosines[i])) for i in nearest if i not in left_out][: max(k, 0)]

    def analogy(self, a, b, c, k=1):
        """a is to b as c is to ...: the k best answers, [(word, cosine), ...], none of them a word of the question.

        What is nearest to b - a + c, of unit vectors: Mikolov, Yih, Zweig, "Linguistic regularities in continuous
        space word representations", NAACL 2013.
        """
        a, b, c = (self.number(word) for word in (a, b, c))
        target = self.units[b] - self.units[a] + self.units[c]
        return self.similar(target, k, leave_out=[self.words[i] for i in (a, b, c)])

    def doesnt_match(self, words):
        """The one of three words or more that is farthest from the mean of their unit vectors.

        Raises InputError for fewer: two are as far from their mean.
        """
        if isinstance(words, str) or len(words) < 3:
            raise InputError(f"the odd one out is one of three words or more, got {words!r}")
        units = self.units[[self.number(word) for word in words]]
        return words[int(np.argmin(units @ units.mean(axis=0)))]

    def save_text(self, path):
        """Write word2vec's text format, whole or not at all: a line `n d`, then a word and its numbers on each line.

        Numbers come back as they were. Raises InputError for words that the format can't hold: empty or with a space.
        """
        bad = next((word for word in self.words if not word or set(word) & set(" \n\r\t")), None)
        if bad is not None:
            raise InputError(f"the text format can't hold the word {bad!r}: words there are without spaces")
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.partial")
        line = "%s" + " %.9g" * self.matrix.shape[1] + "\n"  # nine digits tell all float32 apart
        try:
            with open(temporary, "w", encoding="utf-8", newline="\n") as file:
                file.write("{} {}\n".format(*self.matrix.shape))
                for word, row in zip(self.words, self.matrix, strict=True):
                    file.write(line % (word, *row.tolist()))
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load_text(cls, path):
        """Read a file in word2vec's text format. Raises InputError, which names the line, for a damaged file."""
        path = pathlib.Path(path)
        if not path.is_file():
            raise InputError(f"there is no file of word vectors {path}")
        words, rows = [], []
        with open(path, "rb") as file:
            count, size = _header(file.readline(), path)
            for number, line in enumerate(file, start=2):
                word, *values = line.strip(b" \r\n").split(b" ")  # of bytes: no word is cut at a no-break space
                if len(values) != size:
                    raise InputError(f"{path}, line {number}: {len(values)} numbers, the first line says {size}")
                try:
                    words.append(word.decode())
                    rows.append(np.array([float(value) for value in values], "float32"))
                except UnicodeDecodeError:
                    raise InputError(f"{path}, line {number}: the word isn't UTF-8") from None
                except ValueError:
                    raise InputError(f"{path}, line {number}: not all behind the word are numbers") from None
        if len(words) != count:
            raise InputError(f"{path} holds {len(words)} words, its first line says {count}")
        try:
            return cls(words, np.reshape(rows, (count, size)))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def to_gensim(self):
        """The same as gensim's KeyedVectors. Raises InputError where gensim isn't installed."""
        try:
            from gensim.models import KeyedVectors
        except ImportError as error:
            raise InputError("KeyedVectors are gensim's, which isn't installed: pip install gensim") from error
        vectors = KeyedVectors(self.matrix.shape[1])
        vectors.add_vectors(self.words, self.matrix)
        return vectors

    @classmethod
    def from_gensim(cls, vectors):
        """From gensim's KeyedVectors, or a model that has them as `wv`."""
        vectors = getattr(vectors, "wv", vectors)
        if not hasattr(vectors, "index_to_key"):
            raise InputError(f"these are no KeyedVectors of gensim 4 but a {type(vectors).__name__}")
        return cls(vectors.index_to_key, vectors.vectors)

    def _unknown(self, word):
        word = str(word)
        near = [word.lower()]
        if near[0] not in self.index:
            # Comparing with all of 100,000 words takes a second: only those about as long that share an end.
            ends = {word[:1], word[-1:]}
            near = [w for w in self.words if abs(len(w) - len(word)) <= 2 and ends & {w[:1], w[-1:]}]
            near = difflib.get_close_matches(word, near, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ", and none is spelled like it"
        return UnknownWord(f"unknown word {quoted(word)}{hint}")


def unit(vectors):
    """Vectors (..., d) at unit length, float64; zeros stay zero."""
    vectors = np.asarray(vectors, "float64")
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def _header(line, path):
    try:
        count, size = (int(part) for part in line.split())
    except ValueError:
        count = size = 0
    if count < 1 or size < 1:
        raise InputError(f"{path} isn't word2vec's text format: its first line has to be two numbers, words and size")
    return count, size
