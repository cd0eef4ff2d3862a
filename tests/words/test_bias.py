"""Gender in word vectors, against closed forms, scikit-learn's components and the authors' own procedure."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from keras_ssl.errors import InputError
from keras_ssl.words import WordVectors, bias

PAIRS = [["she", "he"], ["woman", "man"], ["her", "his"]]
EQUAL = [["woman", "man"], ["queen", "king"]]
SPECIFIC = ["she", "he", "woman", "man", "her", "his", "queen", "king"]
NEUTRAL = ["nurse", "doctor", "chair", "run", "Nurse"]


@pytest.fixture
def vectors():
    """Random, but for a lean of the gendered words, he to one side and she to the other."""
    draw = np.random.default_rng(0)
    matrix = draw.normal(size=(13, 10)) * draw.uniform(0.5, 4, (13, 1))
    matrix[:8, 0] += np.tile([5, -5], 4)
    return WordVectors(SPECIFIC + NEUTRAL, matrix)


def units(vectors, words):
    found = np.array([vectors.vector(word) for word in words], "float64")
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_the_direction_is_the_first_principal_component_of_centred_pairs(vectors):
    centred = []
    for pair in PAIRS:
        both = units(vectors, pair)
        centred.extend(both - both.mean(axis=0))
    right = PCA(1).fit(np.array(centred)).components_[0]
    found = bias.gender_direction(vectors, [*PAIRS, ["mother", "father"]])
    assert abs(found @ right) == pytest.approx(1) and np.linalg.norm(found) == pytest.approx(1)
    assert found @ (units(vectors, ["she"]) - units(vectors, ["he"]))[0] > 0
    np.testing.assert_allclose(bias.gender_direction(vectors, [pair[::-1] for pair in PAIRS]), -found, atol=1e-9)


def test_the_direction_of_the_papers_pairs_takes_lower_case():
    vectors = WordVectors(["mary", "john", "x"], [[0, 2, 1], [1, 0, 2], [1, 1, 1]])
    difference = np.array([0, 2, 1]) - np.array([1, 0, 2])  # both of length √5
    np.testing.assert_allclose(bias.gender_direction(vectors), difference / np.sqrt(6), atol=1e-6)


def test_there_may_be_no_direction():
    with pytest.raises(InputError, match="has none"):
        bias.gender_direction(WordVectors(["she", "man"], np.eye(2)))
    with pytest.raises(InputError, match="don't differ"):
        bias.gender_direction(WordVectors(["she", "he"], [[1, 1], [2, 2]]))


def test_projections_and_direct_bias_by_hand():
    vectors = WordVectors(["a", "b", "c", "zero"], [[3, 4], [0, -7], [-2, 0], [0, 0]])
    direction = [5, 0]  # of any length
    np.testing.assert_allclose(bias.projections(vectors, ["c", "a", "b", "zero"], direction), [-1, 0.6, 0, 0])
    asked = ["a", "B", "c", "nobody"]
    found = bias.direct_bias(vectors, asked, direction)
    assert found == {"bias": pytest.approx((0.6 + 0 + 1) / 3), "words": 3, "left_out": 1}
    assert bias.direct_bias(vectors, asked, direction, c=2)["bias"] == pytest.approx((0.36 + 0 + 1) / 3)
    with pytest.raises(InputError, match="has none"):
        bias.direct_bias(vectors, ["nobody"], direction)
    with pytest.raises(KeyError, match="unknown word 'nobody'"):
        bias.projections(vectors, ["nobody"], direction)


@pytest.fixture
def debiased(vectors):
    return bias.debias(vectors, bias.gender_direction(vectors, PAIRS), SPECIFIC, EQUAL)


def test_neutral_words_lose_the_direction_and_nothing_else(vectors, debiased):
    direction = bias.gender_direction(vectors, PAIRS)
    before, after = units(vectors, NEUTRAL), units(debiased, NEUTRAL)
    assert np.abs(before @ direction).min() > 0.01
    np.testing.assert_allclose(after @ direction, 0, atol=1e-6)
    left = before - np.outer(before @ direction, direction)
    np.testing.assert_allclose(after, left / np.linalg.norm(left, axis=1, keepdims=True), atol=1e-6)


def test_all_are_of_length_one_and_gendered_words_outside_the_sets_stay(vectors, debiased):
    np.testing.assert_allclose(np.linalg.norm(debiased.matrix, axis=1), 1, atol=1e-6)
    stay = ["she", "he", "her", "his"]
    np.testing.assert_allclose([debiased.vector(word) for word in stay], units(vectors, stay), atol=1e-6)
    assert debiased.words == vectors.words


def test_equalised_pairs_are_as_far_from_every_neutral_word(vectors, debiased):
    direction = bias.gender_direction(vectors, PAIRS)
    for she, he in EQUAL:
        a, b = units(debiased, [she, he])
        assert a @ direction == pytest.approx(-b @ direction, abs=1e-6) and a @ direction > 0.1
        # They differ in the direction alone; what they share is their mean's part outside it.
        np.testing.assert_allclose(a - b, 2 * (a @ direction) * direction, atol=1e-6)
        mean = units(vectors, [she, he]).mean(axis=0)
        np.testing.assert_allclose((a + b) / 2, mean - (mean @ direction) * direction, atol=1e-6)
        for word in NEUTRAL:
            assert debiased.similarity(she, word) == pytest.approx(debiased.similarity(he, word), abs=1e-6)
            assert abs(vectors.similarity(she, word) - vectors.similarity(he, word)) > 1e-3


def test_it_is_the_authors_procedure(vectors, debiased):
    """debiaswe's debias(), written anew; the sets being gender-specific, it neutralises the same words."""
    g = bias.gender_direction(vectors, PAIRS)
    e = dict(zip(vectors.words, units(vectors, vectors.words), strict=True))
    e = {word: v if word in SPECIFIC else v - (v @ g) * g for word, v in e.items()}
    e = {word: v / np.linalg.norm(v) for word, v in e.items()}
    for a, b in EQUAL:
        y = (e[a] + e[b]) / 2
        y = y - (y @ g) * g
        z = np.sqrt(1 - y @ y) * (1 if (e[a] - e[b]) @ g >= 0 else -1)
        e[a], e[b] = z * g + y, -z * g + y
    np.testing.assert_allclose(debiased.matrix, list(e.values()), atol=1e-6)


def test_sets_are_equalised_in_other_capitals_and_only_whole():
    words = ["Woman", "Man", "queen", "chair"]
    vectors = WordVectors(words, [[2, 1, 0], [-1, 1, 1], [2, 0, 1], [1, 1, 1]])
    after = bias.debias(vectors, [1, 0, 0], gender_specific=[], equalize=[["woman", "man"], ["queen", "king"]])
    assert after.vector("Woman")[0] == pytest.approx(-after.vector("Man")[0]) and after.vector("Woman")[0] > 0
    np.testing.assert_allclose(after.vector("Woman")[1:], after.vector("Man")[1:], atol=1e-6)
    # Its set not being whole, and it not being gender-specific here, the queen is neutral.
    np.testing.assert_allclose(after.vector("queen"), [0, 0, 1], atol=1e-6)


def test_a_word_without_another_part_becomes_zero_and_a_set_alike_in_the_direction_stays_neutral():
    vectors = WordVectors(["only", "zero", "a", "b"], [[3, 0], [0, 0], [0, 1], [0, 2]])
    after = bias.debias(vectors, [1, 0], gender_specific=[], equalize=[["a", "b"]])
    np.testing.assert_allclose(after.matrix, [[0, 0], [0, 0], [0, 1], [0, 1]], atol=1e-7)
    # In float32 it has another part, of rounding alone.
    direction = np.random.default_rng(0).normal(size=9)
    after = bias.debias(WordVectors(["only"], [3 * direction]), direction, gender_specific=[], equalize=[])
    np.testing.assert_allclose(after.matrix, 0, atol=1e-6)


def test_the_papers_lists_are_the_default():
    """Of the paper's lists: she and he are specific and equal, a waitress is specific, a nurse is neither."""
    draw = np.random.default_rng(1)
    vectors = WordVectors(["she", "he", "waitress", "nurse"], draw.normal(size=(4, 5)))
    after, g = bias.debias(vectors), bias.gender_direction(vectors)
    assert np.abs(after.vector("nurse") @ g) < 1e-6 and np.abs(vectors.vector("nurse") @ g) > 0.01
    np.testing.assert_allclose(after.vector("waitress"), units(vectors, ["waitress"])[0], atol=1e-6)
    assert after.vector("she") @ g == pytest.approx(-after.vector("he") @ g, abs=1e-6)
    assert bias.direct_bias(after, bias.occupations(), g)["bias"] < 1e-6
    found = {name: tuple(row.values()) for name, row in bias.coverage(vectors).items()}
    # She and he are two of the 52: the list has them with capitals as well, for which lower case stands in.
    assert found["definitional_pairs"] == (1, 9) and found["equalize_pairs"] == (2, 50)
    assert found["gender_specific_full"] == (3, 1438)
    assert found["occupations"] == (1, len(bias.occupations()) - 1)


def test_the_word_lists_are_the_papers():
    names = ("definitional_pairs", "equalize_pairs", "gender_specific_full", "gender_specific_seed", "professions")
    assert [len(bias.word_list(name)) for name in names] == [10, 52, 1441, 218, 320]
    assert set(bias.word_list("gender_specific_seed")) <= set(bias.word_list("gender_specific_full"))
    neutral, gendered = bias.occupations(), bias.occupations(gendered=True)
    assert len(neutral) + len(gendered) == 320 and not set(neutral) & set(gendered)
    assert {"nurse", "philosopher", "homemaker", "captain"} <= set(neutral)
    assert {"waitress", "actress", "nun", "businessman"} <= set(gendered)


def test_extreme_occupations_by_hand():
    words = ["she", "he", "nurse", "captain", "teacher", "waitress"]
    vectors = WordVectors(words, [[1, 0], [-1, 0], [4, 3], [-3, 4], [0, 5], [1, 0]])
    found = bias.extreme_occupations(vectors, k=2)
    approx = pytest.approx
    assert found["she"] == [("nurse", approx(0.8)), ("teacher", approx(0))]  # a waitress is one by definition
    assert found["he"] == [("captain", approx(-0.6)), ("teacher", approx(0))]
    assert found["left_out"] == len(bias.occupations()) - 3
    given = bias.extreme_occupations(vectors, ["Captain", "queen"], [0, 1], k=9)
    assert given == {"she": [("captain", approx(0.8))], "he": [("captain", approx(0.8))], "left_out": 1}
