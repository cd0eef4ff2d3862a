"""What word2vec counts: words and those near them, as rows that one matrix product scores, and their gradients.

A row is `ROW` words of a text with the words around them, and random words that all of them are compared with.
Gradients are of sums over pairs of words, as word2vec's steps are; in a table only rows of words that occur move.
"""

import keras
import numpy as np
import tensorflow as tf

ROW = 32  # words
NEGATIVES = 5  # random words for each pair
POWER = 0.75  # of a word's count, by which random words are drawn
MET = 64  # comparisons of one word in one step that count fully


def without_frequent(windows, counts, sample, seed):
    """Words (N, T) -> those that are kept, in front, zeros behind them: unknown words go, frequent ones at times.

    A word that makes a share f of all known ones is kept with probability (sqrt(f / sample) + 1) sample / f. Zeros in
    the text, which part texts, stay.
    """
    share = np.asarray(counts, "float64") / max(1, np.sum(counts))
    with np.errstate(divide="ignore", invalid="ignore"):
        keep = np.where(share > 0, (np.sqrt(share / sample) + 1) * sample / share, 0) if sample else share > 0
    keep = np.minimum(keep, 1).astype("float32")
    keep[0] = 1
    chance = tf.random.stateless_uniform(tf.shape(windows), seed)
    kept = tf.ragged.boolean_mask(windows, chance < tf.gather(tf.constant(keep), windows))
    return kept.to_tensor(shape=[None, windows.shape[1]])


def drawn(counts, shape, seed):
    """Ids of random words, as often as the counts to the power of 3/4 say."""
    share = np.asarray(counts, "float64") ** POWER
    ends = tf.constant((np.cumsum(share) / share.sum()).astype("float32"))
    chance = tf.random.stateless_uniform([tf.reduce_prod(shape)], seed)
    found = tf.searchsorted(ends, chance, side="right")
    return tf.reshape(tf.minimum(found, len(counts) - 1), shape)


def framed(ids, reach):
    """Words (N, T) -> rows: words (N, R, ROW), and these with `reach` more on each side (N, R, ROW + 2 reach)."""
    padded = tf.pad(ids, [[0, 0], [reach, reach]])
    return tf.signal.frame(ids, ROW, ROW), tf.signal.frame(padded, ROW + 2 * reach, ROW)


def rows(words, around, reach, drawn):
    """The rows that have words: (words (R, ROW), words around (R, A), which are near which (R, ROW, A), drawn (R, K)).

    Arguments (N, T / ROW, ...), as word2vec's pretext gives them; reach: how far each of the words looks.
    """
    some = tf.reduce_any(words != 0, axis=2)
    words, around, reach, drawn = (tf.boolean_mask(each, some) for each in (words, around, reach, drawn))
    wide = around.shape[1]
    furthest = (wide - ROW) // 2
    apart = np.abs(np.arange(wide) - furthest - np.arange(ROW)[:, None])
    # Looked up and not compared: a comparison of two broadcast arrays takes as long as a product of the vectors.
    near = (apart <= np.arange(furthest + 1)[:, None, None]) & (apart > 0)
    places = tf.where(words != 0, reach, 0) * ROW + tf.range(ROW)
    near = tf.gather(tf.constant(near.reshape(-1, wide), tf.float32), places)
    return words, around, near * tf.cast(around != 0, tf.float32)[:, None], drawn


def skip_gram(table, contexts, rows):
    """(mean loss of a pair, [gradient of the table, of the contexts]): a word tells those near it from random ones."""
    words, around, near, drawn = rows
    weight, wide = NEGATIVES / drawn.shape[1], around.shape[1]
    seen = tf.concat([around, drawn], axis=1)
    v, u = _vectors(table, words), _vectors(contexts, seen)
    pairs = tf.reduce_sum(near, axis=2)
    # A row for each context: this way round the products are fastest.
    near, random = tf.transpose(near, [0, 2, 1]), weight * pairs[:, None]
    found = tf.sigmoid(tf.matmul(u, v, transpose_b=True))
    slope = tf.concat([near * (found[:, :wide] - 1), random * found[:, wide:]], axis=1)
    met = [tf.reduce_sum(near, axis=2), tf.repeat(tf.reduce_sum(random, axis=2), drawn.shape[1], axis=1)]
    by_context = tf.matmul(slope, v) * _held(tf.concat(met, axis=1), seen, contexts)
    by_word = tf.matmul(slope, u, transpose_a=True) * _held((1 + NEGATIVES) * pairs, words, table)
    some = tf.shape(words)[0] // 8 + 1  # whose loss stands for all: its logarithms cost as much as the products
    loss = _loss(found[:some, :wide], near[:some], found[:some, wide:], random[:some])
    return loss, [_slices(by_word, words, table), _slices(by_context, seen, contexts)]


def cbow(table, contexts, rows):
    """The same of CBOW: the mean of the words near tells the one in the middle.

    The whole step goes to each of the words near, not its share, as in word2vec's own program.
    """
    words, around, near, drawn = rows
    weight = NEGATIVES / drawn.shape[1]
    pairs = tf.reduce_sum(near, axis=2, keepdims=True)
    asked = tf.cast(pairs > 0, tf.float32)
    v = _vectors(table, around)
    mean = tf.matmul(near, v) / tf.maximum(pairs, 1)
    u, others = _vectors(contexts, words), _vectors(contexts, drawn)
    right = tf.sigmoid(tf.reduce_sum(mean * u, axis=2, keepdims=True))
    wrong = tf.sigmoid(tf.matmul(mean, others, transpose_b=True))
    slope, slopes = asked * (right - 1), weight * asked * wrong
    by_mean = slope * u + tf.matmul(slopes, others)
    by_around = tf.matmul(near, by_mean, transpose_a=True)
    by_context = tf.concat([slope * mean, tf.matmul(slopes, mean, transpose_a=True)], axis=1)
    seen = tf.concat([words, drawn], axis=1)
    met = tf.concat([asked[..., 0], tf.repeat(weight * tf.reduce_sum(asked, axis=1), drawn.shape[1], axis=1)], axis=1)
    by_context *= _held(met, seen, contexts)
    by_around *= _held((1 + NEGATIVES) * tf.reduce_sum(near * asked, axis=1), around, table)
    loss = _loss(right, asked, wrong, weight * asked)
    return loss, [_slices(by_around, around, table), _slices(by_context, seen, contexts)]


def softmax(table, contexts, rows):
    """The same of skip-gram with the whole vocabulary: the sum over pairs of log Σ_c' exp(v_c'·v_w) - v_c·v_w."""
    words, around, near, _ = rows
    table, contexts = (tf.convert_to_tensor(each) for each in (table, contexts))
    v, u = tf.gather(table, words), tf.gather(contexts, around)
    scores = tf.einsum("rid,cd->ric", v, contexts)
    pairs = tf.reduce_sum(near, axis=2, keepdims=True)
    expected = pairs * tf.nn.softmax(scores)
    by_word = (tf.einsum("ric,cd->rid", expected, contexts) - tf.matmul(near, u)) * _held(pairs[..., 0], words, table)
    by_all = tf.einsum("ric,rid->cd", expected, v)
    by_around = -tf.matmul(near, v, transpose_a=True)
    by_context = by_all + tf.math.unsorted_segment_sum(
        tf.reshape(by_around, [-1, v.shape[2]]), tf.reshape(around, [-1]), contexts.shape[0]
    )
    met = tf.math.unsorted_segment_sum(
        tf.reshape(tf.reduce_sum(near, axis=1), [-1]), tf.reshape(around, [-1]), contexts.shape[0]
    )
    by_context *= (
        MET / tf.maximum(tf.maximum(_of_all(met), _of_all(tf.reduce_sum(expected, axis=[0, 1]))), MET)[:, None]
    )
    total = tf.reduce_sum(pairs[..., 0] * tf.reduce_logsumexp(scores, axis=2))
    total -= tf.reduce_sum(near * tf.matmul(v, u, transpose_b=True))
    return total / tf.maximum(tf.reduce_sum(near), 1), [_slices(by_word, words, table), by_context]


def _vectors(table, ids):
    """Rows of a table. Of a variable they alone are read: as a tensor it would be copied whole in every step."""
    return tf.gather(table.value if isinstance(table, keras.Variable) else table, ids)


def _held(met, ids, table):
    """Factors (R, n, 1), below 1 for words that are met more than `MET` times in this step.

    The steps of word2vec's own program follow one another, each from where the last one led; a sum of hundreds of the
    same direction, such as of "the", would overshoot.
    """
    ids = tf.reshape(ids, [-1])
    times = _of_all(tf.math.unsorted_segment_sum(tf.reshape(met, [-1]), ids, table.shape[0]))
    return tf.reshape(tf.gather(MET / tf.maximum(times, MET), ids), tf.shape(met))[..., None]


def _of_all(counts):
    """The sum of all replicas' counts."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return counts
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, counts)


STEPS = {"skip_gram": skip_gram, "cbow": cbow}


def _loss(right, pairs, wrong, weights):
    """Mean over pairs of - log p(right) - NEGATIVES mean log (1 - p(wrong))."""
    small = 1e-7
    total = -tf.reduce_sum(pairs * tf.math.log(right + small)) - tf.reduce_sum(weights * tf.math.log(1 - wrong + small))
    return total / tf.maximum(tf.reduce_sum(pairs), 1)


def _slices(gradients, ids, table):
    """Gradients (R, n, d) of the rows ids (R, n) of a table."""
    d = gradients.shape[-1]
    return tf.IndexedSlices(tf.reshape(gradients, [-1, d]), tf.reshape(ids, [-1]), tf.constant(list(table.shape)))
