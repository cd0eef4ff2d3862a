"""The Word-Embedding Association Test, by hand and against SciPy's tests."""

import numpy as np
import pytest
from scipy import stats

from keras_ssl.errors import InputError
from keras_ssl.words import WordVectors
from keras_ssl.words.association import WEAT, weat

LIKE, UNLIKE = [[1, 0, 0], [0, 2, 0]]


def leaning(associations):
    """Vectors whose association with the attribute `like` rather than `unlike` is as given, in -1..1."""
    like = (1 + np.asarray(associations, float)) / 2
    # Cosines (x, y) with x - y = s and room for the rest: x = s for s > 0, y = -s for s < 0.
    x, y = np.maximum(2 * like - 1, 0), np.maximum(1 - 2 * like, 0)
    rows = np.stack([x, y, np.sqrt(1 - x**2 - y**2)], axis=1)
    return WordVectors([*map(str, range(len(rows))), "like", "unlike"], [*rows, LIKE, UNLIKE])


def ask(values, size, **options):
    words = [str(i) for i in range(len(values))]
    return weat(leaning(values), words[:size], words[size:], ["like"], ["unlike"], **options)


def test_two_and_two_by_hand():
    # All of 1 against all of -1: the means differ by 2, the sample deviation is √(4 / 3); of 6 ways one is as far.
    found = ask([1, 1, -1, -1], 2)
    assert found == {"effect_size": pytest.approx(3**0.5), "p_value": 1 / 6, "exact": True, "left_out": 0}
    # The other way round no way is less: all of them reach it.
    turned = ask([-1, -1, 1, 1], 2)
    assert turned["effect_size"] == pytest.approx(-(3**0.5)) and turned["p_value"] == 1
    # 0.5 and 0.2 make 0.7; of the other five ways only 0.5 and 0.4 make as much.
    assert ask([0.5, 0.2, 0.4, -0.3], 2)["p_value"] == 2 / 6
    # Equals count as reaching: all ways but that of both zeros make 1 or more.
    assert ask([1, 0, 1, 0], 2)["p_value"] == 5 / 6


def test_attributes_are_averaged_by_cosine():
    vectors = WordVectors(["x", "y", "a", "b", "c"], [[2, 0], [0, 3], [5, 0], [3, 4], [0, 7]])
    # Association with a, b rather than c: of x (1 + 0.6) / 2 - 0, of y (0 + 0.8) / 2 - 1.
    s = np.array([0.8, -0.6])
    found = weat(vectors, ["x"], ["y"], ["a", "b"], ["c"])
    assert found["effect_size"] == pytest.approx((s[0] - s[1]) / s.std(ddof=1)) and found["p_value"] == 0.5


@pytest.mark.parametrize("size", [4, 6])
def test_the_exact_chance_is_scipys_permutation_test(size):
    values = np.random.default_rng(size).uniform(-0.7, 0.7, 10)
    values[:size] += 0.2
    found = ask(values, size)
    # So many resamples that SciPy goes through all ways as well.
    right = stats.permutation_test(
        (values[:size], values[size:]), lambda x, y: x.mean() - y.mean(), n_resamples=1000, alternative="greater"
    )
    assert found["exact"] and found["p_value"] == pytest.approx(right.pvalue) and 0 < right.pvalue < 1
    effect = (values[:size].mean() - values[size:].mean()) / values.std(ddof=1)
    assert found["effect_size"] == pytest.approx(effect, rel=1e-5)


def test_the_sampled_chance_is_the_hypergeometric():
    # Of 22 targets 11 are associated, 7 of them among the first 11: the chance of 7 or more is the urn's.
    values = [1] * 7 + [0] * 4 + [1] * 4 + [0] * 7
    found, right = ask(values, 11), stats.hypergeom(22, 11, 11).sf(6)
    assert not found["exact"]
    assert found["p_value"] == pytest.approx(right, abs=5 * np.sqrt(right * (1 - right) / 100_000))
    assert ask(values, 11, seed=0) == found != ask(values, 11, seed=1)
    # Never 0, though no sample is likely to be the one way of 705,432.
    assert 0 < ask([1] * 11 + [0] * 11, 11)["p_value"] < 1e-4


def test_unknown_words_are_left_out_and_capitals_do_not_matter():
    vectors = WordVectors(["john", "amy", "office", "home"], [[1, 0], [0, 1], [1, 0], [0, 1]])
    found = weat(vectors, *WEAT["career, names"])
    # Two targets: 2 in sample deviations of √2; half of the two ways.
    assert found == {"effect_size": pytest.approx(2**0.5), "p_value": 0.5, "exact": True, "left_out": 28}


def test_the_papers_lists_find_the_stereotype():
    """With all of one side at one point and all of the other at another, effect and chance are the largest."""
    sides = {}
    for name in ("career, names", "career, terms", "math, terms", "science, terms"):
        for words, side in zip(WEAT[name], (0, 1, 0, 1), strict=True):
            assert len(set(words)) == 8
            assert all(sides.setdefault(word.lower(), side) == side for word in words)
    vectors = WordVectors(list(sides), np.eye(2)[list(sides.values())])
    for lists in WEAT.values():
        found = weat(vectors, *lists)
        assert found["effect_size"] == pytest.approx(2 * np.sqrt(15 / 16)) and found["left_out"] == 0
        assert found["p_value"] == pytest.approx(1 / 12870)  # one of the ways to take 8 of 16


def test_errors():
    vectors = leaning([0.5, 0.5, -0.5])
    for place in range(4):
        lists = [["0"], ["2"], ["like"], ["unlike"]]
        lists[place] = ["nobody"]
        with pytest.raises(InputError, match="each of the four lists needs a word"):
            weat(vectors, *lists)
    with pytest.raises(InputError, match="alike"):
        weat(vectors, ["0"], ["1"], ["like"], ["unlike"])
