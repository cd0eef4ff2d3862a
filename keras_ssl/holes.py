"""Holes in pictures: the kinds that a method may train on, and masks as people give them."""

import numpy as np
import tensorflow as tf

from . import views
from .errors import InputError, unknown

KINDS = ("centre", "blocks", "upper", "lower", "mixed")
BLOCKS = 4  # of a quarter of height and width, over each other or not: a quarter of the image at most


def draw(kind, shape, seed=(0, 0)):
    """Masks (N, H, W, 1), float32, 1 in the hole, for images of `shape` (N, H, W, ...).

    kind: "centre" (half of height and width), "blocks" (four of a quarter, at random places), "upper" or "lower" half,
        or "mixed", the centre for about half of the images and one of the others for each of the rest. Raises
        InputError for another.
    """
    if kind == "mixed":
        of_each = tf.stack([draw(each, shape, seed) for each in KINDS[:4]], axis=1)
        which = tf.random.stateless_uniform(shape[:1], views.fold(seed, "hole"), -2, 4, tf.int32)  # 0, centre: 3 of 6
        return tf.gather(of_each, tf.maximum(which, 0), axis=1, batch_dims=1)
    n, height, width = shape[0], shape[1], shape[2]
    rows, columns = tf.range(height)[None, :, None], tf.range(width)[None, None, :]

    def rectangle(top, left, high, wide):
        return (rows >= top) & (rows < top + high) & (columns >= left) & (columns < left + wide)

    if kind == "blocks":
        high, wide = height // 4, width // 4
        place = tf.random.stateless_uniform([2, BLOCKS, n, 1, 1], views.fold(seed, "blocks"))
        free = tf.cast([height - high + 1, width - wide + 1], tf.float32)
        tops, lefts = tf.unstack(tf.cast(place * free[:, None, None, None, None], tf.int32))
        inside = tf.reduce_any([rectangle(tops[k], lefts[k], high, wide) for k in range(BLOCKS)], axis=0)
    elif kind == "centre":
        inside = rectangle(height // 4, width // 4, height // 2, width // 2)
    elif kind in ("upper", "lower"):
        top = 0 if kind == "upper" else height // 2
        inside = rectangle(top, 0, height // 2 if kind == "upper" else height - height // 2, width)
    else:
        raise unknown("hole", kind, KINDS)
    return tf.cast(tf.broadcast_to(inside, [n, height, width])[..., None], tf.float32)


def natural(mask, shape):
    """A mask as it comes -> (N, H, W, 1), float32, for images of `shape` (N, H, W, C).

    Raises InputError for one of another size or with other values than 0 and 1.
    """
    n, height, width = shape[:3]
    given = mask = np.asarray(mask)
    if mask.ndim > 2 and mask.shape[-3:] == (height, width, 1):
        mask = mask[..., 0]
    if mask.shape not in {(height, width), (1, height, width), (n, height, width)}:
        raise InputError(
            f"a mask is as large as its picture, ({height}, {width}) or ({n}, {height}, {width}); got {given.shape}"
        )
    if not np.isin(mask, (0, 1)).all():
        raise InputError("a mask is 1 in the hole and 0 elsewhere; got other values")
    return np.broadcast_to(mask, (n, height, width))[..., None].astype("float32")
