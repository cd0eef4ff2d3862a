"""Pictures of word vectors: what is drawn where, and that there is something to see."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from keras_ssl.errors import InputError
from keras_ssl.words import WordVectors, bias, chart

BLUE, ORANGE, GREEN = (31, 119, 180), (255, 127, 14), (44, 160, 44)  # matplotlib's first three


@pytest.fixture
def drawn(monkeypatch):
    """The axes of the last picture, which is kept open."""
    monkeypatch.setattr(plt, "close", lambda *figures: None)
    yield lambda: plt.gcf().axes[0]
    monkeypatch.undo()
    plt.close("all")


def pixels(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB")).astype(int)


def ink(picture, colour, within=30):
    """How many pixels are about of a colour."""
    return int((np.abs(picture - colour).max(axis=-1) <= within).sum())


def random(count, size=6):
    return WordVectors([f"word{i}" for i in range(count)], np.random.default_rng(0).normal(size=(count, size)))


def test_a_map_has_a_colour_for_each_group_and_counts_what_is_left_out(tmp_path):
    groups = {"first": ["word0", "word1", "nobody"], "second": ["word2", "Word3"], "third": ["word4", "word2"]}
    assert chart.map_of(random(30), groups, tmp_path / "new" / "map.png", "A title") == 1
    picture = pixels(tmp_path / "new" / "map.png")
    assert min(picture.shape[:2]) > 300
    for colour in (BLUE, ORANGE, GREEN):
        assert ink(picture, colour) > 30
    assert ink(picture, (0, 0, 0), 100) > 300  # the names
    assert ink(picture, (255, 255, 255)) > 0.8 * picture.shape[0] * picture.shape[1]
    plain = ["word0", "word2", "word4"]
    assert chart.map_of(random(30), plain, tmp_path / "plain.png") == 0
    picture = pixels(tmp_path / "plain.png")
    assert ink(picture, BLUE) > 30 and ink(picture, ORANGE) == ink(picture, GREEN) == 0


def test_a_map_is_the_first_two_principal_components(tmp_path, drawn):
    vectors = random(40)
    words = vectors.words[:25]
    chart.map_of(vectors, words, tmp_path / "map.png")
    units = vectors.matrix[:25] / np.linalg.norm(vectors.matrix[:25], axis=1, keepdims=True)
    centred = units - units.mean(axis=0)
    shares, components = np.linalg.eigh(centred.T @ centred)
    right = centred @ components[:, [-1, -2]]
    found = np.asarray(drawn().collections[0].get_offsets())
    # Components have no sign.
    np.testing.assert_allclose(found * np.sign((found * right).sum(axis=0)), right, atol=1e-5)
    assert f"({shares[-1] / shares.sum():.0%} of variance)" in drawn().get_xlabel()
    assert f"({shares[-2] / shares.sum():.0%} of variance)" in drawn().get_ylabel()


def test_the_names_of_a_hundred_words_are_there_and_lie_on_no_other(tmp_path, drawn):
    vectors = random(100)
    chart.map_of(vectors, vectors.words, tmp_path / "map.png")
    texts = drawn().texts
    assert [text.get_text() for text in texts] == vectors.words
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.size == tuple(drawn().figure.bbox.size.astype(int))  # so its pixels are the file's
    boxes = np.array([text.get_window_extent().extents for text in texts])
    overlap = np.minimum(boxes[:, None, 2:], boxes[:, 2:]) - np.maximum(boxes[:, None, :2], boxes[:, :2])
    both = (overlap > 0.5).all(axis=2)  # half a pixel: nobody sees it
    assert np.array_equal(both, np.eye(100, dtype=bool))
    frame = drawn().get_window_extent().extents
    assert (boxes[:, :2] >= frame[:2] - 1).all() and (boxes[:, 2:] <= frame[2:] + 1).all()


def test_words_are_no_formulas(tmp_path, drawn):
    words = ["$x$", "$\\nonsense{$", "a_b"]
    assert chart.map_of(WordVectors(words, np.eye(3)), words, tmp_path / "map.png") == 0
    assert [text.get_text() for text in drawn().texts] == words
    assert ink(pixels(tmp_path / "map.png"), BLUE) > 10


@pytest.mark.parametrize("words", [["word0", "word1", "nobody"], {"a": ["word0"], "b": ["word0", "word1"]}, []])
def test_a_map_of_two_words_is_refused(words, tmp_path):
    with pytest.raises(InputError, match="needs three words"):
        chart.map_of(random(5), words, tmp_path / "map.png")
    assert not (tmp_path / "map.png").exists()


@pytest.fixture
def jobs():
    """Occupations at known cosines with she - he: nurse 0.8, teacher 0, captain -0.6; a waitress by definition 0.96."""
    words = ["she", "he", "captain", "nurse", "waitress", "teacher", "chair"]
    return WordVectors(words, [[1, 0], [-1, 0], [-3, 4], [4, 3], [24, 7], [0, 5], [1, 1]])


def test_occupations_are_drawn_from_she_to_he_before_and_after(jobs, tmp_path, drawn):
    after = bias.debias(jobs)
    words = chart.occupations(jobs, after, tmp_path / "jobs.png")
    assert words == ["nurse", "teacher", "captain", "waitress"]
    dots = {dot.get_label(): np.asarray(dot.get_offsets()) for dot in drawn().collections if len(dot.get_offsets())}
    np.testing.assert_allclose(dots["before"][:, 0], [0.8, 0, -0.6, 0.96], atol=1e-6)
    np.testing.assert_allclose(dots["after debiasing"][:, 0], [0, 0, 0, 0.96], atol=1e-6)
    assert (np.diff(dots["before"][:, 1]) < 0).all()  # downwards, as the names are
    assert [tick.get_text() for tick in drawn().get_yticklabels()] == words
    low, high = drawn().get_xlim()
    assert low < -0.96 and high > 0.96
    picture = pixels(tmp_path / "jobs.png")
    assert ink(picture, BLUE) > 100 and ink(picture, ORANGE) > 50 and ink(picture, (0, 0, 0), 100) > 300


def test_no_more_than_k_are_drawn_to_a_side(jobs, tmp_path):
    assert chart.occupations(jobs, jobs, tmp_path / "jobs.png", k=1) == ["nurse", "captain", "waitress"]


def test_without_occupations_there_is_nothing_to_draw(jobs, tmp_path):
    none = WordVectors(["she", "he"], np.eye(2))
    with pytest.raises(InputError, match="none"):
        chart.occupations(none, none, tmp_path / "jobs.png")
    with pytest.raises(InputError, match="unknown word"):
        chart.occupations(jobs, none, tmp_path / "jobs.png")
    assert list(tmp_path.iterdir()) == []
