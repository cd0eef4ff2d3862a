"""What the joint-embedding methods share: pretext, verbs, figures, the warning of a collapse."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ssl
from keras_ssl import data, embeddings, energies, progress, views, zoo
from keras_ssl.errors import InputError
from keras_ssl.pair_losses import embedding_std


@pytest.fixture(scope="module")
def model():
    """Embeds a picture as its mean colour, turned into a vector from the middle of the cube."""
    images = keras.Input((None, None, 3))
    encoder = keras.Model(images, keras.layers.Rescaling(1 / 128, offset=-1)(images), name="encoder")
    model = embeddings.EmbeddingModel(images, embeddings.embedded(encoder, None, [3], norm=False), name="colours")
    model.get_layer("projector").get_layer("dense1").set_weights([np.eye(3), np.zeros(3)])
    return model


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_the_pretext_is_two_views_and_whose_they_are(photos):
    pairs, numbers = embeddings.pretext(tf.constant(photos[:6]), tf.constant([1, 2]))
    np.testing.assert_array_equal(pairs, views.two_views(photos[:6], tf.constant([1, 2])))
    np.testing.assert_array_equal(numbers, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])


def test_energy_is_the_distance_of_embeddings_of_unit_length(model, photos):
    a, b = photos[:5], photos[5:10, :20, ::2]
    right = [unit(x.mean(axis=(1, 2)) / 128 - 1) for x in (a, b)]
    np.testing.assert_allclose(model.embed(a), right[0], atol=1e-4)
    energy = model.energy(a, b)
    assert energy.dtype == np.float32 and energy.shape == (5,)
    np.testing.assert_allclose(energy, np.linalg.norm(right[0] - right[1], axis=-1), atol=1e-4)
    np.testing.assert_allclose(keras_ssl.energy(model, a[0], b[0]), energy[0], atol=1e-5)
    assert np.ndim(model.energy(a[0], b[0])) == 0 and model.embed(a[0]).shape == (3,)
    assert np.array_equal(model.energy(a, a), np.zeros(5))


def test_pictures_are_seen_at_the_scale_of_the_data(tiny, photos):
    z = embeddings.embedded(encoder := tiny(), (32, 32, 3), [8], norm=False)
    model = embeddings.EmbeddingModel(encoder.input, z, name="scaled")
    large = tf.image.resize(photos[:4].astype("float32"), (96, 96)).numpy()
    for same in (photos[:4], large, large[:, :, :40]):  # as trained; three times as large; narrow, enlarged again
        unscaled = model.get_layer("projector")(encoder(model.get_layer("size")(same)))
        np.testing.assert_allclose(model.predict(same), unscaled, atol=1e-4)
    difference = np.linalg.norm(model.embed(large) - model.embed(photos[:4]), axis=1)
    assert difference.max() < 0.5 * model.energy(photos[:4], photos[4:8]).min()


def test_energy_of_what_are_no_pairs_is_refused(model, photos):
    with pytest.raises(InputError, match="a batch of 5 and a batch of 4"):
        model.energy(photos[:5], photos[:4])
    with pytest.raises(InputError, match="one picture"):
        model.energy(photos[0], photos[:1])


def test_verbs_are_endpoints(model, photos, tmp_path):
    zoo.save(model, "mine", folder=tmp_path)
    exported = tf.saved_model.load(tmp_path / "mine" / "saved_model")
    a, b = photos[:4].astype("float32"), photos[4:8].astype("float32")
    np.testing.assert_allclose(exported.embed(a), model.embed(a), atol=1e-5)
    np.testing.assert_allclose(exported.energy(a, b[:, ::2]), model.energy(a, b[:, ::2]), atol=1e-5)
    np.testing.assert_allclose(exported.serve(a), model.predict(a), atol=1e-5)


def test_figures_are_those_of_the_views(model):
    dataset = data.open("cifar10_sample")
    images = dataset.arrays("test")[0][: embeddings.CHUNK]
    few = data.open({"train": (images[:10], np.arange(10)), "test": (images, np.arange(len(images)) % 10)})
    figures = embeddings.measure(model, few)
    pairs = views.two_views(images, tf.constant([0, 0])).numpy()
    z = unit(pairs.mean(axis=(1, 2)) / 128 - 1)
    near = [np.linalg.norm(z[2 * i] - z[2 * i + 1]) for i in range(len(images))]
    far = [np.linalg.norm(z[2 * i] - z[2 * i - 1]) for i in range(len(images))]
    assert figures["energy_auc"]["value"] == pytest.approx(energies.auc(near, far), abs=1e-3)
    assert 0.6 < figures["energy_auc"]["thumbnails"] < 0.85  # 0.72 on all of CIFAR-10's test images
    assert figures["embedding_std"]["value"] == pytest.approx(float(embedding_std(None, z)), abs=1e-4)


def test_the_picture_has_related_views_with_lower_energies(model, photos):
    rows = embeddings.show(model, photos[:6])
    assert [len(images) for _, images, _ in rows] == [6, 6, 6]
    np.testing.assert_array_equal(rows[2][1], np.roll(rows[1][1], 1, axis=0))
    assert rows[1][2] == [f"{e:.2f}" for e in model.energy(rows[0][1], rows[1][1])]


def test_a_collapse_is_named_once_each_time_it_happens(capsys):
    images = np.ones((32, 4), "float32")
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, use_bias=False)])
    network.compile(keras.optimizers.SGD(0.0), "mse", metrics=[embedding_std])
    network.fit(images, np.zeros((32, 8)), epochs=2, verbose=0, callbacks=[progress.WarnOfCollapse("mine")])
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and told.startswith("mine epoch 1: the embeddings have collapsed")
    network.fit(np.random.default_rng(0).normal(size=(32, 4)), np.zeros((32, 8)), verbose=0,
                callbacks=[warning := progress.WarnOfCollapse("mine")])  # fmt: skip
    assert capsys.readouterr().out == ""
    for epoch, spread in enumerate([0.5, 0.05, 0.04, 0.3, 0.01]):
        warning.on_epoch_end(epoch, {"embedding_std": spread})
    warning.on_epoch_end(9, {"loss": 1.0})
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["mine epoch 2", "mine epoch 5"]
