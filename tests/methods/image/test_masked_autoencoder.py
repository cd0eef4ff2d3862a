"""The masked autoencoder, against loops in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, data, saving
from keras_ssl.errors import InputError
from keras_ssl.methods.image import masked_autoencoder as mae


def small(encoder="vit", shape=(None, None, 3), **options):
    if encoder == "vit":
        encoder = architectures.build("vit", shape, width=8, depth=1, heads=2)
    return mae.build(encoder, **{"width": 8, "heads": 2, **options})


def patches_of(images, side=4):
    """By loops: (N, H, W, C) -> (N, T, side, side, C)."""
    n, height, width, _ = images.shape
    corners = [(i, j) for i in range(0, height, side) for j in range(0, width, side)]
    return np.stack([images[:, i : i + side, j : j + side] for i, j in corners], axis=1)


def test_the_pretext_hides_exactly_three_quarters(photos):
    inputs, targets, weights = (x.numpy() for x in mae.pretext(tf.constant(photos), tf.constant([1, 2])))
    assert inputs.shape == photos.shape and targets.shape == (64, 64, 48) and weights.shape == (64, 64)
    hidden = (patches_of(inputs) == -1).all(axis=(2, 3, 4))
    assert (hidden.sum(axis=1) == 48).all()
    assert (inputs[inputs != -1] >= 0).all() and len(np.unique(hidden, axis=0)) == 64
    np.testing.assert_allclose(weights, hidden * 64 / 48)
    assert np.abs(hidden.mean(axis=0) - 0.75).max() < 0.25  # no place is preferred
    # What is visible is what the targets say of it, and the whole is a mirrored or shifted photo.
    pixels = np.rint(targets * 64 + 127.5)
    np.testing.assert_array_equal(patches_of(inputs).reshape(64, 64, 48)[~hidden], pixels[~hidden])
    assert pixels.min() >= 0 and pixels.max() <= 255
    other = mae.pretext(tf.constant(photos), tf.constant([1, 2]), share=0.5, patch=8)[2].numpy()
    assert other.shape == (64, 16) and ((other > 0).sum(axis=1) == 8).all()


def test_masks_of_one_seed_show_each_patch_once():
    masks = [mae.hidden_places(1, 5, 7, 0.75, [3, 0], turn).numpy() for turn in range(4)]
    assert all((~mask).sum() == 9 for mask in masks)  # 35 - round(26.25)
    assert (np.sum([~mask for mask in masks], axis=0) >= 1).all()
    assert not mae.hidden_places(1, 1, 1, 0.75, [3, 0]).numpy().any()  # something is always visible


def test_normalised_patches_by_numpy_and_back(photos):
    patches = patches_of(photos[:4]).reshape(4, 64, 48).astype("float32")
    mean, deviation = patches.mean(-1, keepdims=True), np.sqrt(patches.var(-1, keepdims=True) + 4)
    expected = np.concatenate([(patches - mean) / deviation, (mean - 127.5) / 64, deviation / 64], axis=-1)
    found = mae.values(tf.constant(patches), normalise=True)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(mae.pixels(found, normalise=True), patches, atol=1e-2)
    np.testing.assert_allclose(mae.pixels(mae.values(patches)), patches, atol=1e-3)


@pytest.mark.parametrize("normalise", [False, True])
def test_the_loss_is_on_hidden_patches_only(normalise, photos):
    model = small(normalise=normalise)
    model.compile("sgd", mae.LOSS)
    inputs, targets, weights = mae.pretext(tf.constant(photos[:8]), tf.constant([1, 2]), normalise=normalise)
    reported = model.evaluate(inputs, targets, sample_weight=weights, batch_size=8, verbose=0)
    hidden = (patches_of(inputs.numpy()) == -1).all(axis=(2, 3, 4))
    error = (np.asarray(model(inputs)) - targets.numpy()) ** 2
    assert reported == pytest.approx(error[hidden].mean(), rel=1e-4)
    assert abs(error.mean() / error[hidden].mean() - 1) > 1e-4


def test_nothing_hidden_reaches_the_model(photos):
    model = small()
    images = photos[:4].astype("float32")
    mask = model.mask(32, 32)
    assert mask.mean() == 0.75
    others = np.where(mask[..., None], photos[4:8], images)
    painted, of_others = model.predict(images), model.predict(others)
    np.testing.assert_array_equal(painted[:, mask], of_others[:, mask])
    np.testing.assert_array_equal(painted[:, ~mask], images[:, ~mask])
    assert painted.min() >= 0 and painted.max() <= 255 and painted.dtype == np.float32
    moved = np.where(mask[..., None], images, 255 - images)  # visible pixels do
    assert np.abs(model.predict(moved)[:, mask] - painted[:, mask]).max() > 0.1


def test_painting_learns_in_a_few_steps_and_ranks_shuffled_pictures_higher():
    ramp = np.linspace(0, 255, 32)
    rng = np.random.default_rng(0)
    images = np.stack([ramp[None, :, None] * rng.uniform(0.5, 1, 3) for _ in range(32)]).repeat(32, axis=1)
    model = small()
    model.compile(keras.optimizers.Adam(1e-2), mae.LOSS)
    before = model.energy(images).mean()
    batches = tf.data.Dataset.range(60).map(lambda i: mae.pretext(tf.constant(images), tf.stack([i, 0])))
    model.fit(batches, epochs=1, verbose=0)
    after = model.energy(images)
    assert after.mean() < 0.5 * before
    shuffled = mae._shuffled(images, 4)
    np.testing.assert_array_equal(np.sort(shuffled.reshape(32, -1)), np.sort(images.reshape(32, -1)))
    assert (model.energy(shuffled) > after).all()


def test_the_energy_by_numpy(photos):
    model = small()
    images = photos[:3].astype("float32")
    errors = []
    for turn in range(4):
        hidden = mae.hidden_places(1, 8, 8, 0.75, [0, 0], turn).numpy()
        seen = np.where(hidden.repeat(4, 1).repeat(4, 2)[..., None], -1, images)
        painted = np.clip(np.asarray(model(seen)) * 64 + 127.5, 0, 255)
        truth = patches_of(images).reshape(3, 64, 48)
        errors.append(np.mean((painted - truth)[:, hidden.ravel()] ** 2, axis=(1, 2)) / 255**2)
    np.testing.assert_allclose(model.energy(images), np.mean(errors, axis=0), rtol=1e-4)
    assert model.energy(photos[0]) == pytest.approx(model.energy(images)[0], rel=1e-5)


def test_other_sizes_and_other_masks(photos):
    model = small()
    for size in ((32, 32), (30, 17), (64, 40)):
        images = np.random.default_rng(0).integers(0, 256, (2, *size, 3)).astype("uint8")
        one, two = model.reconstruct(images, seed=1), model.reconstruct(images, seed=2)
        assert one.shape == images.shape and not np.array_equal(one, two)
        np.testing.assert_array_equal(one, model.reconstruct(images, seed=1))
        mask = model.mask(*size, seed=1)
        np.testing.assert_array_equal(one[:, ~mask], images[:, ~mask])
        assert (one[:, mask] != images[:, mask]).mean() > 0.5
    np.testing.assert_allclose(model.reconstruct(photos[5], seed=1), model.reconstruct(photos, seed=1)[5], atol=1e-2)
    np.testing.assert_allclose(model.predict(photos[5]), model.reconstruct(photos, seed=0)[5], atol=1e-2)


def test_an_encoder_without_tokens_sees_grey(tiny, photos):
    encoder = tiny()
    model = small(encoder)
    seen = np.where(model.mask(32, 32)[..., None], 127.5, photos[:2]).astype("float32")
    grey = keras.Model(model.input, model.get_layer("grey").output)
    hidden = np.where(model.mask(32, 32)[..., None], -1.0, photos[:2]).astype("float32")
    np.testing.assert_array_equal(grey(hidden), seen)
    np.testing.assert_allclose(architectures.encoder_of(model).predict(photos[:2]), encoder(photos[:2]), atol=1e-4)
    assert model.predict(photos[:2]).shape == (2, 32, 32, 3)
    flat = small(architectures.build("mlp", (32, 32, 3), widths=[6]))  # features instead of a map
    assert flat.predict(photos[:2]).shape == (2, 32, 32, 3)


def test_patches_of_another_size_are_refused():
    with pytest.raises(InputError, match="patch=4"):
        small(patch=8)


def test_verbs_of_normalised_patches_survive_saving(photos, tmp_path):
    model = small(normalise=True)
    model.save(tmp_path / "model.keras")
    reloaded = saving.open_keras_file(tmp_path / "model.keras")
    images = photos[:3].astype("float32")
    for ask in (lambda m: m.reconstruct(images, 3), lambda m: m.energy(images)):
        np.testing.assert_allclose(ask(reloaded), ask(model), atol=1e-4)
    encoder = architectures.encoder_of(reloaded)
    np.testing.assert_allclose(encoder.predict(images), model.get_layer("encoder")(images), atol=1e-4)


def test_figures_by_hand(photos):
    model = small()
    dataset = data.open({"train": (photos[:48], np.arange(48) % 2), "test": (photos[48:], np.arange(16) % 2)})
    figures = mae.measure(model, dataset)
    mask, test = model.mask(32, 32), photos[48:] / 255
    errors = figures["hidden_mse"]
    painted = model.predict(photos[48:]) / 255
    assert errors["value"] == pytest.approx(np.mean((painted - test)[:, mask] ** 2), rel=1e-4)
    guess = np.stack([image[~mask].mean(axis=0) for image in test])[:, None]
    assert errors["visible_mean"] == pytest.approx(np.mean((guess - test[:, mask]) ** 2), rel=1e-4)
    nearest = np.zeros_like(test)
    flags = mask[::4, ::4]
    for i, j in np.ndindex(8, 8):
        places = [(abs(i - a) ** 2 + abs(j - b) ** 2, a, b) for a, b in np.argwhere(~flags)]
        _, a, b = min(places)
        nearest[:, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4] = test[:, 4 * a : 4 * a + 4, 4 * b : 4 * b + 4]
    assert errors["nearest_patch"] == pytest.approx(np.mean((nearest - test)[:, mask] ** 2), rel=1e-4)
    assert 0 < errors["ridge"] < errors["visible_mean"]
    assert 0 <= figures["energy_auc"]["value"] <= 1 and figures["energy_auc"]["chance"] == 0.5


def test_rows_of_the_picture(photos):
    rows = mae.show(small(), photos[:4])
    assert [title for title, _, _ in rows] == ["images", "visible", "painted", "another mask"]
