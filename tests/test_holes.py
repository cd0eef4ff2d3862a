"""Kinds of holes, against masks drawn by hand."""

import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import holes
from keras_ssl.errors import InputError

SEED = tf.constant([0, 1])


def drawn(rows):
    return np.array([[pixel == "#" for pixel in row] for row in rows], "float32")


@pytest.mark.parametrize(
    "kind, rows",
    [
        ("centre", ["........", "........", "..####..", "..####..", "..####..", "..####..", "........", "........"]),
        ("upper", ["########"] * 4 + ["........"] * 4),
        ("lower", ["........"] * 4 + ["########"] * 4),
        ("centre", [".....", ".##..", ".##..", ".....", "....."]),
        ("upper", ["###", "...", "..."]),
        ("lower", ["...", "###", "###"]),
    ],
)
def test_holes_are_where_they_are_drawn(kind, rows):
    mask = holes.draw(kind, (2, len(rows), len(rows[0]), 3)).numpy()
    np.testing.assert_array_equal(mask, np.stack([drawn(rows)[..., None]] * 2))


def test_blocks_lie_anywhere_and_whole():
    masks = holes.draw("blocks", (400, 16, 12, 3), SEED).numpy()[..., 0]
    seen = np.zeros((16, 12))
    for mask in masks:
        # Every hidden pixel belongs to a whole block of 4 rows and 3 columns.
        corners = [(i, j) for i in range(13) for j in range(10) if mask[i : i + 4, j : j + 3].all()]
        covered = np.zeros_like(mask)
        for i, j in corners:
            covered[i : i + 4, j : j + 3] = 1
        np.testing.assert_array_equal(covered, mask)
        assert 12 <= mask.sum() <= 48
        seen += mask
    assert seen.min() > 0 and len({mask.tobytes() for mask in masks}) > 390
    again = holes.draw("blocks", (400, 16, 12, 3), SEED).numpy()[..., 0]
    np.testing.assert_array_equal(again, masks)


def test_mixed_holes_are_each_of_one_kind():
    shape = (400, 8, 8, 3)
    mixed = holes.draw("mixed", shape, SEED).numpy()
    kinds = [holes.draw(kind, shape, SEED).numpy() for kind in ("centre", "blocks", "upper", "lower")]
    of_kind = np.array([[np.array_equal(a, b) for a, b in zip(mixed, each, strict=True)] for each in kinds])
    assert np.all(of_kind.sum(axis=0) >= 1)
    np.testing.assert_allclose(of_kind.mean(axis=1), [1 / 2, 1 / 6, 1 / 6, 1 / 6], atol=0.08)


def test_an_unknown_kind_is_named():
    with pytest.raises(InputError, match="centre"):
        holes.draw("center", (1, 8, 8, 3))
