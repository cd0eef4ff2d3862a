"""Patches folded into the batch and paired again, against NumPy."""

import keras
import numpy as np

from keras_ssl.layers import EveryPair, FoldPatches


def test_patches_keep_their_order():
    patches = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 1)).astype("float32")
    folded = np.asarray(FoldPatches()(patches))
    assert folded.shape == (6, 4, 5, 1)
    np.testing.assert_array_equal(folded[4], patches[1, 1])


def test_every_patch_meets_every_one():
    patches = np.zeros((2, 3, 4, 5, 1), "float32")
    first, second = np.random.default_rng(1).normal(size=(2, 6, 4)).astype("float32")
    pairs = np.asarray(EveryPair()([patches, first, second]))
    assert pairs.shape == (2, 3, 3, 4)
    for n in range(2):
        for i in range(3):
            for j in range(3):
                np.testing.assert_allclose(pairs[n, i, j], first[3 * n + i] + second[3 * n + j])


def test_the_number_of_patches_may_be_open():
    patches = keras.Input((None, 4, 4, 1))
    folded = FoldPatches()(patches)
    assert folded.shape == (None, 4, 4, 1)
    features = keras.layers.Flatten()(folded)
    model = keras.Model(patches, EveryPair()([patches, features, features]))
    assert model.output_shape == (None, None, None, 16)
    for k in (2, 5):
        assert model(np.zeros((3, k, 4, 4, 1), "float32")).shape == (3, k, k, 16)
