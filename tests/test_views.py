import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import views

SEED = tf.constant([3, 7])
RAMP = np.random.default_rng(0).permutation(64 * 8 * 8 * 3).reshape(64, 8, 8, 3)  # every value once

VIEWS = {
    "flip": views.flip,
    "shift": lambda images, seed: views.shift(images, seed, pixels=2),
    "cutout": lambda images, seed: views.cutout(images, seed, side=3),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_keep_shape_and_dtype_and_follow_the_seed(view):
    for dtype in ("uint8", "float32", "bfloat16"):
        images = tf.cast(RAMP % 256, dtype)
        once, again, other = (view(images, seed) for seed in (SEED, SEED, tf.constant([3, 8])))
        assert once.dtype == images.dtype and once.shape == images.shape
        np.testing.assert_array_equal(once, again)
        assert (np.asarray(once) != np.asarray(other)).any()
        mapped = tf.data.Dataset.from_tensors(images).map(lambda x: view(x, SEED))
        assert mapped.element_spec.shape == images.shape
        np.testing.assert_array_equal(next(iter(mapped)), once)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_each_image_is_looked_at_its_own_way(view):
    same = np.repeat(RAMP[:1], 64, axis=0)
    found = {image.tobytes() for image in view(same, SEED).numpy()}
    assert len(found) > 1
    # The way of one image doesn't depend on what the others show.
    changed = RAMP.copy()
    changed[1:] = 0
    np.testing.assert_array_equal(view(changed, SEED)[0], view(RAMP, SEED)[0])


def test_flip_mirrors_half_of_the_images():
    flipped = views.flip(RAMP, SEED).numpy()
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(flipped, RAMP, strict=True)]
    kept = [np.array_equal(a, b) for a, b in zip(flipped, RAMP, strict=True)]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True))
    assert 20 <= sum(mirrored) <= 44  # of 64; outside has a chance of 1 in 400


def test_shift_is_a_translation_with_a_reflected_border():
    shifted = views.shift(RAMP, SEED, pixels=2).numpy()
    padded = np.pad(RAMP, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="reflect")
    offsets = []
    for image, wide in zip(shifted, padded, strict=True):
        fits = [(i, j) for i in range(5) for j in range(5) if np.array_equal(image, wide[i : i + 8, j : j + 8])]
        assert len(fits) == 1
        offsets += fits
    assert {i for i, _ in offsets} == {j for _, j in offsets} == set(range(5))
    np.testing.assert_array_equal(views.shift(RAMP, SEED, pixels=0), RAMP)


def test_cutout_covers_one_square():
    covered = views.cutout(RAMP + 1000, SEED, side=4, fill=7).numpy()
    areas = []
    for image, before in zip(covered, RAMP + 1000, strict=True):
        hole = (image == 7).all(axis=-1)
        np.testing.assert_array_equal(image[~hole], before[~hole])
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert hole.sum() == len(rows) * len(columns)  # a rectangle
        assert np.ptp(rows) == len(rows) - 1 <= 3 and np.ptp(columns) == len(columns) - 1 <= 3
        areas.append(hole.sum())
    assert max(areas) == 16 and min(areas) >= 4  # partly outside at times; its centre never


def test_binarised_pixels_are_white_as_often_as_they_are_bright():
    grey = np.broadcast_to(np.array([0, 51, 204, 255], "uint8")[None, :, None, None], (4000, 4, 1, 1))
    drawn = views.binarise(tf.constant(grey), tf.constant([0, 1])).numpy()
    assert drawn.dtype == np.uint8 and set(np.unique(drawn)) == {0, 255}
    white = (drawn == 255).mean(axis=(0, 2, 3))
    assert white[0] == 0 and white[3] == 1 and np.allclose(white[1:3], [0.2, 0.8], atol=4 * np.sqrt(0.16 / 4000))
