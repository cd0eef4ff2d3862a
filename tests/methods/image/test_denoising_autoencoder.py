import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data, energies, saving
from keras_ssl.errors import InputError
from keras_ssl.methods.image import denoising_autoencoder as method

WIDTHS = (4, 4, 4, 4)
SEED = tf.constant([1, 2])


def small(tiny, **options):
    return method.build(tiny(), widths=WIDTHS, **options)


def mse(a, b):
    return np.mean((np.asarray(a, "float64") / 255 - np.asarray(b, "float64") / 255) ** 2)


def unsettled(model):
    """The same model with a last layer that isn't zero any more."""
    kernel = model.get_layer("residual").kernel
    kernel.assign(np.random.default_rng(0).normal(0, 0.05, kernel.shape))
    return model


def test_targets_are_images_and_inputs_the_same_spoilt(photos):
    inputs, targets = method.pretext(tf.constant(photos), SEED)
    kept = [np.array_equal(a, b) for a, b in zip(targets, photos, strict=True)]
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(targets, photos, strict=True)]
    assert np.all(np.logical_xor(kept, mirrored)) and any(kept) and any(mirrored)
    inner = (targets > 80) & (targets < 175)  # three deviations from where noise is cut off
    assert np.std((inputs - targets.numpy())[inner]) == pytest.approx(25.5, rel=0.02)


def test_masked_inputs_are_the_targets_where_nothing_is_hidden(photos):
    inputs, targets = map(np.asarray, method.pretext(tf.constant(photos), SEED, corruption="masking", strength=0.4))
    hidden = (inputs == 0).all(axis=-1)
    np.testing.assert_array_equal(inputs[~hidden], targets[~hidden])
    assert hidden.mean() == pytest.approx(0.4, abs=0.02)


def test_training_starts_at_the_input(tiny, photos):
    np.testing.assert_allclose(small(tiny).predict(photos), photos, atol=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (33, 17), (64, 48)])
def test_any_size_is_mended_within_the_range_of_pixels(size, tiny):
    model = unsettled(small(tiny))
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3)).astype("uint8")
    mended = model.denoise(images)
    assert mended.shape == images.shape and mended.min() >= 0 and mended.max() <= 255
    assert not np.allclose(mended, images, atol=1)
    assert model.denoise(images[0]).shape == (*size, 3)
    np.testing.assert_allclose(model.denoise(images[0]), mended[0], atol=1e-2)


def test_a_few_steps_take_noise_away(tiny, photos):
    model = method.build(tiny(widths=(8, 8, 8)), widths=(8, 8, 8, 8))
    model.compile(keras.optimizers.Adam(5e-3), method.LOSS, metrics=method.METRICS)
    inputs, targets = method.pretext(tf.constant(photos), SEED)
    for _ in range(45):
        model.train_on_batch(inputs, targets)
    noisy = model.corrupt(photos, seed=7)  # noise that it hasn't seen
    model = saving.plain_copy(model)
    model.compile(loss=method.LOSS)
    mended = np.clip(model(noisy, training=True), 0, 255)  # of this batch's statistics: the running ones lag behind
    assert mse(mended, photos) < 0.6 * mse(noisy, photos)


@keras.saving.register_keras_serializable("tests")
class Cubed(keras.regularizers.Regularizer):
    """Somebody's own Omega(z)."""

    def __call__(self, z):
        return 100 * keras.ops.sum(keras.ops.abs(z) ** 3)

    def get_config(self):
        return {}


@pytest.mark.parametrize(
    ("regularizer", "omega"),
    [
        (keras.regularizers.L1(1.0), lambda z: 1.0 * np.abs(z).sum()),
        ({"class_name": "L2", "config": {"l2": 1.0}}, lambda z: 1.0 * (z**2).sum()),
        (Cubed(), lambda z: 100 * (np.abs(z) ** 3).sum()),
    ],
)
def test_any_regularizer_of_the_code_joins_the_loss(regularizer, omega, tiny, photos, tmp_path):
    model = small(tiny, regularizer=regularizer)
    model.compile("sgd", method.LOSS, metrics=method.METRICS)
    noisy = model.corrupt(photos[:8])
    figures = model.evaluate(noisy, photos[:8], batch_size=8, verbose=0, return_dict=True)
    code = keras.tree.flatten(model.get_layer("encoder")(noisy))[-1]
    assert code.shape == (8, 4, 4, 4)
    right = np.mean([omega(z) for z in np.asarray(code, "float64")])  # of each image's code, the mean
    assert right > 1e-2
    assert figures["mse"] == pytest.approx(mse(noisy, photos[:8]), rel=1e-4)
    squares = np.sum((noisy / 255 - photos[:8] / 255) ** 2) / 8
    assert figures["loss"] == pytest.approx(squares + right, rel=1e-4)
    model.save(tmp_path / "m.keras")
    again = saving.open_keras_file(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(noisy), model.predict(noisy), atol=1e-3)


def test_what_is_no_regularizer_is_told(tiny):
    with pytest.raises(InputError, match="L1.*got 'l7'"):
        small(tiny, regularizer="l7")


def test_energy_is_the_squared_size_of_what_is_taken_away(tiny, photos):
    model = unsettled(small(tiny))
    mended = model.predict(photos[:5])
    right = [mse(a, b) for a, b in zip(photos[:5], mended, strict=True)]
    np.testing.assert_allclose(model.energy(photos[:5]), right, rtol=1e-3)
    assert np.shape(model.energy(photos[0])) == ()
    np.testing.assert_allclose(energies.energy(model, photos[0]), right[0], rtol=1e-3)


def test_corrupt_is_what_the_model_was_trained_on(tiny, photos):
    for kind, strength in (("gaussian", 0.2), ("masking", 0.5), ("salt_and_pepper", 0.3)):
        model = small(tiny, corruption=kind, strength=strength)
        once, again, other = (model.corrupt(photos, seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(once, again)
        assert (once != other).any()
        whole = method.Corruption(kind, strength).corrupt(photos, [1, 0])
        np.testing.assert_array_equal(once, whole)
        assert model.corrupt(photos[0]).shape == (32, 32, 3)


def test_figures_are_those_of_the_pixels(tiny):
    dataset = data.open("cifar10_sample")
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    dataset = data.open({"train": train[:60], "test": test[:110]})
    model = unsettled(small(tiny))
    figures = method.measure(model, dataset)
    assert figures == method.measure(model, dataset)
    noisy = np.concatenate([model.corrupt(test[:100], 0), model.corrupt(test[100:110], 1)])
    mended = model.predict(noisy)
    assert figures["mse"]["value"] == pytest.approx(mse(mended, test[:110]), rel=1e-3)
    assert figures["mse"]["noisy"] == pytest.approx(mse(noisy, test[:110]), rel=1e-4)
    assert 0.0015 < figures["mse"]["linear_filter"] < 0.004 < figures["mse"]["noisy"] < 0.01
    low, high = model.energy(test[:110]), model.energy(noisy)
    right = np.mean(low[:, None] < high[None])
    assert figures["energy_auc"]["value"] == pytest.approx(right, abs=1e-3)


def test_the_picture_shows_both_errors(tiny, photos):
    model = unsettled(small(tiny))
    rows = method.show(model, photos[:3])
    assert [row[0] for row in rows] == ["images", "spoilt", "mended"]
    for _, images, captions in rows[1:]:
        np.testing.assert_allclose(
            list(map(float, captions)), [mse(a, b) for a, b in zip(images, photos[:3], strict=True)], atol=6e-5
        )
