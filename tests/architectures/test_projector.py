import numpy as np
import pytest

from keras_ssl.architectures.projector import projector


@pytest.mark.parametrize("shape", [(5,), (None, None, 5)])
def test_a_projector_is_an_mlp_of_the_averaged_features(shape):
    head = projector(shape, [7, 3], norm=False)
    features = np.random.default_rng(0).normal(size=(4, 2, 3, 5)).astype("float32")
    vectors = features.mean(axis=(1, 2))
    w1, b1, w2, b2 = head.get_weights()
    right = np.maximum(vectors @ w1 + b1, 0) @ w2 + b2
    given = features if len(shape) == 3 else vectors
    np.testing.assert_allclose(head.predict(given, verbose=0), right, atol=1e-5)


def test_batch_norm_stands_where_it_is_asked_for():
    x = np.random.default_rng(0).normal(3, 2, (64, 5)).astype("float32")
    assert [w.shape for w in projector((5,), [7, 3]).trainable_weights] == [(5, 7), (7,), (7,), (7, 3), (3,)]
    last = projector((5,), [7, 3], last_norm=True)
    assert [w.shape for w in last.trainable_weights] == [(5, 7), (7,), (7,), (7, 3)]
    z = np.asarray(last(x, training=True))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=1e-2)
