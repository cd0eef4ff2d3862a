import keras
import numpy as np

from keras_ssl import saving
from keras_ssl.layers import TiedDense


def test_both_ways_use_one_matrix(tmp_path):
    layer, rng = TiedDense(3), np.random.default_rng(0)
    inputs = keras.Input((5,))
    codes = layer(inputs)
    model = keras.Model(inputs, [codes, layer(codes, back=True)])
    w, b, c = (rng.normal(size=shape).astype("float32") for shape in ((5, 3), (3,), (5,)))
    layer.set_weights([w, b, c])
    x = rng.normal(size=(4, 5)).astype("float32")
    z = (x - c) @ w + b
    model.save(tmp_path / "tied.keras")
    for each in (model, saving.open_keras_file(tmp_path / "tied.keras")):
        assert len(each.weights) == 3
        forth, back = each.predict(x, verbose=0)
        np.testing.assert_allclose(forth, z, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(back, z @ w.T + c, rtol=1e-5, atol=1e-5)
