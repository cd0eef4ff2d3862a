"""The Fréchet distance, against closed forms and SciPy's square root of a matrix."""

import numpy as np
import pytest
import scipy.linalg

from keras_ssl import data, frechet, zoo
from keras_ssl.errors import InputError
from keras_ssl.methods.image import supervised


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_gaussians_with_independent_coordinates(rng):
    (m, m2), (s, s2) = rng.normal(size=(2, 6)), rng.uniform(0.1, 3, (2, 6))
    right = np.sum((m - m2) ** 2) + np.sum((s - s2) ** 2)  # each coordinate by itself
    assert frechet.between_gaussians(m, np.diag(s**2), m2, np.diag(s2**2)) == pytest.approx(right, rel=1e-10)


def test_gaussians_in_general_position(rng):
    c, c2 = (a @ a.T for a in rng.normal(size=(2, 5, 5)))
    right = np.trace(c + c2 - 2 * scipy.linalg.sqrtm(c @ c2).real)
    assert frechet.between_gaussians(np.zeros(5), c, np.zeros(5), c2) == pytest.approx(right, rel=1e-8)


def test_singular_covariances(rng):
    a = rng.normal(size=(30, 4))  # rank 4
    flat, none = a @ a.T, np.zeros((30, 30))
    assert frechet.between_gaussians(np.zeros(30), flat, np.zeros(30), flat) == pytest.approx(0, abs=1e-9)
    assert frechet.between_gaussians(np.zeros(30), flat, np.zeros(30), none) == pytest.approx(np.trace(flat))


def test_features(rng):
    a, b = rng.normal(size=(500, 8)), rng.normal(1, 2, size=(300, 8)) @ rng.normal(size=(8, 8))
    distance = frechet.distance(a, b)
    turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    assert frechet.distance(a, a[::-1]) == pytest.approx(0, abs=1e-9)
    assert frechet.distance(a, a + 3) == pytest.approx(8 * 9)
    assert frechet.distance(b, a) == pytest.approx(distance)
    assert frechet.distance(a @ turn + 5, b @ turn + 5) == pytest.approx(distance)
    assert frechet.distance(3 * a, 3 * b) == pytest.approx(9 * distance)
    assert frechet.distance(a.astype("float32"), b) == pytest.approx(distance, rel=1e-4)


def test_fewer_features_than_dimensions(rng):
    few = rng.normal(size=(3, 50))
    assert frechet.distance(few, few) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("shapes", [((5, 3), (5, 4)), ((5,), (5,)), ((1, 3), (5, 3)), ((2, 2, 2), (2, 2, 2))])
def test_what_are_not_features_is_refused(shapes):
    with pytest.raises(InputError, match="features"):
        frechet.distance(*map(np.zeros, shapes))


def test_the_gaussian_has_the_moments_of_the_first_components(rng):
    flat = rng.normal(size=(4000, 3)) * [20, 10, 1] @ np.linalg.qr(rng.normal(size=(12, 3)))[0].T + 128
    images = flat.reshape(-1, 2, 2, 3).clip(0, 255)
    drawn = frechet.pca_gaussian(images, 5000, components=2).reshape(5000, -1)
    assert np.allclose(drawn.mean(axis=0), flat.mean(axis=0), atol=1)
    assert np.allclose(
        np.sort(np.linalg.eigvalsh(np.cov(drawn, rowvar=False)))[-3:], [0, 100, 400], rtol=0.1, atol=1e-3
    )
    assert np.array_equal(drawn[:100], frechet.pca_gaussian(images, 100, components=2).reshape(100, -1))


def test_the_gaussian_of_few_images():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1)).astype("uint8")
    drawn = frechet.pca_gaussian(images, 7)
    assert drawn.shape == (7, 4, 4, 1) and drawn.min() >= 0 and drawn.max() <= 255


def test_samples_are_judged_by_an_entry_of_the_zoo(own_zoo, tiny):
    zoo.save(supervised.build(tiny()), "judge")
    photos = data.open("cifar10_sample")
    (train, _), (test, _) = photos.arrays("train", limit=60), photos.arrays("test", limit=40)
    train, test = train[:, :8, :8], test[:, :8, :8]
    dataset = data.open({"train": train, "test": test})
    found = frechet.of_samples(lambda n: test[:n], dataset, judge="judge")
    assert found["frechet"]["value"] == pytest.approx(0, abs=1e-6)
    assert 0 < found["frechet"]["train_images"] < found["frechet"]["pca64_gaussian"]
    shares = np.bincount(zoo.load("judge").predict(test).argmax(-1), minlength=10) / 40
    assert found["smallest_class_share"] == {"value": shares.min(), "even": 0.1}
