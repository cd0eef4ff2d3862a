import numpy as np

from keras_ssl.words import parallel


def test_pairs_that_cant_be_read_are_left_out():
    ids = np.array([3, 4, 5, 3, 4, 5, 6, 3]), np.array([2, 2, 7, 8])
    target = np.array([9, 9, 9, 8]), np.array([1, 2, 3, 4])
    found = parallel.Pairs([ids, target], 4)  # without a text; of five words
    assert [row.tolist() for row in found.stream().as_numpy_iterator()] == [
        [3, 4, 0, 0, 9, 0, 0, 0], [3, 0, 0, 0, 8, 0, 0, 0],
    ]  # fmt: skip
    assert found.count() == 2


def test_batches_are_of_one_length_in_an_order_of_the_seed():
    lengths = np.random.default_rng(0).permutation(np.repeat([1, 2, 3], 8))
    side = np.arange(3, 3 + lengths.sum()), np.cumsum(lengths)
    found = parallel.Pairs([side, side], 4, batch=4)
    rows = np.array(list(found.stream(shuffle=3).as_numpy_iterator()))
    assert sorted(rows[:, 0]) == sorted(side[0][side[1] - lengths])  # each pair once
    filled = np.count_nonzero(rows, axis=1).reshape(-1, 4)
    assert (filled == filled[:, :1]).all() and (np.diff(filled[:, 0]) < 0).any()
    again, other = (np.array(list(found.stream(shuffle=seed).as_numpy_iterator())) for seed in (3, 4))
    assert (rows == again).all() and (rows != other).any()
