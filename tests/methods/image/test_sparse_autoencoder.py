"""The sparse autoencoder, against NumPy and against penalties in closed form."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, data, zoo
from keras_ssl.errors import InputError
from keras_ssl.methods.image import sparse_autoencoder

SHAPE = (6, 6, 1)


@keras.saving.register_keras_serializable("tests")
class Cubes(keras.regularizers.Regularizer):
    """A prior that Keras doesn't have."""

    def __call__(self, x):
        return keras.ops.sum(keras.ops.abs(x) ** 3)

    def get_config(self):
        return {}


def small(code=50, **options):
    return sparse_autoencoder.build(architectures.build("mlp", SHAPE, widths=[]), code=code, **options)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (40, *SHAPE)).astype("uint8")


def test_a_code_is_the_rectified_map_and_its_transpose_leads_back(images):
    model = small()
    tied = model.get_layer("encoder").get_layer("tied")
    for weight in (tied.bias, tied.centre):
        weight.assign(tf.random.stateless_normal(weight.shape, [1, 2]) / 5)
    w, b, c = (each.numpy() for each in (tied.kernel, tied.bias, tied.centre))
    x = images.reshape(40, -1) / 255
    codes = np.maximum((x - c) @ w + b, 0)
    rebuilt = (codes @ w.T + c).reshape(images.shape) * 255
    assert model.code == 50 and np.allclose(model.encode(images), codes, atol=1e-5)
    assert np.array_equal(model.encode(images) == 0, codes == 0) and 0.2 < np.mean(codes == 0) < 0.8
    assert np.allclose(model(images), rebuilt, atol=1e-2) and (rebuilt.min() < 0 or rebuilt.max() > 255)
    assert np.allclose(model.predict(images), rebuilt.clip(0, 255), atol=1e-2)
    assert np.allclose(model.decode(codes), rebuilt.clip(0, 255), atol=1e-2)
    assert np.allclose(model.energy(images), np.mean((rebuilt - images) ** 2, axis=(1, 2, 3)) / 255**2, rtol=1e-4)


PENALTIES = [
    (keras.regularizers.L1(0.3), lambda z: 0.3 * np.abs(z).sum()),
    ({"class_name": "L1", "config": {"l1": 0.3}}, lambda z: 0.3 * np.abs(z).sum()),
    ("l1", lambda z: 0.01 * np.abs(z).sum()),
    (keras.regularizers.serialize(keras.regularizers.L1L2(0.1, 0.2)), lambda z: (0.1 * z + 0.2 * z**2).sum()),
    (Cubes(), lambda z: (z**3).sum()),
    (keras.regularizers.serialize(Cubes()), lambda z: (z**3).sum()),
    (None, lambda z: 0),
]


@pytest.mark.parametrize(("regularizer", "penalty"), PENALTIES)
def test_the_loss_is_the_error_and_the_mean_penalty_of_a_code(regularizer, penalty, images):
    model = small(regularizer=regularizer)
    model.compile("sgd", sparse_autoencoder.LOSS, metrics=sparse_autoencoder.METRICS)
    found = model.evaluate(images, images, batch_size=40, verbose=0, return_dict=True)
    error = np.mean(model.energy(images))
    assert found["mse"] == pytest.approx(error, rel=1e-4)
    assert found["loss"] == pytest.approx(error + penalty(model.encode(images).astype("float64")) / 40, rel=1e-4)


def test_a_stronger_penalty_leaves_fewer_numbers(images):
    active = []
    for strength in (0, 3e-3, 3e-2):
        keras.utils.set_random_seed(0)
        model = small(regularizer=keras.regularizers.L1(strength))
        model.compile(keras.optimizers.Adam(1e-2), sparse_autoencoder.LOSS)
        model.fit(tf.data.Dataset.from_tensors((images, images)).repeat(), steps_per_epoch=200, verbose=0)
        active.append(np.mean(model.encode(images) > 0))
    assert active[0] > 1.5 * active[1] > 2 * active[2] > 0


def test_one_matrix_is_kept_and_it_stays_one(images, tmp_path):
    model = small(regularizer=Cubes())
    assert model.count_params() == 36 * 50 + 50 + 36
    zoo.save(model, "mine", folder=tmp_path)
    again = zoo.load(tmp_path / "mine" / "model.keras")
    assert np.allclose(again.predict(images), model.predict(images), atol=1e-3)
    again.compile(keras.optimizers.Adam(1e-2), sparse_autoencoder.LOSS)
    again.fit(images, images, verbose=0)
    assert again.count_params() == 36 * 50 + 50 + 36
    features = zoo.encoder(tmp_path / "mine" / "model.keras").predict(images)
    assert np.allclose(features, model.encode(images), atol=1e-5)


def test_features_of_another_length_get_a_map_to_pixels(images):
    encoder = architectures.build("mlp", SHAPE, widths=[10])
    model = sparse_autoencoder.build(encoder, code=20)
    features, codes = encoder.predict(images, verbose=0), model.encode(images)
    tied, out = model.get_layer("encoder").get_layer("tied"), model.get_layer("decoder").get_layer("logits")
    assert np.allclose(codes, np.maximum(features @ tied.kernel.numpy(), 0), atol=1e-4)
    rebuilt = codes @ tied.kernel.numpy().T @ out.kernel.numpy() * 255
    assert np.allclose(model(images), rebuilt.reshape(images.shape), atol=1e-1)


def test_what_is_no_regularizer_is_named():
    for wrong in ("l7", 0.1, {"class_name": "Nothing", "config": {}}, {"l1": 0.1}):
        with pytest.raises(InputError, match="regularizer is"):
            small(regularizer=wrong)


def test_measured_zeros_and_dead_units_are_counted():
    dataset = data.open("fashion_mnist_sample")
    model = sparse_autoencoder.build(architectures.build("mlp", (28, 28, 1), widths=[]), code=40)
    tied = model.get_layer("encoder").get_layer("tied")
    tied.bias.assign([-1e3] * 4 + [1e3] * 6 + [0] * 30)  # four never active, six always
    figures = sparse_autoencoder.measure(model, dataset)
    codes = model.encode(dataset.arrays("test")[0])
    assert figures["zeros"]["value"] == pytest.approx(np.mean(codes == 0))
    assert (
        figures["zeros"]["active_per_image"] == pytest.approx(np.sum(codes > 0) / len(codes)) and codes.shape[1] == 40
    )
    assert 0.1 <= figures["dead_units"]["value"] == np.mean(codes.max(axis=0) == 0) < 0.9
    assert 0 <= figures["probe_1_percent"]["value"] < figures["probe_1_percent"]["raw_pixels"] < 1
    assert figures["mse"]["components"] == 32
    rows = sparse_autoencoder.show(model, dataset.arrays("test", limit=4)[0])
    assert [len(pictures) for _, pictures, _ in rows] == [4, 4, 4] and len(rows[2][2]) == 4
