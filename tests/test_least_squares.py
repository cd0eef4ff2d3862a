import numpy as np
import pytest

from keras_ssl import data, least_squares


def rows_of(images, side):
    """Each pixel's surroundings, mirrored beyond the border, and a 1, by hand."""
    before, after = (side - 1) // 2, side // 2
    n, h, w, _ = images.shape
    padded = np.pad(images, [(0, 0), (before, after), (before, after), (0, 0)], mode="symmetric")
    return np.array(
        [[*padded[k, i : i + side, j : j + side].ravel(), 1] for k in range(n) for i in range(h) for j in range(w)]
    )


@pytest.mark.parametrize("side", [1, 2, 3])
def test_the_filter_is_that_of_numpys_lstsq(side):
    rng = np.random.default_rng(0)
    inputs, targets = rng.uniform(0, 255, (6, 7, 5, 2)), rng.uniform(0, 255, (6, 7, 5, 3))
    found = least_squares.fit([(inputs[:4], targets[:4]), (inputs[4:], targets[4:])], side)
    solution, *_ = np.linalg.lstsq(rows_of(inputs, side), targets.reshape(-1, 3), rcond=None)
    new = rng.uniform(0, 255, (2, 4, 9, 2))
    right = (rows_of(new, side) @ solution).reshape(2, 4, 9, 3)
    np.testing.assert_allclose(found(new), right, atol=1e-2)


def test_a_known_filter_is_found_again():
    images = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 1)).astype("float32")
    mirrored = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="symmetric")
    targets = 0.5 * images + 0.25 * (mirrored[:, :-2, 1:-1] + mirrored[:, 1:-1, 2:]) - 3  # above, and to the right
    np.testing.assert_allclose(least_squares.fit([(images, targets)], 3)(images), targets, atol=1e-2)


def test_grey_in_three_channels_has_a_filter_too(photos):
    grey = np.repeat(photos[:8].mean(axis=-1, keepdims=True), 3, axis=-1)
    noisy = grey + np.random.default_rng(0).normal(0, 20, (*grey.shape[:3], 1))
    three = np.asarray(least_squares.fit([(noisy, grey)], 3)(noisy))
    one = np.asarray(least_squares.fit([(noisy[..., :1], grey[..., :1])], 3)(noisy[..., :1]))
    np.testing.assert_allclose(three, np.repeat(one, 3, axis=-1), atol=0.1)


def test_examples_are_spread_over_the_training_images(monkeypatch):
    images = np.arange(300, dtype="uint16").astype("uint8")[:, None, None, None] * np.ones((1, 2, 2, 3), "uint8")
    dataset = data.open({"train": images, "test": images[:2]})
    assert sum(len(batch) for batch in least_squares.examples(dataset)) == 300
    monkeypatch.setattr(least_squares, "ENOUGH", 110)
    some = np.concatenate(list(least_squares.examples(dataset)))
    np.testing.assert_array_equal(some, images[::3])
