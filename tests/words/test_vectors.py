"""Word vectors, against gensim's KeyedVectors and against numbers worked by hand."""

import numpy as np
import pytest

from keras_ssl.errors import InputError
from keras_ssl.words import WordVectors

KINGS = ["king", "queen", "man", "woman", "apple"]


@pytest.fixture
def kings():
    """The analogy holds of unit vectors: queen = king - man + woman up to length; the apple lies apart."""
    return WordVectors(KINGS, [[3, 0, 3, 0], [0, 5, 5, 0], [1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 7]])


@pytest.fixture
def both():
    """300 random words of different lengths of vector, here and in gensim."""
    models = pytest.importorskip("gensim.models")
    draw = np.random.default_rng(0)
    words = [f"word{i}" for i in range(300)]
    matrix = (draw.normal(size=(300, 12)) * draw.uniform(0.1, 9, (300, 1))).astype("float32")
    theirs = models.KeyedVectors(12)
    theirs.add_vectors(words, matrix)
    return WordVectors(words, matrix), theirs


def same(found, right):
    assert [word for word, _ in found] == [word for word, _ in right]
    np.testing.assert_allclose([cosine for _, cosine in found], [cosine for _, cosine in right], atol=1e-5)


def test_neighbours_are_gensims(both):
    ours, theirs = both
    for word in ("word0", "word7", "word299"):
        same(ours.similar(word, 20), theirs.most_similar(word, topn=20))
        assert ours.similarity(word, "word3") == pytest.approx(theirs.similarity(word, "word3"), abs=1e-5)
    vector = np.random.default_rng(1).normal(size=12)
    same(ours.similar(vector, 20), theirs.similar_by_vector(vector.astype("float32"), topn=20))


def test_analogies_and_odd_ones_out_are_gensims(both):
    ours, theirs = both
    draw = np.random.default_rng(2)
    for _ in range(30):
        a, b, c, *more = (f"word{i}" for i in draw.choice(300, 7, replace=False))
        same(ours.analogy(a, b, c, 5), theirs.most_similar([b, c], [a], topn=5))
        assert ours.doesnt_match([a, b, c, *more]) == theirs.doesnt_match([a, b, c, *more])


def test_by_hand(kings):
    assert len(kings) == 5 and "king" in kings and "prince" not in kings
    assert kings.vector("queen").tolist() == [0, 5, 5, 0]
    assert kings.similarity("king", "queen") == pytest.approx(0.5)
    same(kings.similar("king", 2), [("man", 0.5**0.5), ("queen", 0.5)])
    same(kings.similar([0, 9, 0, 0], 2, leave_out=["woman", "nobody"]), [("queen", 0.5**0.5), ("king", 0)])
    # By unit vectors king - man + woman is (√½ - 1, 1, √½, 0); with (0, √½, √½, 0) its product is √½ + ½.
    length = np.sqrt((0.5**0.5 - 1) ** 2 + 1 + 0.5)
    same(kings.analogy("man", "king", "woman"), [("queen", (0.5**0.5 + 0.5) / length)])
    assert kings.doesnt_match(["king", "apple", "queen"]) == "apple"


def test_an_answer_is_never_a_word_of_the_question_and_there_may_be_fewer_than_asked_for(kings):
    assert {word for word, _ in kings.similar("king", 99)} == set(KINGS) - {"king"}
    assert {word for word, _ in kings.analogy("man", "king", "woman", 99)} == {"queen", "apple"}
    assert kings.similar("king", 0) == []


def test_a_zero_vector_is_like_nothing_and_of_equals_the_first_is_nearest():
    vectors = WordVectors(["zero", "b", "c", "d"], [[0, 0], [1, 0], [2, 0], [0, 1]])
    assert vectors.similar("zero") == [("b", 0), ("c", 0), ("d", 0)]
    same(vectors.similar([1, 0], 3), [("b", 1), ("c", 1), ("zero", 0)])


def test_words_are_known_in_lower_case_too():
    vectors = WordVectors(["john", "Mary", "mary"], np.eye(3))
    assert vectors.known(["John", "Mary", "MARY", "Bob"]) == (["john", "Mary", "mary"], 1)
    assert vectors.known(["John", "john"]) == (["john"], 1)


@pytest.mark.parametrize("word, near", [("kings", "king"), ("Queen", "queen"), ("wumon", "woman")])
def test_an_unknown_word_is_told_the_nearest(kings, word, near):
    for ask in (kings.vector, kings.similar, lambda w: kings.analogy("man", w, "king"), lambda w: kings.number(w)):
        with pytest.raises(InputError, match=f"^unknown word '{word}'; did you mean .*{near}") as caught:
            ask(word)
        assert isinstance(caught.value, KeyError) and "\n" not in str(caught.value)


def test_an_unknown_word_like_none_is_told_so(kings):
    for word in ("", "zzzzzzzz"):
        with pytest.raises(KeyError, match="none is spelled like it"):
            kings.number(word)


@pytest.mark.parametrize(
    "words, matrix, message",
    [
        (["a"], [[1, 2], [3, 4]], "as many rows"),
        (["a", "b"], [1, 2], "as many rows"),
        (["a", "b", "a"], np.eye(3), "'a' is there more than once"),
        (["a"], [[np.nan]], "finite"),
        (["a"], [[np.inf]], "finite"),
    ],
)
def test_what_are_no_word_vectors(words, matrix, message):
    with pytest.raises(InputError, match=message):
        WordVectors(words, matrix)


def test_what_can_not_be_asked(kings):
    for wrong in ([1, 2], [[1, 2, 3, 4]], [1, 2, 3, np.nan]):
        with pytest.raises(InputError, match=r"a vector is \(4,\)"):
            kings.similar(wrong)
    for few in (["king", "man"], [], "king"):
        with pytest.raises(InputError, match="three words or more"):
            kings.doesnt_match(few)


def test_the_vectors_can_not_be_changed_and_are_nobody_elses():
    mine = np.ones((1, 2), "float32")
    vectors = WordVectors(["a"], mine)
    mine[:] = 5
    assert vectors.vector("a").tolist() == [1, 1]
    for array in (vectors.matrix, vectors.units, vectors.vector("a")):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


# What a careless reader would cut, strip or take for a number.
HARD = ["naïve", "日本", "a\u00a0b", "12", "#", "\u00a0"]


@pytest.fixture
def hard():
    # Of many magnitudes: six digits would not bring them back.
    return WordVectors(HARD, np.random.default_rng(0).normal(size=(6, 4)) * 10.0 ** np.arange(-20, 4, 4)[:, None])


def test_text_files_come_back_as_they_were(hard, tmp_path):
    hard.save_text(tmp_path / "new" / "v.txt")
    again = WordVectors.load_text(tmp_path / "new" / "v.txt")
    assert again.words == HARD
    np.testing.assert_array_equal(again.matrix, hard.matrix)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["v.txt"]  # nothing half written is left


def test_gensim_reads_what_is_written_and_the_other_way_round(hard, tmp_path):
    models = pytest.importorskip("gensim.models")
    hard.save_text(tmp_path / "ours.txt")
    theirs = models.KeyedVectors.load_word2vec_format(tmp_path / "ours.txt", binary=False)
    assert theirs.index_to_key == HARD
    np.testing.assert_array_equal(theirs.vectors, hard.matrix)
    theirs.save_word2vec_format(tmp_path / "theirs.txt", binary=False)
    ours = WordVectors.load_text(tmp_path / "theirs.txt")
    assert ours.words == HARD
    np.testing.assert_array_equal(ours.matrix, hard.matrix)


def test_to_gensim_and_back(both):
    ours, theirs = both
    given = ours.to_gensim()
    assert given.index_to_key == theirs.index_to_key
    same(given.most_similar("word5"), theirs.most_similar("word5"))
    model = type("Word2Vec", (), {"wv": theirs})()
    for source in (theirs, model):
        taken = WordVectors.from_gensim(source)
        assert taken.words == theirs.index_to_key
        np.testing.assert_array_equal(taken.matrix, theirs.vectors)
    with pytest.raises(InputError, match="no KeyedVectors of gensim 4 but a dict"):
        WordVectors.from_gensim({})


def test_the_original_programs_trailing_spaces_are_read(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"2 2\na 1 2 \r\nb -3e-1 4 \r\n")
    np.testing.assert_allclose(WordVectors.load_text(tmp_path / "v.txt").matrix, [[1, 2], [-0.3, 4]], rtol=1e-7)


@pytest.mark.parametrize("word", ["", "New York", "a\nb", "a\tb", "a\rb"])
def test_words_that_the_format_can_not_hold_leave_the_file_as_it_was(word, tmp_path):
    (tmp_path / "v.txt").write_text("before")
    with pytest.raises(InputError, match="can't hold the word"):
        WordVectors([word], [[1]]).save_text(tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_text() == "before"


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "first line has to be two numbers"),
        (b"a 1 2\nb 3 4\n", "first line has to be two numbers"),  # as GloVe writes it
        (b"two 2\na 1 2\n", "first line has to be two numbers"),
        (b"0 2\n", "first line has to be two numbers"),
        (b"\x80\x04\x95 2\n", "first line has to be two numbers"),  # a pickle
        (b"2 2\na 1 2\nb 3\n", "line 3: 1 numbers, the first line says 2"),
        (b"2 2\na 1 2 3\nb 3 4\n", "line 2: 3 numbers"),
        (b"2 2\na\t1\t2\nb\t3\t4\n", "line 2: 0 numbers"),
        (b"2 2\na 1 2\nb 3 x\n", "line 3: not all behind the word are numbers"),
        (b"2 2\na 1 2\nb 3 \xff\n", "line 3: not all behind the word are numbers"),
        (b"2 2\na 1 2\n\xffb 3 4\n", "line 3: the word isn't UTF-8"),
        (b"3 2\na 1 2\nb 3 4\n", "holds 2 words, its first line says 3"),
        (b"1 2\na 1 2\nb 3 4\n", "holds 2 words, its first line says 1"),
        (b"2 2\na 1 2\na 3 4\n", "'a' is there more than once"),
        (b"1 2\na 1 nan\n", "finite"),
        (b"1 1\na 1e99\n", "finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_damaged_file_is_named_in_one_line(content, message, tmp_path):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        WordVectors.load_text(tmp_path / "v.txt")
    assert str(tmp_path / "v.txt") in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_named_and_so_is_a_folder(tmp_path):
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(InputError, match="there is no file of word vectors") as caught:
            WordVectors.load_text(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
