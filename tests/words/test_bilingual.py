"""Two languages in one space, against scipy, loops and a rotation that is known."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from keras_ssl.errors import InputError
from keras_ssl.words import WordVectors, bilingual


def test_words_that_keep_company_are_aligned():
    source = [[1, 2], [1, 3], [1, 2, 2], [3], [4, 1]]
    target = [[11, 12], [11, 13], [11, 12], [13], [11, 15]]
    assert bilingual.aligned_words(source, target, least=2, sure=0.9) == [(1, 11), (2, 12), (3, 13)]
    assert bilingual.aligned_words(source, target, least=3) == [(1, 11)]
    assert (4, 15) in bilingual.aligned_words(source, target, least=1)
    # 1 and 12: together in two texts, in four and two: 2 * 2 / 6; but 12 is nearer to 2.
    assert (1, 12) not in bilingual.aligned_words(source, target, least=1, sure=0.1)
    with pytest.raises(InputError, match="2 and 1"):
        bilingual.aligned_words([[1], [2]], [[1]])


def test_the_map_is_that_of_scipy_and_orthogonal():
    x, y = np.random.default_rng(0).normal(size=(2, 30, 5))
    found = bilingual.procrustes(x, y)
    np.testing.assert_allclose(found, orthogonal_procrustes(x, y)[0], atol=1e-10)
    np.testing.assert_allclose(found @ found.T, np.eye(5), atol=1e-10)


def test_what_few_pairs_leave_open_stays_near_the_identity():
    x, y = np.random.default_rng(3).normal(size=(2, 4, 9))
    found = bilingual.procrustes(x, y)
    np.testing.assert_allclose(found @ found.T, np.eye(9), atol=1e-10)
    np.testing.assert_allclose(found, bilingual.procrustes(x[::-1], y[::-1]), atol=1e-10)  # rounding decides nothing
    pulled = [np.concatenate([each, 1e-3 * np.eye(9)]) for each in (x, y)]  # by a millionth of the pairs' weight
    np.testing.assert_allclose(found, orthogonal_procrustes(*pulled)[0], atol=1e-4)
    np.testing.assert_allclose(bilingual.procrustes(x, x), np.eye(9), atol=1e-10)


def test_csls_by_hand():
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(4, 3)), draw.normal(size=(6, 3))
    cosine = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in y] for a in x]
    columns = list(zip(*cosine, strict=True))
    right = [
        [2 * cosine[i][j] - np.mean(sorted(cosine[i])[-2:]) - np.mean(sorted(columns[j])[-2:]) for j in range(6)]
        for i in range(4)
    ]
    np.testing.assert_allclose(bilingual.csls(x, y, k=2), right, atol=1e-5)
    assert bilingual.csls(x, y, k=100).shape == (4, 6)


def test_a_rotated_language_is_found_again():
    draw = np.random.default_rng(2)
    vectors = draw.normal(size=(60, 8))
    turned = np.linalg.qr(draw.normal(size=(8, 8)))[0]
    source = WordVectors([f"s{i}" for i in range(60)], vectors)
    target = WordVectors([f"s{i}" if i < 15 else f"t{i}" for i in range(60)], vectors @ turned)
    pairs = [(f"s{i}", target.words[i]) for i in range(60)]
    found = bilingual.precision(source, target, pairs)
    assert found["csls"] == found["cosine"] == 1 and found["pairs"] == 30
    assert 0.1 < found["spelling"] < 0.4
    noise = WordVectors(target.words, draw.normal(size=(60, 8)))
    assert bilingual.precision(source, noise, pairs)["csls"] < 0.2
    with pytest.raises(InputError, match="3 are few"):
        bilingual.precision(source, target, pairs[:3])
