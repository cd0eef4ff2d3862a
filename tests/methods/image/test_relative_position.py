"""Relative position: patches of images whose pixels hold their own row and column show where they were cut."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from keras_ssl import data, saving, zoo
from keras_ssl.errors import InputError
from keras_ssl.methods.image import relative_position
from keras_ssl.methods.image.relative_position import GAP, JITTER, PATCH, PLACES

SEED = tf.constant([0, 1])


def coordinates(n=30, height=64, width=70):
    """Images (n, height, width, 3) whose pixels hold (row, column, number of the image)."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([np.stack([rows, columns, np.full_like(rows, i)], axis=-1) for i in range(n)]).astype("uint8")


def corners(patches):
    """(N, 9, 2): row and column where each patch was cut; checks that it is a whole piece of the right image."""
    patches = np.asarray(patches)
    corner = patches[:, :, 0, 0, :2].astype(int)
    side = patches.shape[2]
    rows, columns = np.mgrid[:side, :side]
    for i, nine in enumerate(patches):
        for patch, (top, left) in zip(nine, corner[i], strict=True):
            np.testing.assert_array_equal(patch[..., 0], top + rows)
            np.testing.assert_array_equal(patch[..., 1], left + columns)
            assert np.all(patch[..., 2] == i)
    return corner


@pytest.fixture
def model(tiny):
    return relative_position.build(tiny(), width=8)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3)).astype("uint8")


def test_without_a_seed_the_grid_is_regular_and_in_the_middle():
    found = corners(relative_position.grid(tf.constant(coordinates(2, 64, 80)), patch=16, gap=3, jitter=1))
    step, side = 19, 3 * 16 + 2 * 3
    top, left = (64 - side) // 2, (80 - side) // 2
    expected = {"middle": (1, 1)} | {
        f"{down} {right}".strip() or "middle": (i, j)
        for i, down in enumerate(("above", "", "below"))
        for j, right in enumerate(("left", "", "right"))
    }
    for k, place in enumerate(("middle", *PLACES)):
        i, j = expected[place]
        assert np.all(found[:, k] == (top + i * step, left + j * step)), place


def test_gap_and_jitter_keep_to_their_bounds():
    gap, jitter, patch = 4, 2, 16
    found = corners(relative_position.grid(tf.constant(coordinates(200)), SEED, patch, gap, jitter))
    by_place = {(1, 1): found[:, 0]}
    by_place |= {(i + 1, j + 1): found[:, k + 1] for k, (i, j) in enumerate(relative_position.STEPS)}
    gaps = []
    for i, j in by_place:
        for axis, neighbour in enumerate([(i + 1, j), (i, j + 1)]):
            if neighbour in by_place:
                distance = by_place[neighbour] - by_place[i, j]
                gaps.append(distance[:, axis] - patch)
                across = distance[:, 1 - axis]
                assert across.min() == -2 * jitter and across.max() == 2 * jitter
    assert np.min(gaps) == gap - 2 * jitter and np.max(gaps) == gap + 2 * jitter
    assert found.min() == 0
    assert found[..., 0].max() == 64 - patch and found[..., 1].max() == 70 - patch
    middle = found[:, 0] - patch - gap
    assert set(middle[:, 0]) == set(range(64 - 3 * patch - 2 * gap + 1))  # the grid lies anywhere


def test_all_patches_lie_alike_in_the_blocks_of_jpeg():
    found = corners(relative_position.grid(tf.constant(coordinates(250)), SEED, jitter=0))
    assert np.all(found % 16 == found[:, :1] % 16)  # 8 pixels of brightness, 16 of colour
    shares = np.bincount(found[:, 0, 0] % 8) / 250
    assert shares.min() > 0.05  # and anywhere in them, so that they don't tell where in the image it is


def test_patches_that_may_overlap_or_not_fit_are_refused():
    images = tf.zeros((1, 64, 64, 3))
    with pytest.raises(InputError, match="gap=4"):
        relative_position.grid(images, SEED, patch=8, gap=3, jitter=2)
    with pytest.raises(InputError, match="64x64.*size") as caught:
        relative_position.grid(images, SEED, patch=30)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="32x32"):
        relative_position.pretext(tf.zeros((1, 32, 32, 3)), SEED)


def test_each_label_is_the_place_of_the_second_patch_beside_the_first():
    images = tf.constant(coordinates())
    patches, places = relative_position.pretext(images, SEED, colours="keep")
    found = corners(relative_position.grid(images, SEED))
    assert patches.shape == (30, 9, PATCH, PATCH, 3) and places.shape == (30, 9, 9)
    for nine, labels in zip(found, places.numpy(), strict=True):
        for first, row in zip(nine, labels, strict=True):
            for second, label in zip(nine, row, strict=True):
                down, right = np.rint((second - first) / (PATCH + GAP)).astype(int)
                words = [{-1: "above", 0: "", 1: "below"}.get(down), {-1: "left", 0: "", 1: "right"}.get(right)]
                near = None not in words and words != ["", ""]
                assert near == (label >= 0)
                assert not near or PLACES[label] == " ".join(word for word in words if word)
    assert places.numpy()[0, 0].tolist() == [-1, *range(8)] and np.sum(places.numpy()[0] >= 0) == 40


def test_loss_and_accuracy_take_neighbours_alone():
    places = np.array([[[-1, 2], [5, -1]], [[-1, 0], [-1, -1]]], "int32")
    logits = np.random.default_rng(0).normal(size=(2, 2, 2, 8)).astype("float32")
    logits[0, 0, 1, 2], logits[0, 1, 0, 5], logits[1, 0, 1, 0] = 9, -9, 9
    np.testing.assert_allclose(relative_position.place_accuracy(places, logits), [0.5, 1.0])
    chances = log_softmax(logits, axis=-1)
    expected = -np.mean([chances[0, 0, 1, 2], chances[0, 1, 0, 5], chances[1, 0, 1, 0]])
    np.testing.assert_allclose(relative_position.LOSS(places, logits), expected, rtol=1e-5)


def test_relighting_draws_each_patch_s_level_and_contrast(images):
    patches = np.asarray(relative_position.grid(tf.constant(images * 0.2 + 100), SEED))
    relit = relative_position.relight(tf.constant(patches), SEED).numpy()
    assert relit.min() >= 0 and relit.max() <= 255  # nothing had to be clipped here
    levels = relit.mean(axis=(2, 3))
    assert levels.min() >= 64 and levels.max() <= 192 and levels.std() > 30  # uniform: 37
    assert np.abs(np.corrcoef(levels.ravel(), patches.mean(axis=(2, 3)).ravel())[0, 1]) < 0.3
    before, after = (each - each.mean(axis=(2, 3), keepdims=True) for each in (patches, relit))
    contrast = np.sum(before * after, axis=(2, 3, 4)) / np.sum(before**2, axis=(2, 3, 4))
    assert contrast.min() >= 0.6 and contrast.max() <= 1.4 and contrast.std() > 0.15
    np.testing.assert_allclose(after, before * contrast[..., None, None, None], atol=1e-3)
    bright = relative_position.relight(tf.constant(images[:, None] * 0 + 255), SEED)
    assert np.all(np.std(bright, axis=(2, 3)) < 0.1)


def test_dropping_leaves_one_channel_of_each_patch(images):
    patches = relative_position.grid(tf.constant(np.concatenate([images] * 8)), SEED).numpy()
    dropped = relative_position.drop_colours(patches, SEED).numpy()
    kept = np.stack([np.all(dropped == patches[..., c : c + 1], axis=(2, 3, 4)) for c in range(3)], axis=-1)
    assert np.all(kept.sum(axis=-1) == 1)  # each patch is one of its channels, three times
    assert np.all(np.abs(kept.mean(axis=(0, 1)) - 1 / 3) < 0.1)
    assert np.any(kept[:, 0] != kept[:, 1])  # an image's patches are drawn for each its own


def test_projection_takes_out_green_against_magenta(images):
    projected = relative_position.project_colours(images).numpy()
    axis = np.array([-1, 2, -1])
    np.testing.assert_allclose(projected @ axis, 0, atol=1e-3)
    away = images - projected  # along that axis alone: the nearest colour without it
    np.testing.assert_allclose(away, (images @ axis)[..., None] * axis / 6, atol=1e-3)
    grey = np.full((1, 2, 2, 3), 77, "uint8")
    np.testing.assert_allclose(relative_position.project_colours(grey), 77, rtol=1e-5)


def test_hues_are_turned_and_greys_stay():
    colours = np.array([[120, 120, 120], [140, 120, 100], [110, 150, 130], [100, 115, 160]], "float32")
    patches = np.tile(colours.reshape(1, 1, 2, 2, 3), (50, 9, 1, 1, 1))
    turned = relative_position.turn_colours(tf.constant(patches), SEED).numpy()
    np.testing.assert_allclose(turned.mean(axis=-1), patches.mean(axis=-1), rtol=1e-5)  # as light as before
    np.testing.assert_allclose(turned[..., 0, 0, :], 120, rtol=1e-5)
    plane = np.exp(2j * np.pi * np.arange(3) / 3)  # a colour as a complex number: its angle the hue, length the chroma
    by = ((turned @ plane) / (patches @ plane + 1e-9)).reshape(-1, 4)[:, 1:]
    np.testing.assert_allclose(by, np.tile(by[:, :1], 3), atol=1e-3)  # all colours of a patch alike
    assert np.abs(by).min() >= 0.199 and np.abs(by).max() <= 1.501 and np.abs(by).std() > 0.3
    assert np.abs((by / np.abs(by)).mean()) < 0.1  # angles all around


def test_each_image_is_dropped_or_turned(images):
    images = tf.constant(np.concatenate([images] * 10))
    mixed, *both = (relative_position.pretext(images, SEED, way)[0].numpy() for way in ("mixed", "drop", "turn"))
    ways = np.array([[np.array_equal(m, each) for each in pair] for m, *pair in zip(mixed, *both, strict=True)])
    assert np.all(ways.sum(axis=1) == 1) and 10 < ways[:, 0].sum() < 30


def test_an_unknown_way_with_colours_is_named(images):
    with pytest.raises(InputError, match="drop"):
        relative_position.pretext(tf.constant(images), SEED, colours="dropp")


def test_it_learns_where_a_patch_lies_from_what_it_shows(tiny):
    """Stripes of more contrast downwards in one channel and to the right in another: two patches show their places."""
    rows, columns = np.mgrid[:64, :64]
    stripes = [3 * 1.06**at * (-1.0) ** (at // 2) for at in (rows, columns)]
    images = np.tile(128 + np.stack([*stripes, 0 * stripes[0]], axis=-1), (16, 1, 1, 1)).clip(0, 255).astype("float32")
    model = relative_position.build(tiny(), width=16)
    model.compile(keras.optimizers.Adam(1e-2), relative_position.LOSS, metrics=relative_position.METRICS)
    steps = [relative_position.pretext(tf.constant(images), tf.constant([0, i]), colours="keep") for i in range(60)]
    batches = tf.data.Dataset.from_tensor_slices(tuple(map(tf.stack, zip(*steps, strict=True))))
    history = model.fit(batches, epochs=3, verbose=0).history
    assert history["place_accuracy"][-1] > 0.6


def test_a_pair_is_answered_as_within_the_grid(model, images):
    nine = relative_position.grid(tf.constant(images, tf.float32)).numpy()
    logits = model.predict(images)
    assert logits.shape == (4, 8, 8) and model.predict(images[0]).shape == (8, 8)
    for k in range(8):
        pair = model.relative_position(nine[:, 0], nine[:, k + 1])
        assert pair.shape == (4, 8)
        np.testing.assert_allclose(pair, logits[:, k], atol=1e-4)
    one = model.relative_position(nine[0, 0], nine[0, 1])
    np.testing.assert_allclose(one, logits[0, 0], atol=1e-4)
    assert np.abs(model.relative_position(nine[:, 1], nine[:, 0]) - logits[:, 0]).max() > 1e-3  # not symmetric


@pytest.mark.parametrize("shape", [(32, 32), (17, 90), (200, 64), (64, 64)])
def test_pictures_of_any_size_are_cut(shape, model):
    images = np.random.default_rng(0).integers(0, 256, (2, *shape, 3)).astype("uint8")
    assert model.predict(images).shape == (2, 8, 8)
    assert model.relative_position(images[:, :9, :12], images[:, -5:, -7:]).shape == (2, 8)


def test_pairs_of_unequal_number_are_refused(model, images):
    with pytest.raises(InputError, match="4 and 3"):
        model.relative_position(images, images[:3])


def test_verbs_survive_saving_and_the_encoder_takes_whole_images(model, images, tmp_path):
    zoo.save(model, "mine", folder=tmp_path)
    reloaded = saving.open_keras_file(tmp_path / "mine" / "model.keras")
    exported = tf.saved_model.load(tmp_path / "mine" / "saved_model")
    a, b = (images[:, i : i + 20, :20].astype("float32") for i in (0, 20))
    expected = model.relative_position(a, b)
    np.testing.assert_allclose(reloaded.relative_position(a, b), expected, atol=1e-4)
    np.testing.assert_allclose(exported.relative_position(a, b), expected, atol=1e-4)
    np.testing.assert_allclose(exported.serve_uint8(images), model.predict(images), atol=1e-4)
    assert model.get_layer("encoder").predict(images, verbose=0).shape == (4, 8, 8, 4)


class Always(keras.Model):
    """Answers the same place for every patch."""

    def call(self, patches, training=None):
        return tf.tile(tf.one_hot([[[3]]], 8), [tf.shape(patches)[0], 9, 9, 1])


def test_always_the_same_answer_is_right_by_chance(images):
    dataset = data.open({"train": images, "test": images})
    figures = relative_position.measure(Always(), dataset)
    assert all(figure == {"value": 0.125, "chance": 0.125} for figure in figures.values())


def test_show_puts_each_patch_at_one_place(model, images):
    rows = relative_position.show(model, images)
    assert [title for title, *_ in rows] == ["images", "cut up", "put together"]
    side = 3 * PATCH + 2 * GAP
    start = (64 - side) // 2
    whole = images[:, start : start + side, start : start + side]
    gaps = np.all(rows[1][1] == 255, axis=-1)
    np.testing.assert_array_equal(rows[1][1][~gaps], whole[~gaps])
    for before, after in zip(rows[1][1], rows[2][1], strict=True):
        np.testing.assert_array_equal(np.sort(before, axis=None), np.sort(after, axis=None))
    assert JITTER * 2 <= GAP
