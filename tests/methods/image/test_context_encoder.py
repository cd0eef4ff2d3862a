"""The context encoder: pixels outside holes bit for bit, its losses written out, its figures against closed forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import checkpoints, data, distribution, holes, saving, zoo
from keras_ssl.errors import InputError
from keras_ssl.methods.image import context_encoder

RATE = 0.01
SEED = tf.constant([0, 1])


def small(tiny, loss="l2", **options):
    return context_encoder.build(tiny(), loss=loss, width=4, wide=4, **options)


@pytest.fixture
def model(tiny):
    return small(tiny)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype("uint8")


@pytest.fixture
def masks():
    """Any holes: two in one image, one at the edge, none at all, all of it."""
    masks = np.zeros((6, 16, 16), "uint8")
    masks[0, 2:5, 3:7] = masks[0, 10:15, 9:11] = masks[1, :4, :4] = masks[2, 15, 15] = 1
    masks[4] = 1
    masks[5] = np.random.default_rng(0).random((16, 16)) < 0.3
    return masks


def test_an_unknown_hole_is_named(tiny):
    with pytest.raises(InputError, match="blocks"):
        context_encoder.build(tiny(), hole="block")


@pytest.mark.parametrize("hole", holes.KINDS)
def test_the_weighted_loss_is_the_squared_error_in_the_hole(hole, images):
    (inputs, mask), targets, weights = context_encoder.pretext(tf.constant(images), SEED, hole=hole)
    np.testing.assert_array_equal(inputs, targets)
    same = [np.array_equal(a, b) for a, b in zip(inputs, images, strict=True)]
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(inputs, images, strict=True)]
    assert np.all(np.logical_xor(same, mirrored)) and any(same) and any(mirrored)
    guess = np.where(mask, np.random.default_rng(1).uniform(0, 255, images.shape), targets).astype("float32")
    loss = float(context_encoder.LOSS["l2"](targets, guess, sample_weight=weights))
    errors = [
        np.mean(((g - t) / 255)[m[..., 0] > 0] ** 2)
        for g, t, m in zip(guess, targets.numpy(), mask.numpy(), strict=True)
    ]
    assert loss == pytest.approx(np.mean(errors), rel=1e-4)


def test_pixels_outside_stay_bit_for_bit(model, images, masks):
    for given in (images, images.astype("float32") + np.float32(0.1), images + 1 / 3, images.astype("int32")):
        given = given.clip(0, 255).astype(given.dtype)
        filled = model.inpaint(given, masks)
        assert filled.dtype == given.dtype and filled.shape == given.shape
        np.testing.assert_array_equal(filled[masks == 0], given[masks == 0])
        assert (filled[masks == 1] != given[masks == 1]).mean() > 0.9
        assert filled.min() >= 0 and filled.max() <= 255
    one = model.inpaint(images[0], masks[0])
    assert one.shape == (16, 16, 3)
    np.testing.assert_array_equal(one[masks[0] == 0], images[0][masks[0] == 0])
    np.testing.assert_allclose(one, model.inpaint(images, masks)[0], atol=1)  # of rounding


def test_predict_fills_the_middle_alone(model, images):
    filled = model.predict(images)
    assert filled.dtype == np.float32
    middle = np.zeros((16, 16), bool)
    middle[4:12, 4:12] = True
    np.testing.assert_array_equal(filled[:, ~middle], images[:, ~middle])
    assert (filled[:, middle] != images[:, middle]).mean() > 0.9
    np.testing.assert_allclose(filled, model.inpaint(images.astype("float32"), middle), atol=1e-3)


def test_what_stands_in_the_hole_is_not_looked_at(model, images, masks):
    other = np.where(masks[..., None] == 1, 255 - images, images).astype("uint8")
    np.testing.assert_array_equal(model.inpaint(images, masks), model.inpaint(other, masks))


def test_masks_come_as_they_come(model, images, masks):
    expected = model.inpaint(images, masks)
    for same in (masks[..., None], masks.astype(bool), masks.astype("float64"), masks.tolist()):
        np.testing.assert_array_equal(model.inpaint(images, same), expected)
    for_all = model.inpaint(images, masks[0])
    for same in (masks[0][..., None], masks[:1]):
        np.testing.assert_array_equal(model.inpaint(images, same), for_all)
    np.testing.assert_allclose(model.inpaint(images[0], masks[:1]), expected[0], atol=1)
    grey = model.inpaint(images[..., 0], masks)
    assert grey.shape == images.shape
    np.testing.assert_array_equal(grey[masks == 0], np.repeat(images[..., :1], 3, axis=-1)[masks == 0])
    one_grey = model.inpaint(images[0, ..., 0], masks[0])
    np.testing.assert_allclose(one_grey, grey[0], atol=1)


@pytest.mark.parametrize(
    "mask, told",
    [
        (np.zeros((6, 8, 16)), "16, 16"),
        (np.zeros((5, 16, 16)), "6, 16, 16"),
        (np.full((16, 16), 255), "1 in the hole"),
        (np.full((16, 16), 0.5), "1 in the hole"),
        (np.zeros((16, 16, 3)), "16, 16"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask, told, model, images):
    with pytest.raises(InputError, match=told) as caught:
        model.inpaint(images, mask)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (17, 23), (40, 24)])
def test_any_size(shape, model):
    images = np.random.default_rng(0).integers(0, 256, (2, *shape, 3)).astype("uint8")
    mask = np.zeros(shape, bool)
    mask[shape[0] // 2 :, : shape[1] // 2 + 1] = True
    filled = model.inpaint(images, mask)
    assert filled.shape == images.shape
    np.testing.assert_array_equal(filled[:, ~mask], images[:, ~mask])
    assert model.predict(images).shape == images.shape


def test_the_hole_that_was_trained_is_the_one_predict_fills(tiny, images, tmp_path):
    zoo.save(small(tiny, hole="lower"), "lower", folder=tmp_path)
    model = saving.open_keras_file(tmp_path / "lower" / "model.keras")
    filled = model.predict(images)
    np.testing.assert_array_equal(filled[:, :8], images[:, :8])
    assert (filled[:, 8:] != images[:, 8:]).mean() > 0.9


def test_energy_is_the_error_in_the_hole(model, images):
    filled = model.predict(images)[:, 4:12, 4:12]
    expected = np.mean(((filled - images[:, 4:12, 4:12]) / 255) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(model.energy(images), expected, rtol=1e-4)
    assert model.energy(images[0]) == pytest.approx(expected[0], rel=1e-3)


def test_training_fills_what_can_be_known(tiny):
    """Images of one colour each, which the border tells, and a bright square that is always in the middle."""
    colours = np.random.default_rng(0).uniform(30, 200, (64, 1, 1, 3))
    images = np.broadcast_to(colours, (64, 16, 16, 3)).copy()
    images[:, 6:10, 6:10] += 50
    model = small(tiny)
    model.compile(keras.optimizers.Adam(1e-2), context_encoder.LOSS["l2"])
    pairs = context_encoder.pretext(tf.constant(images, tf.float32), SEED)
    model.fit(tf.data.Dataset.from_tensors(pairs).repeat(60), verbose=0)
    assert model.energy(images).mean() < 0.1 * (16 / 64) * (50 / 255) ** 2


@pytest.fixture
def batch(images):
    return context_encoder.pretext(tf.constant(images), SEED)


@pytest.mark.parametrize("loss", ["joint", "adversarial"])
def test_each_side_moves_by_its_own_loss_alone(loss, tiny, batch):
    model = small(tiny, loss)
    model.compile(keras.optimizers.SGD(RATE), context_encoder.LOSS[loss])
    (images, mask), *_ = batch
    critic = model.get_layer("discriminator")
    with tf.GradientTape(persistent=True) as tape:
        filled, fake = model([images, mask], training=True)
        real, fake = tf.sigmoid(critic(images)), tf.sigmoid(fake)
        scaled = images[:1] / 127.5 - 1
        with tf.GradientTape() as slope:
            slope.watch(scaled)
            score = tf.reduce_mean(critic((scaled + 1) * 127.5))
        penalty = context_encoder.PENALTY / 2 * tf.reduce_sum(slope.gradient(score, scaled) ** 2)
        critic_loss = -tf.reduce_mean(tf.math.log(real)) - tf.reduce_mean(tf.math.log(1 - fake))
        realism = -tf.reduce_mean(tf.math.log(fake))
        error = tf.reduce_mean(((filled - images)[:, 4:12, 4:12] / 255) ** 2)
        total = error + context_encoder.REALISM * realism if loss == "joint" else realism
        critics = critic_loss + penalty
    sides = model.players()
    assert sum(map(len, sides)) == len(model.trainable_variables)
    slopes = [tape.gradient(critics, sides[0]), tape.gradient(total, sides[1])]
    before = [[v.numpy() for v in side] for side in sides]
    result = model.train_step(batch)
    assert float(result["error"]) == pytest.approx(float(error), rel=1e-4)
    assert float(result["realism_loss"]) == pytest.approx(float(realism), rel=1e-4)
    assert float(result["critic_loss"]) == pytest.approx(float(critic_loss), rel=1e-4)
    for side, old, slope in zip(sides, before, slopes, strict=True):
        moved = [(v.numpy() - o) / -RATE for v, o in zip(side, old, strict=True)]
        size = max(np.abs(s).max() for s in slope)
        assert size > 0
        for m, s in zip(moved, slope, strict=True):
            np.testing.assert_allclose(m, s, atol=2e-3 * size)


def test_two_replicas_with_the_same_share_step_as_one(tiny, batch):
    start = small(tiny, "joint").get_weights()
    twice = keras.tree.map_structure(lambda x: tf.concat([x, x], axis=0), batch)
    ended = []
    for replicas, given in ((1, batch), (2, twice)):
        with distribution.strategy("mirrored" if replicas == 2 else "one", replicas).scope():
            model = small(tiny, "joint")
            model.set_weights(start)
            model.compile(keras.optimizers.SGD(RATE), context_encoder.LOSS["joint"])
        model.fit(tf.data.Dataset.from_tensors(given).repeat(3), verbose=0)
        ended.append(model.get_weights())
    for one, two in zip(*ended, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
    assert not np.allclose(ended[0][0], start[0], atol=1e-5)


def test_checkpoints_hold_both_optimizers(tiny, batch, tmp_path):
    models = [small(tiny, "joint"), small(tiny, "joint")]
    for model in models:
        model.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), context_encoder.LOSS["joint"])
        assert [o.beta_1 for o in checkpoints.optimizers(model)] == [0.5, 0.5]
    models[0].train_step(batch)
    checkpoints.save(models[0], tmp_path / "c.npz")
    checkpoints.restore(models[1], tmp_path / "c.npz")
    for model in models:
        assert [int(o.iterations) for o in checkpoints.optimizers(model)] == [1, 1]
        model.train_step(batch)
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_an_adversarial_model_has_the_same_verbs(tiny, images, masks, tmp_path):
    zoo.save(small(tiny, "adversarial"), "mine", folder=tmp_path)
    model = saving.open_keras_file(tmp_path / "mine" / "model.keras")
    exported = tf.saved_model.load(tmp_path / "mine" / "saved_model")
    floats = images.astype("float32")
    filled = model.inpaint(floats, masks)
    np.testing.assert_array_equal(filled[masks == 0], floats[masks == 0])
    np.testing.assert_allclose(exported.inpaint(floats, masks.astype("float32")), filled, atol=1e-2)
    np.testing.assert_allclose(exported.energy(floats), model.energy(images), rtol=1e-3)
    assert model.predict(images).shape == images.shape


def test_sharpness_of_a_hole_by_hand():
    hole = np.array([[0, 1, 1], [0, 1, 1], [0, 0, 0]], bool)
    content = np.array([[1, 4, 2, 8]], "float32")  # 1 4 over 2 8: steps of 3 and 6 across, 1 and 4 down
    assert context_encoder.roughness(content, hole) == 9 + 36 + 1 + 16


class Known:
    """A model that answers with the truth plus 10 in the hole."""

    def hole(self, shape):
        return holes.draw("centre", shape)

    def predict(self, images, batch_size=None):
        return self.inpaint(images, self.hole(images.shape).numpy())

    def inpaint(self, images, mask):
        return np.where(mask > 0, images + 10.0, images)

    def energy(self, images):
        return np.var(images.astype("float32"), axis=(1, 2, 3))


def test_figures_are_those_of_closed_forms(photos):
    rng = np.random.default_rng(0)
    train, test = photos[:40], rng.integers(0, 246, (8, 32, 32, 3)).astype("uint8")
    test[0] = train[7]  # whose nearest neighbour is known
    dataset = data.open({"train": (train, np.zeros(40, int)), "test": (test, np.zeros(8, int))})
    figures = context_encoder.measure(Known(), dataset)
    assert figures["mse_in_hole"]["value"] == pytest.approx((10 / 255) ** 2, rel=1e-4)
    assert figures["psnr_in_hole"]["value"] == pytest.approx(20 * np.log10(25.5), rel=1e-4)
    assert figures["psnr_in_blocks"]["value"] == pytest.approx(20 * np.log10(25.5), rel=1e-4)
    assert figures["psnr_in_blocks"]["border_mean"] < 20 * np.log10(25.5)
    assert figures["sharpness"]["value"] == pytest.approx(1, rel=1e-4) and figures["sharpness"]["border_mean"] == 0
    for who, gain in figures["psnr_over_border_mean"].items():
        assert gain == pytest.approx(figures["psnr_in_hole"][who] - figures["psnr_in_hole"]["border_mean"], abs=1e-4)
    truth = test[:, 8:24, 8:24].reshape(8, -1) / 255
    frame = np.ones((18, 18), bool)
    frame[1:-1, 1:-1] = False
    mean = test[:, 7:25, 7:25][:, frame].mean(axis=1) / 255
    error = np.mean((np.tile(mean, 256) - truth) ** 2)
    assert figures["mse_in_hole"]["border_mean"] == pytest.approx(error, rel=1e-4)
    ring = np.zeros((32, 32), bool)
    ring[4:28, 4:28] = True
    ring[8:24, 8:24] = False
    x, y, asked = (a.reshape(len(a), -1) / 255 for a in (train[:, ring], train[:, 8:24, 8:24], test[:, ring]))
    # Ridge regression through its dual: K (K + alpha I)^-1 of centred pixels.
    kernel = (x - x.mean(axis=0)) @ (x - x.mean(axis=0)).T + 1e-3 * 40 * np.eye(40)
    weights = np.linalg.solve(kernel, y - y.mean(axis=0))
    guess = ((asked - x.mean(axis=0)) @ (x - x.mean(axis=0)).T @ weights + y.mean(axis=0)).clip(0, 1)
    assert figures["mse_in_hole"]["ridge"] == pytest.approx(np.mean((guess - truth) ** 2), rel=1e-3)
    nearest = [y[np.argmin([np.sum((a - b) ** 2) for b in x])] for a in asked]
    assert np.array_equal(nearest[0], truth[0])
    assert figures["mse_in_hole"]["nearest_neighbour"] == pytest.approx(np.mean((nearest - truth) ** 2), rel=1e-4)


def test_show_gives_hole_filling_and_truth(model, images):
    rows = context_encoder.show(model, images)
    assert [title for title, *_ in rows] == ["hole", "filled", "true"]
    assert np.all(rows[0][1][:, 4:12, 4:12] == 128) and np.array_equal(rows[2][1], images)
