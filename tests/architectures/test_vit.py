"""The vision transformer, against one written in NumPy."""

import keras
import numpy as np
import pytest
from scipy.special import erf

from keras_ssl import architectures, methods
from keras_ssl.errors import InputError


def small(shape=(None, None, 3), **options):
    return architectures.build("vit", shape, **{"width": 8, "depth": 2, "heads": 2, **options})


def norm(x, gamma, beta):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * gamma + beta


def by_numpy(encoder, tokens):
    """Tokens (T, C) as they leave "positions", through the blocks and the last normalisation."""

    def weights(name):
        return [w.numpy().astype("float64") for w in encoder.get_layer(name).weights]

    def attention(x, name, heads=2):
        kernel, bias, out, out_bias = weights(name)
        q, k, v = (part.reshape(len(x), heads, -1) for part in np.split(x @ kernel + bias, 3, axis=1))
        scores = np.exp(np.einsum("thd,shd->hts", q, k) / np.sqrt(q.shape[-1]))
        answers = np.einsum("hts,shd->thd", scores / scores.sum(-1, keepdims=True), v)
        return answers.reshape(len(x), -1) @ out + out_bias

    def dense(x, name):
        kernel, bias = weights(name)
        return x @ kernel + bias

    x = tokens.astype("float64")
    for block in ("block1", "block2"):
        x = x + attention(norm(x, *weights(f"{block}a_norm")), f"{block}a_attention")
        y = dense(norm(x, *weights(f"{block}_norm")), f"{block}_wide")
        x = x + dense(y * (1 + erf(y / np.sqrt(2))) / 2, f"{block}_narrow")
    return norm(x, *weights("norm"))


@pytest.fixture
def trained_like():
    """A small encoder all of whose weights are random, biases and scales too."""
    encoder = small()
    rng = np.random.default_rng(0)
    encoder.set_weights([w + rng.normal(0, 0.2, w.shape) for w in encoder.get_weights()])
    return encoder


def stem_of(encoder, images):
    return keras.Model(encoder.input, encoder.get_layer("positions").output)(images).numpy()


def test_a_whole_picture_by_numpy(trained_like, photos):
    images = photos[:2, :12, :8].astype("float32")
    features = trained_like(images).numpy()
    assert features.shape == (2, 3, 2, 8)
    for stem, found in zip(stem_of(trained_like, images), features, strict=True):
        np.testing.assert_allclose(found.reshape(6, 8), by_numpy(trained_like, stem.reshape(6, 8)), atol=1e-4)


def test_hidden_patches_are_left_out(trained_like, photos):
    images = photos[:2, :12, :8].astype("float32")
    seen = [[0, 3], [2, 5]]
    covered = images.copy()
    for n in range(2):
        for t in set(range(6)) - set(seen[n]):
            covered[n, t // 2 * 4 : t // 2 * 4 + 4, t % 2 * 4 : t % 2 * 4 + 4] = -1
    features = trained_like(covered).numpy().reshape(2, 6, 8)
    tokens = keras.Model(trained_like.input, trained_like.get_layer("block1").output)(covered)
    assert tokens.shape == (2, 2, 8)  # what the blocks work on
    for n, stem in enumerate(stem_of(trained_like, images).reshape(2, 6, 8)):  # of the uncovered picture
        np.testing.assert_allclose(features[n, seen[n]], by_numpy(trained_like, stem[seen[n]]), atol=1e-4)
        assert not features[n, list(set(range(6)) - set(seen[n]))].any()


@pytest.mark.parametrize("size", [(32, 32), (33, 18), (64, 40), (3, 2)])
def test_any_size(size):
    encoder = small()
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3)).astype("uint8")
    features = encoder(images)
    assert features.shape == (2, -(-size[0] // 4), -(-size[1] // 4), 8) and np.isfinite(features).all()
    fixed = small((*size, 3))
    assert fixed.output_shape == (None, *features.shape[1:])
    fixed.set_weights(encoder.get_weights())
    np.testing.assert_allclose(fixed(images), features, atol=1e-5)


@pytest.mark.parametrize("method", ["colorization", "context_encoder", "denoising_autoencoder", "relative_position"])
def test_methods_with_skips_take_it(method, photos):
    module = methods.get(f"image.{method}")
    model = module.build(small())
    assert np.isfinite(model.predict(photos[:2])).all()


def test_blocks_and_refused_sizes():
    from keras_ssl.transfer import blocks

    assert blocks(small()) == ["block1a", "block1", "block2a", "block2"]
    with pytest.raises(InputError, match="multiple"):
        small(width=10, heads=4)
    with pytest.raises(InputError, match="2 pixels"):
        small(patch=1)
