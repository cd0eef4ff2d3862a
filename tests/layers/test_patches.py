"""Patches and tokens, against loops and hand-made pictures."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl.layers import (
    GreyForHidden,
    HiddenPatches,
    MaskToken,
    Patches,
    Positions,
    TokensToMap,
    VisibleTokens,
)
from keras_ssl.layers.patches import from_patches, hide, pixels_of, to_patches


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype("float32")


@pytest.mark.parametrize(("height", "width"), [(8, 12), (7, 10), (3, 2), (1, 1)])
@pytest.mark.parametrize("known", [True, False])
def test_patches_are_cut_row_by_row_and_come_back_bit_for_bit(height, width, known):
    images = pictures(2, height, width, 3)
    shape = (2, height, width, 3) if known else (None, None, None, 3)
    cut = tf.function(lambda x: to_patches(x, 4), input_signature=[tf.TensorSpec(shape)])
    patches = cut(images).numpy()
    rows, columns = -(-height // 4), -(-width // 4)
    assert patches.shape == (2, rows, columns, 48)
    for i in range(rows):
        for j in range(columns):
            down = np.minimum(np.arange(4 * i, 4 * i + 4), height - 1)  # the last row again where there is none
            right = np.minimum(np.arange(4 * j, 4 * j + 4), width - 1)
            expected = images[:, down][:, :, right].reshape(2, 48)
            np.testing.assert_array_equal(patches[:, i, j], expected)
    np.testing.assert_array_equal(from_patches(patches, 4, height, width), images)
    assert Patches(4).compute_output_shape((None, height, width, 3)) == (None, rows, columns, 48)
    assert Patches(4).compute_output_shape((None, None, None, 3)) == (None, None, None, 48)


def test_hidden_patches_are_found_again():
    images = pictures(2, 6, 8, 3)
    images[0, :4, :4] = 0  # black isn't hidden
    hidden = np.array([[[0, 1], [1, 0]], [[0, 0], [1, 1]]], bool)
    covered = hide(tf.constant(images), hidden, 4).numpy()
    expected = images.copy()
    for n, i, j in np.argwhere(hidden):
        expected[n, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4] = -1
    np.testing.assert_array_equal(covered, expected)
    np.testing.assert_array_equal(pixels_of(hidden, 4, images)[..., 0], expected[..., 0] == -1)
    for dtype in ("float32", "mixed_bfloat16"):
        np.testing.assert_array_equal(tf.cast(HiddenPatches(4, dtype=dtype)(covered), bool)[..., 0], hidden)
    np.testing.assert_array_equal(GreyForHidden()(covered), np.where(expected == -1, 127.5, images))


def test_visible_tokens_go_out_and_come_back():
    maps = pictures(2, 2, 3, 5)
    patches = pictures(2, 2, 3, 12)
    hidden = np.array([[[1, 0, 1], [1, 0, 1]], [[0, 1, 1], [1, 1, 0]]], bool)
    patches[hidden] = -1
    tokens, places = VisibleTokens()([maps, patches])
    np.testing.assert_array_equal(places, [[1, 4], [0, 5]])
    np.testing.assert_array_equal(tokens, [[maps[0, 0, 1], maps[0, 1, 1]], [maps[1, 0, 0], maps[1, 1, 2]]])
    np.testing.assert_array_equal(TokensToMap()([tokens, places, maps]), np.where(hidden[..., None], 0, maps))
    tokens, places = VisibleTokens()([maps, np.abs(patches)])  # nothing hidden: all of them, in order
    np.testing.assert_array_equal(tokens, maps.reshape(2, 6, 5))
    np.testing.assert_array_equal(TokensToMap()([tokens, places, maps]), maps)


def test_a_mask_token_stands_where_something_is_hidden():
    layer, maps = MaskToken(), pictures(1, 1, 2, 3)
    hidden = np.array([[[[0.0], [1.0]]]], "float32")
    layer([maps, hidden])
    layer.token.assign([7.0, 8.0, 9.0])
    np.testing.assert_array_equal(layer([maps, hidden]), [[[maps[0, 0, 0], [7, 8, 9]]]])


def positions(rows, columns, channels=12):
    return Positions(grid=4)(np.zeros((1, rows, columns, channels), "float32")).numpy()[0]


def test_positions_by_hand():
    found = positions(4, 4)
    for i in range(4):
        for j in range(4):
            waves = []
            for place in (i, j):
                angles = [place * 0.01 ** (k / 3) for k in range(3)]
                waves += [*np.sin(angles), *np.cos(angles)]
            np.testing.assert_allclose(found[i, j], waves, atol=1e-6)
    assert len(np.unique(found.reshape(16, -1).round(4), axis=0)) == 16


def test_positions_of_other_sizes_lie_between():
    own, larger, flat = positions(4, 4), positions(8, 8), positions(4, 12)
    # Row 2 of 8 has its middle at 2.5 / 8 of the height: at row 0.75 of 4; every third of 12 columns lies on one of 4.
    np.testing.assert_allclose(larger[2, 0, 0], np.sin(0.75), atol=1e-6)
    np.testing.assert_allclose(flat[:, 1::3], own, atol=1e-5)
    # So near to linear interpolation as a sine of at least 2 pi places allows.
    resized = tf.image.resize(own[None], (8, 8))[0].numpy()
    assert np.abs(resized - larger)[1:-1, 1:-1].max() < 1 / 8
    assert positions(1, 7).shape == (1, 7, 12)
    half = Positions(grid=4, dtype="mixed_bfloat16")(np.zeros((1, 4, 4, 12)))
    assert half.dtype == tf.bfloat16 and np.abs(tf.cast(half, tf.float32)[0] - own).max() < 4e-3


def test_layers_of_patches_are_saved_with_their_settings(tmp_path):
    images = keras.Input((None, None, 3))
    patches = Patches(2)(images)
    tokens, places = VisibleTokens()([Positions(5)(patches), patches])
    maps = MaskToken()([TokensToMap()([tokens, places, patches]), HiddenPatches(2, 0.5, name="hidden")(images)])
    model = keras.Model(images, maps)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = pictures(2, 6, 4, 3)
    x[:, 2:4] = -1
    np.testing.assert_array_equal(again(x), model(x))
    assert again.get_layer("hidden").share == 0.5 and again.get_layer("hidden").side == 2
