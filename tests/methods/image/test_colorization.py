import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import colour, data
from keras_ssl.methods.image import colorization

SEED = tf.constant([1, 2])


@pytest.fixture(scope="module")
def model(tiny):
    keras.utils.set_random_seed(1)
    return colorization.build(tiny(colour="lightness"), width=4)


def test_the_palette_is_what_srgb_can_show():
    palette = colorization.palette()
    assert palette.dtype == np.float32 and len(np.unique(palette, axis=0)) == len(palette)
    np.testing.assert_array_equal(palette % colorization.STEP, 0)
    assert [0, 0] in palette.tolist() and np.abs(palette).max() <= 112
    corners = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]], "float32")
    for ab in np.asarray(colour.rgb_to_lab(corners))[:, 1:]:
        assert np.abs(palette - ab).max(axis=1).min() <= colorization.STEP / 2 + 0.1


def test_nearest_colour_is_that_of_trying_all():
    ab = np.random.default_rng(0).uniform(-120, 120, (3, 5, 4, 2)).astype("float32")
    found = colorization.nearest_colour(tf.constant(ab)).numpy()
    distances = ((ab[..., None, :] - colorization.palette()) ** 2).sum(axis=-1)
    assert found.shape == (3, 5, 4)
    np.testing.assert_allclose(
        np.take_along_axis(distances, found[..., None], axis=-1)[..., 0], distances.min(axis=-1), rtol=1e-4
    )


def test_rarity_has_mean_one_and_lifts_rare_colours():
    palette = colorization.palette().tolist()
    grey, red = palette.index([0, 0]), palette.index([64, 48])
    bins = tf.constant([[grey] * 90 + [red] * 10])
    weights = colorization.rarity(bins).numpy()[0]
    assert np.isclose(weights.mean(), 1, atol=1e-5)
    assert len(set(weights[:90])) == 1 and weights[-1] > 2 * weights[0]
    # By hand: the counts blurred by a Gaussian of one step, each bin's own share spread to the others.
    away = ((np.array(palette)[:, None] - np.array(palette)[None]) ** 2).sum(axis=-1)
    spread = np.exp(-away / (2 * colorization.STEP**2))
    spread /= spread.sum(axis=0)
    frequency = (90 * spread[:, grey] + 10 * spread[:, red]) / 100
    right = 1 / (0.5 * frequency + 0.5 / len(palette))
    assert np.isclose(weights[-1] / weights[0], right[red] / right[grey], rtol=1e-4)


def test_annealed_mean_lies_between_mean_and_mode():
    palette = colorization.palette()
    logits = np.full((3, len(palette)), -1e4, "float32")
    logits[0, 5] = 0  # certain: that colour
    logits[1, [5, 9]] = 0  # undecided: the middle
    logits[2, [5, 9]] = np.log([0.8, 0.2])  # the likelier one counts for more than its probability
    answer = np.asarray(colorization.annealed_mean(logits))
    np.testing.assert_allclose(answer[0], palette[5], atol=1e-3)
    np.testing.assert_allclose(answer[1], (palette[5] + palette[9]) / 2, atol=1e-3)
    share = 0.8 ** (1 / 0.38) / (0.8 ** (1 / 0.38) + 0.2 ** (1 / 0.38))
    np.testing.assert_allclose(answer[2], share * palette[5] + (1 - share) * palette[9], rtol=1e-4)
    assert 0.8 < share < 1


def test_pretext_is_the_colour_on_a_grid_a_quarter_the_size(photos):
    flat = np.zeros((2, 8, 8, 3), "uint8")
    flat[0] = [200, 40, 40]
    flat[1, :4] = [40, 40, 200]  # blue over grey: its own mirror image
    flat[1, 4:] = 100
    images, bins, weights = colorization.pretext(tf.constant(flat), SEED)
    grey = np.asarray(colour.rgb_to_lab(flat)) * np.array([1, 0, 0], "float32")
    np.testing.assert_allclose(colour.rgb_to_lab(images), grey, atol=0.05)
    assert images.dtype == tf.float32 and bins.shape == weights.shape == (2, 2, 2)
    ab = np.asarray(colour.rgb_to_lab(flat))[..., 1:]
    for k, i, j in np.ndindex(2, 2, 2):
        true = ab[k, 4 * i, 4 * j]
        nearest = ((colorization.palette() - true) ** 2).sum(axis=-1).argmin()
        assert bins[k, i, j] == nearest
    images, regressed = colorization.pretext(tf.constant(flat), SEED, loss="l2")
    np.testing.assert_allclose(regressed, ab[:, ::4, ::4] / 50, atol=1e-5)
    odd = colorization.pretext(tf.constant(photos[:2, :31, :18]), SEED)
    assert odd[1].shape == (2, 8, 5)


@pytest.mark.parametrize("size", [(32, 32), (31, 18), (90, 130), (9, 200)])
def test_any_size_comes_back_in_full_with_its_lightness(size, model):
    ramp = np.linspace(60, 200, size[0] * size[1]).reshape(1, *size).astype("float32")
    answer = model.predict(ramp)  # grey, without a channel axis
    assert answer.shape == (1, *size, 3) and answer.dtype == np.float32
    assert answer.min() >= 0 and answer.max() <= 255
    lightness = np.asarray(colour.lightness(answer))[..., 0]
    before = np.asarray(colour.lightness(np.repeat(ramp[..., None], 3, axis=-1)))[..., 0]
    inside = (answer.min(axis=-1) > 0.01) & (answer.max(axis=-1) < 254.99)  # not clipped to the gamut
    assert inside.mean() > 0.5
    np.testing.assert_allclose(lightness[inside], before[inside], atol=0.02)


def test_small_pictures_are_not_enlarged(model, photos):
    """The model answers for the picture's own 32 pixels: what it was trained on at any size, put back on lightness."""
    rgb = photos[:2].astype("float32")
    ab = colorization.annealed_mean(model(colorization.grey(rgb)))
    ab = tf.image.resize(ab, (32, 32), method="bicubic")
    right = colour.lab_to_rgb(tf.concat([colour.lightness(rgb), ab], axis=-1))
    np.testing.assert_allclose(model.predict(photos[:2]), right, atol=0.01)


def test_the_answer_does_not_depend_on_the_colour_that_goes_in(model, photos):
    rgb = photos[:3].astype("float32")
    grey = np.asarray(colour.lab_to_rgb(np.concatenate([colour.lightness(rgb), np.zeros((3, 32, 32, 2))], axis=-1)))
    np.testing.assert_allclose(model.predict(rgb), model.predict(grey), atol=2)
    rgba = np.concatenate([rgb, np.full((3, 32, 32, 1), 9)], axis=-1)
    np.testing.assert_array_equal(model.colorize(rgba), model.predict(rgb))
    np.testing.assert_allclose(model.colorize(rgb[0]), model.predict(rgb)[0], atol=1e-2)


def test_trained_parts_have_the_shapes_of_the_targets(model, tiny, photos):
    _, bins, _ = colorization.pretext(tf.constant(photos[:2]), SEED)
    assert model(photos[:2]).shape == (*bins.shape, len(colorization.palette()))
    l2 = colorization.build(tiny(), loss="l2", width=4)
    assert l2(photos[:2]).shape == (2, 8, 8, 2)
    assert l2.predict(photos[:2]).shape == (2, 32, 32, 3)


def test_regressed_colour_is_put_on_the_lightness(tiny):
    model = colorization.build(tiny(), loss="l2", width=4)
    layer = model.get_layer("ab")
    layer.set_weights([np.zeros(layer.kernel.shape), np.array([0.4, -0.2])])  # ab = (20, -10) everywhere
    answer = model.predict(np.full((40, 50), 120, "uint8"))
    lab = np.asarray(colour.rgb_to_lab(answer))
    np.testing.assert_allclose(lab[..., 1:], np.broadcast_to([20, -10], (40, 50, 2)), atol=0.05)
    np.testing.assert_allclose(lab[..., 0], colour.lightness(np.full((1, 3), 120))[0, 0], atol=0.02)


def test_an_encoder_without_block2(photos):
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(3, 3, strides=8, padding="same")(images)
    model = colorization.build(keras.Model(images, x, name="encoder"), width=4)
    for size in ((32, 32), (31, 18)):
        _, bins, _ = colorization.pretext(tf.constant(photos[:2, : size[0], : size[1]]), SEED)
        assert model(photos[:2, : size[0], : size[1]]).shape[:3] == bins.shape
    assert model.predict(photos[0]).shape == (32, 32, 3)


class Grey:
    def predict(self, images, **options):
        lightness = np.asarray(colour.lightness(images))
        return np.asarray(colour.lab_to_rgb(np.concatenate([lightness, 0 * lightness, 0 * lightness], axis=-1)))


def test_measure_of_grey_is_grey(photos):
    opened = data.open({"train": photos[:40].copy(), "test": photos[40:].copy()})
    found = colorization.measure(Grey(), opened)
    ab = np.asarray(colour.rgb_to_lab(photos[40:]))[..., 1:]
    assert np.isclose(found["ab_mse"]["grey"], (ab**2).mean(), rtol=1e-4)
    assert np.isclose(found["ab_mse"]["value"], found["ab_mse"]["grey"], rtol=1e-3)
    assert np.isclose(found["chroma"]["truth"], np.hypot(ab[..., 0], ab[..., 1]).mean(), rtol=1e-4)
    assert found["chroma_over_truth"]["value"] < 0.01
    assert np.isclose(found["ab_mse_over_grey"]["table"], found["ab_mse"]["table"] / found["ab_mse"]["grey"])


def test_the_table_knows_what_row_and_lightness_tell():
    """Blue above and red below, of one lightness each: the table gets them right."""
    images = np.zeros((4, 8, 8, 3), "uint8")
    images[:, :4], images[:, 4:] = [60, 60, 220], [200, 50, 50]
    found = colorization.measure(Grey(), data.open({"train": images, "test": images}))
    assert found["ab_mse"]["table"] < 1e-3 < found["ab_mse"]["grey"]


@pytest.mark.parametrize("loss", ["classification", "l2"])
def test_no_encoder_gets_to_see_colour(loss, tiny, photos):
    """Pictures of the same lightness and other colours look the same to training and give the same answer."""
    lab = np.array(colour.rgb_to_lab(photos[:4].astype("float32")))
    lab[..., 1:] *= 0.3  # paler, and so within sRGB
    pale, swapped = (np.asarray(colour.lab_to_rgb(lab * np.array([1, s, 1], "float32"))) for s in (1, -1))
    assert np.abs(pale - swapped).max() > 10
    first, second = (colorization.pretext(tf.constant(x), SEED, loss=loss)[0] for x in (pale, swapped))
    np.testing.assert_allclose(first, second, atol=0.7)
    sees_rgb = colorization.build(tiny(), loss=loss, width=4)
    ab = [np.asarray(colour.rgb_to_lab(sees_rgb.predict(x)))[..., 1:] for x in (pale, swapped)]
    np.testing.assert_allclose(*ab, atol=0.7)
