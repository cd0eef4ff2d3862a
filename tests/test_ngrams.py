"""Kneser-Ney, against the formula written out with dictionaries and against numbers worked by hand."""

import collections

import numpy as np
import pytest

from keras_ssl import ngrams
from keras_ssl.errors import InputError

START = "start"


def slow(documents, vocabulary, order, modified):
    """P(word, all words before it in the document), from the formula alone."""
    seen = collections.Counter()
    for words in documents:
        symbols = [START, *words]
        for end in range(1, len(symbols)):
            for begin in range(max(0, end - order + 1), end + 1):
                seen[tuple(symbols[begin : end + 1])] += 1
    levels, lost = {}, {}
    for n in range(1, order + 1):
        level = {g: count for g, count in seen.items() if len(g) == n}
        if n < order:
            for g in level:
                if g[0] != START:
                    level[g] = len({longer[0] for longer in seen if longer[1:] == g})
        n1, n2, n3, n4 = (sum(a == count for a in level.values()) for count in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2) if n1 else 0.5
        lost[n] = [y, y, y]
        if modified:
            lost[n] = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3] if n1 and n2 and n3 else [0]
            lost[n] = lost[n] if min(lost[n]) > 0 else [0.5, 1, 1.5]
        levels[n] = level

    def p(word, history):
        if history is None:
            return 1 / vocabulary
        n, shorter = len(history) + 1, history[1:] if history else None
        follow = {g: a for g, a in levels[n].items() if g[:-1] == history}
        if not follow:
            return p(word, shorter)
        discount = {g: lost[n][min(a, 3) - 1] for g, a in follow.items()}
        g, total = (*history, word), sum(follow.values())
        own = (follow[g] - discount[g]) / total if g in follow else 0
        return own + sum(discount.values()) / total * p(word, shorter)

    return lambda word, words: p(word, tuple([START, *words][-(order - 1) :] if order > 1 else []))


def documents(seed, count, vocabulary=9, longest=12):
    """Skewed words (so that counts of 1, 2, 3 and more occur), the vocabulary's last never."""
    rng = np.random.default_rng(seed)
    chances = 1 / np.arange(1, vocabulary)
    lengths = rng.integers(0, longest, count)
    return [rng.choice(vocabulary - 1, length, p=chances / chances.sum()) for length in lengths]


@pytest.mark.parametrize("modified", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_it_is_the_formula(order, modified):
    train, test = documents(0, 30), [*documents(1, 5), np.array([8, 8, 0, 1, 8])]
    model, right = ngrams.KneserNey(order, modified).fit(train, 9), slow(train, 9, order, modified)
    expected = [[right(word, words[:i]) for i, word in enumerate(words)] for words in test]
    for words, p in zip(test, expected, strict=True):
        if len(words):
            np.testing.assert_allclose(np.exp(model.log_probabilities(words)), p, rtol=1e-12)
    every = np.concatenate(expected)
    assert model.perplexity(test) == pytest.approx(np.exp(-np.mean(np.log(every))))
    for words in ([], [0], [0, 1, 0, 0, 2, 1], [8, 8, 8, 8]):
        np.testing.assert_allclose(model.next(words), [right(word, words) for word in range(9)], rtol=1e-12)


def test_the_corpus_of_that_test_has_discounts_of_its_own():
    pairs = collections.Counter(pair for words in documents(0, 30) for pair in zip(words, words[1:], strict=False))
    found = ngrams.discounts(np.array(list(pairs.values())), modified=True)
    assert 0 < found[1] < found[2] and found[3] > 0 and found[1:].tolist() != [0.5, 1, 1.5]


def test_bigrams_by_hand():
    # a b a c / a b, of words a, b, c, d. Bigrams: (start a) 2, (a b) 2, (b a) 1, (a c) 1, so D_2 = 2 / (2 + 2 * 2).
    # Symbols seen before a: start, b; before b: a; before c: a. So a has 2, b and c 1, d 0, and D_1 = 2 / (2 + 2 * 1).
    model = ngrams.KneserNey(2).fit([[0, 1, 0, 2], [0, 1]], 4)
    # The 3 * 1/2 that level 1 lost, of 4, is shared by four words: 3/32 each.
    a, b, c, d = 1.5 / 4 + 3 / 32, 0.5 / 4 + 3 / 32, 0.5 / 4 + 3 / 32, 3 / 32
    # After a: b twice, c once, each less 1/3; after start and after b: a; after c and d nothing was seen.
    np.testing.assert_allclose(model.next([0]), np.array([0, 5 / 3, 2 / 3, 0]) / 3 + 2 / 9 * np.array([a, b, c, d]))
    np.testing.assert_allclose(model.next([]), np.array([5 / 3, 0, 0, 0]) / 2 + 1 / 6 * np.array([a, b, c, d]))
    np.testing.assert_allclose(model.next([1]), np.array([2 / 3, 0, 0, 0]) + 1 / 3 * np.array([a, b, c, d]))
    np.testing.assert_allclose(model.next([2]), [a, b, c, d])
    np.testing.assert_allclose(model.log_probabilities([3, 0]), np.log([d / 6, a]))


@pytest.mark.parametrize("modified", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_distributions_sum_to_one(order, modified):
    model = ngrams.KneserNey(order, modified).fit(documents(2, 200, vocabulary=30), 30)
    rng = np.random.default_rng(3)
    for length in (0, 1, 2, 3, 4, 7):
        for words in rng.integers(0, 30, (10, length)):
            p = model.next(words)
            assert p.shape == (30,) and p.min() > 0 and p.sum() == pytest.approx(1)


def test_discounts_by_hand():
    counts = [1] * 8 + [2] * 4 + [3] * 2 + [4] + [9] * 5 + [0]
    np.testing.assert_allclose(ngrams.discounts(counts), [0, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(ngrams.discounts(counts, modified=True), [0, 0.5, 2 - 3 / 4, 3 - 4 / 4])
    assert ngrams.discounts([7, 9]).tolist() == [0, 0.5, 0.5, 0.5]
    for few in ([7, 9], [1, 3], [1, 1, 2], [2, 3, 4]):
        assert ngrams.discounts(few, modified=True).tolist() == [0, 0.5, 1, 1.5]
    few_twice = [1] * 4 + [2] + [3] * 4 + [4]  # the discount of 2 would be below 0
    assert ngrams.discounts(few_twice, modified=True).tolist() == [0, 0.5, 1, 1.5]


def test_a_uniform_model_has_the_vocabulary_s_perplexity():
    model = ngrams.KneserNey(order=1).fit([np.arange(50), np.arange(50)], 50)
    assert model.perplexity([[3, 4], [7]]) == pytest.approx(50)


def test_a_longer_order_sees_a_longer_period():
    # The word after 0 depends on the one before it, that after 0 0 on the one before these.
    period = np.tile([0, 0, 1, 0, 0, 2, 1], 40)
    orders = (1, 2, 3, 4)
    found = [ngrams.KneserNey(order).fit([period], 3).perplexity([period[:70]]) for order in orders]
    assert found == sorted(found, reverse=True)
    assert found[0] > 2.5 and found[-1] < 1.3


def test_documents_do_not_run_into_each_other_and_may_be_short_or_empty():
    train = [np.array([0]), np.array([], "int32"), np.array([1], "uint8"), np.array([0, 1])]
    model, right = ngrams.KneserNey(5).fit(train, 3), slow([[0], [], [1], [0, 1]], 3, 5, False)
    assert model.next([0, 1]) == pytest.approx([right(word, [0, 1]) for word in range(3)])
    assert model.perplexity([[1], [], [2]]) == pytest.approx((right(1, []) * right(2, [])) ** -0.5)


def test_errors():
    model = ngrams.KneserNey(2).fit([[0, 1, 2]], 3)
    for wrong in ([3], [-1], [0, 5]):
        with pytest.raises(InputError, match=r"word ids are in 0\.\.2"):
            ngrams.KneserNey(2).fit([[0], wrong], 3)
        with pytest.raises(InputError, match=r"word ids are in 0\.\.2"):
            model.log_probabilities(wrong)
        with pytest.raises(InputError, match=r"word ids are in 0\.\.2"):
            model.next(wrong)
    for wrong in ([], [[]], [np.zeros(0, int)]):
        with pytest.raises(InputError, match="at least one word"):
            ngrams.KneserNey(2).fit(wrong, 3)
        with pytest.raises(InputError, match="at least one word"):
            model.perplexity(wrong)
    for wrong in ([0, 1], [[[0, 1]]], [[0.5]]):
        with pytest.raises(InputError, match="integer word ids"):
            model.perplexity(wrong)
    with pytest.raises(InputError, match="order"):
        ngrams.KneserNey(0)
    with pytest.raises(InputError, match="vocabulary"):
        ngrams.KneserNey(1).fit([[0]], 0)
    for ask in (lambda m: m.next([0]), lambda m: m.perplexity([[0]])):
        with pytest.raises(InputError, match="fitted"):
            ask(ngrams.KneserNey(2))
