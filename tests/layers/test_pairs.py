"""Patches folded into the batch and paired again, against NumPy."""

import keras
import numpy as np

from keras_ssl.layers import FoldPatches, PairWithFirst


def test_patches_keep_their_order():
    patches = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 1)).astype("float32")
    folded = np.asarray(FoldPatches()(patches))
    assert folded.shape == (6, 4, 5, 1)
    np.testing.assert_array_equal(folded[4], patches[1, 1])


def test_the_first_stands_beside_each_other_one():
    patches = np.zeros((2, 3, 4, 5, 1), "float32")
    features = np.arange(12, dtype="float32").reshape(6, 2)  # image 0: 0 1 | 2 3 | 4 5, image 1: 6 7 | 8 9 | 10 11
    pairs = np.asarray(PairWithFirst()([patches, features]))
    expected = [[[0, 1, 2, 3], [0, 1, 4, 5]], [[6, 7, 8, 9], [6, 7, 10, 11]]]
    np.testing.assert_array_equal(pairs, expected)


def test_the_number_of_patches_may_be_open():
    patches = keras.Input((None, 4, 4, 1))
    folded = FoldPatches()(patches)
    assert folded.shape == (None, 4, 4, 1)
    features = keras.layers.Flatten()(folded)
    model = keras.Model(patches, PairWithFirst()([patches, features]))
    assert model.output_shape == (None, None, 32)
    for k in (2, 5):
        assert model(np.zeros((3, k, 4, 4, 1), "float32")).shape == (3, k - 1, 32)
