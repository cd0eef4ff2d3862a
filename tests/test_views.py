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
    "resized_crop": views.resized_crop,
    "colour_jitter": views.colour_jitter,
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
        if view is views.colour_jitter:  # sums may be taken in another order in a graph
            once, mapped = tf.cast(once, "float32"), mapped.map(lambda x: tf.cast(x, "float32"))
            step = {"uint8": 1, "float32": 1e-3, "bfloat16": 1}[dtype]
            np.testing.assert_allclose(next(iter(mapped)), once, atol=step)
        else:
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


def crop_of(ramps):
    """(top, left, height, width) of a crop of ramps (H, W, 2), whose values are the places' row and column in 0..1.

    What bilinear interpolation makes of a ramp is a ramp.
    """
    rows, columns = ramps[:, :, 0], ramps[:, :, 1]
    height, width = len(rows) - 1, len(columns[0]) - 1
    even = [np.linspace(line[0], line[-1], len(line)) for line in (rows[:, 0], columns[0])]
    np.testing.assert_allclose(rows, np.broadcast_to(even[0][:, None], rows.shape), atol=1e-4)
    np.testing.assert_allclose(columns, np.broadcast_to(even[1][None], columns.shape), atol=1e-4)
    assert height and width
    return rows[0, 0], columns[0, 0], np.ptp(rows), np.ptp(columns)


def test_resized_crop_is_a_part_of_the_image_of_the_area_and_shape_asked_for():
    height, width = 24, 16
    places = np.stack(np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij"), axis=-1)
    images = np.repeat(places[None], 500, axis=0).astype("float32")
    parts = np.array([crop_of(image) for image in views.resized_crop(images, SEED, area=0.2).numpy()])
    top, left, tall, wide = parts.T
    assert top.min() >= 0 and left.min() >= 0 and (top + tall).max() <= 1 + 1e-5 and (left + wide).max() <= 1 + 1e-5
    area = tall * wide
    assert 0.19 < area.min() < 0.22 and area.max() > 0.9 and abs(area.mean() - 0.6) < 0.04
    inside = (tall < 1 - 1e-4) & (wide < 1 - 1e-4)  # else it was cut at the border
    ratio = np.log(tall / wide)[inside]
    assert np.abs(ratio).max() <= np.log(4 / 3) + 1e-4 and abs(ratio.mean()) < 0.03 and ratio.std() > 0.1
    room = 1 - parts[inside][:, 2:]
    places = parts[inside][:, :2] / room  # where in the room there is: uniform
    assert np.abs(places.mean(axis=0) - 0.5).max() < 0.05 and np.abs(places.std(axis=0) - 12**-0.5).max() < 0.05


def test_colour_jitter_changes_only_what_it_is_told_to():
    rng = np.random.default_rng(0)
    images = rng.uniform(80, 140, (200, 6, 5, 3)).astype("float32")
    luma = images @ np.array([0.299, 0.587, 0.114], "float32")
    still = {"strength": 0.0, "hue": 0.0, "grey": 0.0}
    np.testing.assert_allclose(views.colour_jitter(images, SEED, **still), images, atol=1e-3)
    grey = views.colour_jitter(images, SEED, **still | {"grey": 1.0}).numpy()
    np.testing.assert_allclose(grey, np.repeat(luma[..., None], 3, axis=-1), atol=1e-3)
    some = views.colour_jitter(images, SEED, **still | {"grey": 0.2}).numpy()
    assert 20 <= np.sum(np.ptp(some, axis=-1).max(axis=(1, 2)) < 1e-2) <= 60  # of 200

    turned = views.colour_jitter(images, SEED, **still | {"hue": 0.1}).numpy()
    np.testing.assert_allclose(turned @ np.array([0.299, 0.587, 0.114]), luma, atol=1e-2)
    chroma, before = ((x @ views.YIQ[1:].T).astype("float64") for x in (turned, images))
    angle = np.angle((chroma @ [1, 1j]) / (before @ [1, 1j]))
    np.testing.assert_allclose(np.abs(chroma @ [1, 1j]), np.abs(before @ [1, 1j]), atol=1e-2)
    per_image = np.median(angle, axis=(1, 2))
    assert 0.5 < np.abs(per_image).max() <= 0.2 * np.pi + 1e-3 and abs(per_image.mean()) < 0.1

    changed = views.colour_jitter(images, SEED, strength=0.4, hue=0.0, grey=0.0).numpy()
    factors = []  # brightness, contrast and saturation, found again by least squares
    for x, y, image in zip(luma, changed, images, strict=True):
        slope, base = np.polyfit(x.ravel(), (y @ np.array([0.299, 0.587, 0.114])).ravel(), 1)
        brightness = (base + slope * x.mean()) / x.mean()
        colour = np.polyfit((image[..., 0] - x).ravel(), (y[..., 0] - (base + slope * x)).ravel(), 1)[0]
        factors.append([brightness, slope / brightness, colour / slope])
    factors = np.array(factors)
    assert factors.min() > 0.59 and factors.max() < 1.41
    assert np.abs(factors.mean(axis=0) - 1).max() < 0.05 and np.abs(factors.std(axis=0) - 0.8 / 12**0.5).max() < 0.03
    assert np.abs(np.corrcoef(factors.T) - np.eye(3)).max() < 0.2  # drawn apart


def test_grey_pictures_of_one_channel_keep_it():
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 5, 1)).astype("uint8")
    both = views.two_views(images, SEED)
    assert both.shape == (16, 6, 5, 1) and both.numpy().min() >= 0 and both.numpy().max() <= 255


def test_two_views_of_an_image_lie_side_by_side_and_differ(photos):
    pairs = views.two_views(photos, SEED)
    assert pairs.shape == (128, 32, 32, 3) and pairs.dtype == tf.float32
    assert pairs.numpy().min() >= 0 and pairs.numpy().max() <= 255
    a, b = pairs.numpy()[0::2], pairs.numpy()[1::2]
    assert all(np.abs(x - y).max() > 1 for x, y in zip(a, b, strict=True))
    flat = photos.copy()
    flat[:] = np.arange(64, dtype="uint8")[:, None, None, None] * 3  # each image of one grey of its own
    a, b = (views.two_views(flat, SEED).numpy()[i::2] for i in (0, 1))
    for view in (a, b):  # jitter turns a grey g into 0.6 g to 1.4 g
        assert np.all(np.ptp(view, axis=(1, 2, 3)) < 1e-2)
        level = view[:, 0, 0, 0] / np.maximum(3 * np.arange(64), 1)
        assert level[1:].min() > 0.59 and level.max() < 1.41
    uint8, floats = (views.two_views(photos.astype(kind), SEED) for kind in ("uint8", "float32"))
    np.testing.assert_array_equal(uint8, floats)


def test_binarised_pixels_are_white_as_often_as_they_are_bright():
    grey = np.broadcast_to(np.array([0, 51, 204, 255], "uint8")[None, :, None, None], (4000, 4, 1, 1))
    drawn = views.binarise(tf.constant(grey), tf.constant([0, 1])).numpy()
    assert drawn.dtype == np.uint8 and set(np.unique(drawn)) == {0, 255}
    white = (drawn == 255).mean(axis=(0, 2, 3))
    assert white[0] == 0 and white[3] == 1 and np.allclose(white[1:3], [0.2, 0.8], atol=4 * np.sqrt(0.16 / 4000))
