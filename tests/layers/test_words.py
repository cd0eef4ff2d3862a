import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl.layers import (
    AtPlaces,
    FromWindows,
    LastWords,
    MaskedPooling,
    Unmasked,
    Windows,
    WithoutPadding,
    WordEmbedding,
    WordScores,
)


def test_a_table_of_words_can_be_asked_for():
    layer = WordEmbedding(5, 3, first=2)
    ids = tf.constant([[1, 2, 0], [4, 1, 3]])
    vectors = layer(ids)
    known = np.array([[False, True, False], [True, False, True]])
    np.testing.assert_array_equal(vectors, tf.gather(layer(ids, table=True), ids) * known[..., None])
    np.testing.assert_array_equal(layer.compute_mask(ids), known)


def test_scores_are_products_with_the_table_and_padding_fits_nowhere():
    draw = np.random.default_rng(0)
    x, table = draw.normal(size=(2, 4, 3)).astype("float32"), draw.normal(size=(6, 3)).astype("float32")
    layer = WordScores()
    layer.build([x.shape, table.shape])
    bias = draw.normal(size=6).astype("float32")
    layer.bias.assign(bias)
    scores = layer([x, table]).numpy()
    np.testing.assert_allclose(scores[..., 1:], (x @ table.T + bias)[..., 1:], rtol=1e-5, atol=1e-6)
    assert (scores[..., 0] < -1e8).all()


def test_among_all_words_the_estimate_is_exact():
    """With every word drawn once, log of what is expected 0, the sampled softmax is the softmax."""
    draw = np.random.default_rng(1)
    x, table = draw.normal(size=(2, 4, 3)).astype("float32"), draw.normal(size=(6, 3)).astype("float32")
    layer = WordScores()
    layer.build([x.shape, table.shape])
    words = tf.constant(draw.integers(1, 6, (2, 4)))
    others = tf.range(1, 6, dtype=tf.int64)
    found = layer.among([x, table], words, tf.zeros((2, 4)), others, tf.zeros(5))
    exact = tf.nn.sparse_softmax_cross_entropy_with_logits(words, layer([x, table]))
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def test_among_some_words_the_sum_is_right_on_average():
    """E[sum over a sample of exp(score) / expected count] is the sum over all words."""
    draw = np.random.default_rng(2)
    x, table = draw.normal(size=(1, 1, 3)).astype("float32"), draw.normal(size=(50, 3)).astype("float32")
    layer = WordScores()
    layer.build([x.shape, table.shape])
    share = np.arange(1, 51) / np.arange(1, 51).sum()
    share[:2] = 0  # padding, and the right word, which stands for itself
    share /= share.sum()
    sums = []
    for _ in range(400):
        others = draw.choice(50, 20, p=share)
        nats = layer.among(
            [x, table], tf.constant([[1]]), tf.zeros((1, 1)), tf.constant(others, tf.int32),
            tf.constant(np.log(20 * share[others]), tf.float32),
        )  # fmt: skip
        sums.append(np.exp(float(nats[0, 0]) + float(x[0, 0] @ table[1])))
    scores = np.exp(x[0, 0] @ table[1:].T)
    assert np.mean(sums) == pytest.approx(scores.sum(), rel=0.05)


@pytest.mark.parametrize("length", [1, 4, 5, 8, 11])
def test_windows_and_back(length):
    """What a network says of each window comes back to its place, whatever the lengths."""
    draw = np.random.default_rng(length)
    ids = np.zeros((3, length), "int32")
    ids[0], ids[1, :1] = draw.integers(1, 9, length), 7
    rows, places = Windows(4)(tf.constant(ids))
    assert rows.shape[0] == -(-length // 4) + 1  # of the second text one, of the empty one none
    vectors = tf.cast(rows, tf.float32)[..., None] * [1.0, 10.0]
    whole = FromWindows()([vectors, places, tf.constant(ids)])
    np.testing.assert_array_equal(whole, ids[..., None] * np.array([1.0, 10.0], "float32"))


def test_texts_without_a_word_make_no_window():
    rows, places = Windows(4)(tf.zeros((2, 0), tf.int32))
    assert rows.shape == (0, 1)
    assert FromWindows()([tf.zeros((0, 4, 3)), places, tf.zeros((2, 0), tf.int32)]).shape == (2, 0, 3)


def test_windows_of_short_texts_are_short():
    rows, places = Windows(128)(tf.constant([[1, 2, 3], [4, 0, 0]]))
    np.testing.assert_array_equal(rows, [[1, 2, 3], [4, 0, 0]])
    np.testing.assert_array_equal(places, [0, 1])


def test_no_mask_goes_on():
    ids = tf.constant([[1, 0]])
    assert getattr(Unmasked()(WordEmbedding(3, 2)(ids)), "_keras_mask", None) is None


def test_pooling_leaves_padding_out():
    x = np.arange(12, dtype="float32").reshape(2, 3, 2) - 20
    mask = np.array([[True, True, False], [False, False, False]])
    np.testing.assert_allclose(MaskedPooling()(x, mask=mask), [x[0, :2].mean(0), [0, 0]])
    np.testing.assert_allclose(MaskedPooling("max")(x, mask=mask), [x[0, 1], [0, 0]])
    np.testing.assert_allclose(MaskedPooling()(x), x.mean(1))


def test_last_words_side_by_side():
    x = np.arange(1, 7, dtype="float32").reshape(1, 3, 2)
    np.testing.assert_array_equal(LastWords(2)(x), [[[0, 0, 1, 2], [1, 2, 3, 4], [3, 4, 5, 6]]])


def test_padding_becomes_zero():
    ids = tf.constant([[3, 0]])
    layer = WithoutPadding()
    np.testing.assert_array_equal(layer([tf.ones((1, 2, 2)), ids]), [[[1, 1], [0, 0]]])
    np.testing.assert_array_equal(layer.compute_mask([None, ids]), [[True, False]])


def test_entries_at_places():
    x = tf.reshape(tf.range(12.0), (2, 3, 2))
    np.testing.assert_array_equal(AtPlaces()([x, tf.constant([[2, 0], [1, 1]])])[:, :, 0], [[4, 0], [8, 8]])


def test_a_network_of_these_layers_is_saved_and_opened(tmp_path):
    ids = keras.Input((None,), dtype="int32")
    rows, places = Windows(4)(ids)
    embedding = WordEmbedding(9, 3)
    x = FromWindows()([embedding(rows), places, ids])
    model = keras.Model(ids, [WordScores()([x, embedding(rows, table=True)]), MaskedPooling()(x)])
    model.save(tmp_path / "words.keras")
    again = keras.saving.load_model(tmp_path / "words.keras")
    asked = tf.constant([[1, 2, 3, 4, 5, 6], [8, 0, 0, 0, 0, 0]])
    for a, b in zip(again(asked), model(asked), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert keras.ops.convert_to_numpy(again(asked)[0])[1, 0].argmax() > 0
