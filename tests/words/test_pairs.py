"""What word2vec counts, against loops over single pairs of words."""

import numpy as np
import pytest
import tensorflow as tf

from keras_ssl.words import pairs

V, D, REACH, DRAWN = 12, 5, 3, 4


@pytest.fixture
def tables():
    draw = np.random.default_rng(0)
    return [tf.Variable(draw.normal(size=(V, D)).astype("float32")) for _ in range(2)]


@pytest.fixture
def rows():
    """Two rows of words: a text, and another that ends early; what each word looks at; random words."""
    draw = np.random.default_rng(1)
    ids = draw.integers(1, V, (1, 2 * pairs.ROW)).astype("int32")
    ids[0, pairs.ROW + 9 :] = 0
    ids[0, 5:8] = 0  # the end of a text
    words, around = pairs.framed(tf.constant(ids), REACH)
    reach = tf.constant(draw.integers(1, REACH + 1, words.shape).astype("int32"))
    drawn = tf.constant(draw.integers(1, V, (1, 2, DRAWN)).astype("int32"))
    return ids[0], reach.numpy().reshape(-1), drawn.numpy().reshape(-1, DRAWN), pairs.rows(words, around, reach, drawn)


def each_pair(ids, reach):
    """(row, place of a word, place of a word near it) of all pairs."""
    for place in np.flatnonzero(ids):
        for other in range(place - reach[place], place + reach[place] + 1):
            if 0 <= other < len(ids) and other != place and ids[other]:
                yield place // pairs.ROW, place, other


def dense(slices, table):
    if isinstance(slices, tf.Tensor):
        return slices.numpy()
    found = np.zeros(table.shape)
    np.add.at(found, slices.indices.numpy(), slices.values.numpy())
    return found


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.fixture(autouse=True)
def no_bound(monkeypatch):
    monkeypatch.setattr(pairs, "MET", 1e9)


def test_skip_gram_is_the_sum_over_pairs(tables, rows):
    ids, reach, drawn, given = rows
    table, contexts = (t.numpy().astype("float64") for t in tables)
    by_word, by_context, loss, count = np.zeros((V, D)), np.zeros((V, D)), 0.0, 0
    for row, place, other in each_pair(ids, reach):
        v, u = table[ids[place]], contexts[ids[other]]
        slope = sigmoid(v @ u) - 1
        by_word[ids[place]] += slope * u
        by_context[ids[other]] += slope * v
        for n in drawn[row]:  # each counts as if there were NEGATIVES
            slope = sigmoid(v @ contexts[n]) * pairs.NEGATIVES / DRAWN
            by_word[ids[place]] += slope * contexts[n]
            by_context[n] += slope * v
        if row == 0:  # one row's loss stands for both
            wrong = sum(np.log(sigmoid(-v @ contexts[n])) for n in drawn[row]) * pairs.NEGATIVES / DRAWN
            loss, count = loss - np.log(sigmoid(v @ u)) - wrong, count + 1
    found, gradients = pairs.skip_gram(*tables, given)
    np.testing.assert_allclose(dense(gradients[0], table), by_word, atol=1e-4)
    np.testing.assert_allclose(dense(gradients[1], table), by_context, atol=1e-4)
    assert float(found) == pytest.approx(loss / count, rel=1e-4)


def test_cbow_tells_the_word_in_the_middle_from_the_mean_of_those_around(tables, rows):
    ids, reach, drawn, given = rows
    table, contexts = (t.numpy().astype("float64") for t in tables)
    by_word, by_context = np.zeros((V, D)), np.zeros((V, D))
    near = {}
    for row, place, other in each_pair(ids, reach):
        near.setdefault((row, place), []).append(ids[other])
    for (row, place), others in near.items():
        mean = np.mean([table[o] for o in others], axis=0)
        u = contexts[ids[place]]
        step = (sigmoid(mean @ u) - 1) * u
        by_context[ids[place]] += (sigmoid(mean @ u) - 1) * mean
        for n in drawn[row]:
            slope = sigmoid(mean @ contexts[n]) * pairs.NEGATIVES / DRAWN
            step = step + slope * contexts[n]
            by_context[n] += slope * mean
        for o in others:
            by_word[o] += step
    _, gradients = pairs.cbow(*tables, given)
    np.testing.assert_allclose(dense(gradients[0], table), by_word, atol=1e-4)
    np.testing.assert_allclose(dense(gradients[1], table), by_context, atol=1e-4)


def test_softmax_is_the_formula_and_its_gradient_the_tapes(tables, rows):
    """The sum over pairs of log Σ_c' exp(v_c'·v_w) - v_c·v_w, slowly, and differentiated by TensorFlow."""
    ids, reach, _, given = rows
    with tf.GradientTape() as tape:
        total, count = 0.0, 0
        for _, place, other in each_pair(ids, reach):
            scores = tf.linalg.matvec(tf.convert_to_tensor(tables[1]), tables[0][ids[place]])
            total, count = total + tf.reduce_logsumexp(scores) - scores[ids[other]], count + 1
    slow = tape.gradient(total, tables)
    found, gradients = pairs.softmax(*tables, given)
    assert float(found) == pytest.approx(float(total) / count, rel=1e-5)
    for gradient, right, table in zip(gradients, slow, tables, strict=True):
        np.testing.assert_allclose(dense(gradient, table), tf.convert_to_tensor(right), atol=1e-3)


def test_a_word_met_often_in_one_step_moves_as_by_a_bounded_number_of_meetings(tables, rows, monkeypatch):
    ids, reach, _, given = rows
    _, free = pairs.skip_gram(*tables, given)
    monkeypatch.setattr(pairs, "MET", 30)
    _, bound = pairs.skip_gram(*tables, given)
    met = np.zeros(V)
    for _, place, _ in each_pair(ids, reach):
        met[ids[place]] += 1 + pairs.NEGATIVES
    expected = dense(free[0], tables[0]) * (30 / np.maximum(met, 30))[:, None]
    np.testing.assert_allclose(dense(bound[0], tables[0]), expected, atol=1e-4)
    assert (met > 30).any() and (met < 30).any()


def test_frequent_words_are_left_out_as_the_formula_says():
    counts = np.array([0, 0, 0, 9000, 999, 1])
    windows = tf.constant(
        np.random.default_rng(0).choice([3, 4, 5], (200, 64), p=[0.9, 0.0999, 0.0001]).astype("int32")
    )
    kept = pairs.without_frequent(windows, counts, 0.05, [1, 2]).numpy()
    for word, share in ((3, 0.9), (4, 0.0999)):
        chance = min(1, (np.sqrt(share / 0.05) + 1) * 0.05 / share)
        assert np.sum(kept == word) / np.sum(windows == word) == pytest.approx(chance, abs=0.03)
    assert np.sum(kept == 5) == np.sum(windows == 5)
    row, whole = kept[0][kept[0] > 0], windows[0].numpy()
    assert (kept[0][len(row) :] == 0).all()
    it = iter(whole)
    assert all(word in it for word in row)  # in their order


def test_unknown_words_go_and_the_ends_of_texts_stay():
    windows = tf.constant([[3, 1, 3, 0, 0, 3]])
    kept = pairs.without_frequent(windows, np.array([0, 0, 0, 10]), 0, [0, 0])
    np.testing.assert_array_equal(kept, [[3, 3, 0, 0, 3, 0]])


def test_random_words_come_as_often_as_their_count_to_the_three_quarters():
    counts = np.array([0, 0, 0, 81, 16, 1, 0])
    found = np.bincount(pairs.drawn(counts, [100, 1000], [3, 4]).numpy().reshape(-1), minlength=7) / 1e5
    np.testing.assert_allclose(found, np.array([0, 0, 0, 27, 8, 1, 0]) / 36, atol=0.005)


def test_rows_hold_each_word_once_with_those_around_it():
    ids = tf.range(1, 2 * pairs.ROW + 1)[None]
    words, around = pairs.framed(ids, 2)
    np.testing.assert_array_equal(tf.reshape(words, [-1]), ids[0])
    np.testing.assert_array_equal(around[0, 0, :3], [0, 0, 1])
    np.testing.assert_array_equal(around[0, 1, :3], [pairs.ROW - 1, pairs.ROW, pairs.ROW + 1])
