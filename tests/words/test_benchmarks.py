"""Benchmarks of word vectors, against gensim's and against answers worked by hand."""

import re

import numpy as np
import pytest
from scipy.stats import spearmanr

from keras_ssl.errors import InputError
from keras_ssl.words import WordVectors, benchmarks

# The second spelling of a word, far from the first, shows that it's the first that counts.
CAPITALS = {"w3": "W3", "w8": "W8", "w11": "W11"}


@pytest.fixture
def both():
    """80 words, here and in gensim. w(4i) - w(4i+1) is w(4i+2) - w(4i+3), nearly: some analogies hold, some don't."""
    models = pytest.importorskip("gensim.models")
    draw = np.random.default_rng(3)
    matrix = draw.normal(size=(80, 6))
    matrix[3::4] = matrix[2::4] - matrix[::4] + matrix[1::4] + draw.normal(size=(20, 6)) * 0.6
    words = [f"w{i}" for i in range(80)] + list(CAPITALS.values())
    matrix = np.concatenate([matrix, draw.normal(size=(3, 6))]).astype("float32")
    theirs = models.KeyedVectors(6)
    theirs.add_vectors(words, matrix)
    return WordVectors(words, matrix), theirs


@pytest.fixture
def questions(tmp_path):
    draw = np.random.default_rng(4)
    parallel = [[f"{'wW'[i % 2]}{4 * i + j}" for j in range(4)] for i in range(20)]
    anyhow = [[f"w{i}" for i in draw.choice(90, 4, replace=False)] for _ in range(40)]
    path = tmp_path / "questions.txt"
    lines = [": parallel", *map(" ".join, parallel), ": any how", *map(" ".join, anyhow), "", ": unknown", "a b c d"]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("restrict", [83, 50])
def test_analogies_are_scored_as_by_gensim(both, questions, restrict):
    ours, theirs = both
    accuracy, sections = theirs.evaluate_word_analogies(str(questions), restrict_vocab=restrict)
    found = benchmarks.analogy_score(ours, benchmarks.read_questions(questions), restrict)
    assert 0.05 < accuracy < 0.95
    assert found["accuracy"] == pytest.approx(accuracy)
    assert found["questions"] == len(sections[-1]["correct"] + sections[-1]["incorrect"])
    assert found["questions"] + found["left_out"] == 61 and found["left_out"] > 1
    for section in sections[:-1]:
        right, wrong = len(section["correct"]), len(section["incorrect"])
        share = right / (right + wrong) if right + wrong else None
        mine = found["sections"][section["section"]]
        assert mine["accuracy"] == share and mine["questions"] == right + wrong
    assert found["sections"]["unknown"] == {"accuracy": None, "questions": 0, "left_out": 1}


def test_many_questions_are_scored_as_few(both, monkeypatch):
    ours, _ = both
    asked = {"all": [[f"w{4 * i + j}" for j in range(4)] for i in range(20)]}
    right = [ours.analogy(a, b, c)[0][0] == d for a, b, c, d in asked["all"]]
    monkeypatch.setattr(benchmarks, "BLOCK", 3)
    assert benchmarks.analogy_score(ours, asked)["accuracy"] == pytest.approx(np.mean(right))


def test_analogies_by_hand():
    vectors = WordVectors(["man", "woman", "king", "queen"], [[1, 0, 0], [0, 1, 0], [1, 0, 2], [0, 1, 2]])
    asked = [("man", "King", "woman", "queen"), ("man", "woman", "queen", "king"), ("man", "woman", "king", "king")]
    found = benchmarks.analogy_score(vectors, {"royal": asked, "none": [("man", "king", "woman", "prince")]})
    # One word alone is left to answer each; the last question names its own answer, which is never given.
    royal, none = found["sections"]["royal"], found["sections"]["none"]
    assert royal == {"accuracy": pytest.approx(2 / 3), "questions": 3, "left_out": 0}
    assert none == {"accuracy": None, "questions": 0, "left_out": 1}
    assert (found["accuracy"], found["questions"], found["left_out"]) == (pytest.approx(2 / 3), 3, 1)
    with pytest.raises(InputError, match="of 3 analogy questions none"):
        benchmarks.analogy_score(vectors, {"royal": asked}, restrict=2)


def test_no_spelling_of_a_word_of_the_question_answers_it():
    # KING lies where the question points, the queen a little beside it.
    matrix = [[1, 0, 0], [0, 1, 0], [1, 0, 2], [0, 1, 3], [0.2**0.5 - 1, 1, 0.8**0.5]]
    vectors = WordVectors(["man", "woman", "king", "queen", "KING"], matrix)
    assert vectors.analogy("man", "king", "woman")[0][0] == "KING"
    assert benchmarks.analogy_score(vectors, {"s": [("man", "king", "woman", "queen")]})["accuracy"] == 1
    # Of three words the question leaves none to answer with, though it asks for the first.
    asked = {"s": [("man", "king", "woman", "man")]}
    assert benchmarks.analogy_score(vectors, asked, restrict=3)["accuracy"] == 0


def test_similarity_is_gensims_and_scipys(both, tmp_path):
    ours, theirs = both
    draw = np.random.default_rng(5)
    pairs = [(f"w{a}", f"W{b}", draw.integers(0, 5)) for a, b in draw.integers(0, 90, (60, 2))]
    path = tmp_path / "pairs.tsv"
    path.write_text("# word\tword\tscore\n" + "".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs))
    _, spearman, unknown = theirs.evaluate_word_pairs(str(path))
    found = benchmarks.similarity_score(ours, benchmarks.read_pairs(path))
    assert found["spearman"] == pytest.approx(spearman.statistic, abs=1e-6)
    assert found["left_out"] == round(unknown * 60 / 100) > 0 and found["pairs"] + found["left_out"] == 60
    # The words w0..w79 come first in either spelling.
    known = [(int(a[1:]), int(b[1:]), score) for a, b, score in pairs if int(a[1:]) < 80 and int(b[1:]) < 80]
    v = ours.matrix.astype("float64")
    cosines = [v[a] @ v[b] / np.sqrt(v[a] @ v[a] * (v[b] @ v[b])) for a, b, _ in known]
    assert found["spearman"] == pytest.approx(spearmanr(cosines, [score for *_, score in known]).statistic)


def test_similarity_by_hand():
    # Cosines with a: b 0.8, c 0, d -1.
    vectors = WordVectors(["a", "b", "c", "d"], [[1, 0], [8, 6], [0, 3], [-2, 0]])
    for scores, right in (([9, 5, 1], 1), ([1, 5, 9], -1), ([9, 1, 5], 0.5)):
        pairs = [("a", other, score) for other, score in zip("bCd", scores, strict=True)]
        found = benchmarks.similarity_score(vectors, [*pairs, ("a", "x", 3)])
        assert found == {"spearman": pytest.approx(right), "pairs": 3, "left_out": 1}
    for few in ([], [("a", "b", 1), ("a", "x", 2)]):
        with pytest.raises(InputError, match="two known pairs"):
            benchmarks.similarity_score(vectors, few)


def test_where_all_is_alike_there_is_no_correlation():
    vectors = WordVectors(["a", "b", "c"], [[1, 0], [8, 6], [0, 3]])
    collapsed = WordVectors(["a", "b", "c"], np.zeros((3, 2)))
    for model, scores in ((vectors, (5, 5)), (collapsed, (1, 2))):
        with pytest.raises(InputError, match="alike"):
            benchmarks.similarity_score(model, [("a", "b", scores[0]), ("a", "c", scores[1])])


def test_files_are_read_whatever_their_line_ends(tmp_path):
    path = tmp_path / "file"
    path.write_bytes("\ufeff# a comment\r\n\r\nnaïve\tcafé \t7.5\r\na b\tc\t-1\r\n".encode())
    assert benchmarks.read_pairs(path) == [("naïve", "café", 7.5), ("a b", "c", -1.0)]
    path.write_bytes("\ufeff: one two\r\nà b\tc  d\r\n\r\n:three\r\n: one two\r\ne f g h".encode())
    right = {"one two": [("à", "b", "c", "d"), ("e", "f", "g", "h")], "three": []}
    assert benchmarks.read_questions(path) == right


def test_gensims_own_files_are_read_whole():
    datapath = pytest.importorskip("gensim.test.utils").datapath
    pairs = benchmarks.read_pairs(datapath("wordsim353.tsv"))
    assert len(pairs) == 353 and ("tiger", "cat", 7.35) in pairs
    questions = benchmarks.read_questions(datapath("questions-words.txt"))
    # The sizes that the paper gives: 8869 of meaning, 10675 of grammar, in 14 sections.
    counts = {True: 0, False: 0}
    for section, asked in questions.items():
        counts[section.startswith("gram")] += len(asked)
    assert len(questions) == 14 and counts == {True: 10675, False: 8869}
    assert questions["family"][0] == ("boy", "girl", "brother", "sister")


@pytest.mark.parametrize(
    "read, content, message",
    [
        (benchmarks.read_pairs, b"a\tb\t1\na\tb\n", "line 2"),
        (benchmarks.read_pairs, b"a b 1\n", "line 1"),
        (benchmarks.read_pairs, b"a\tb\t1\t2\n", "line 1"),
        (benchmarks.read_pairs, b"# c\n\na\tb\tmuch\n", "line 3"),
        (benchmarks.read_pairs, b"a\tb\tnan\n", "line 1"),
        (benchmarks.read_pairs, b"a\tb\xff\t1\n", "isn't UTF-8"),
        (benchmarks.read_questions, b"a b c d\n", "line 1"),
        (benchmarks.read_questions, b": s\na b c d\na b c\n", "line 3"),
        (benchmarks.read_questions, b": s\na b c d e\n", "line 2"),
        (benchmarks.read_questions, b": s\na b c \xff\n", "isn't UTF-8"),
    ],
)
def test_a_damaged_file_is_named_in_one_line(read, content, message, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / "file")
    assert str(tmp_path / "file") in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [benchmarks.read_pairs, benchmarks.read_questions])
def test_a_missing_file_is_named_and_an_empty_one_holds_nothing(read, tmp_path):
    with pytest.raises(InputError, match=re.escape(str(tmp_path / "none"))):
        read(tmp_path / "none")
    (tmp_path / "empty").touch()
    assert len(read(tmp_path / "empty")) == 0
