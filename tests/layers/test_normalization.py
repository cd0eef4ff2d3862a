import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl.layers import BatchNormalization, BatchSpread, LayerNormalization


def pair(shape, **options):
    """Our layer and Keras's with the same random weights."""
    layers = [kind(momentum=0.9, **options) for kind in (BatchNormalization, keras.layers.BatchNormalization)]
    rng = np.random.default_rng(0)
    for layer in layers:
        layer.build(shape)
    values = [rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in layers[0].get_weights()]
    for layer in layers:
        layer.set_weights(values)
    return layers


def step(layer, x, **options):
    """Output, gradients and weights after one step of training."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True, **options)
        loss = tf.reduce_sum(tf.cast(y, "float32") ** 3)
    gradients = tape.gradient(loss, [x, *layer.trainable_variables])
    return [np.asarray(tf.cast(v, "float32")) for v in (y, *gradients, *layer.weights)]


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (1, 2, 1, 2)])
def test_batch_norm_trains_as_keras_does(shape):
    x = tf.constant(np.random.default_rng(1).normal(3, 2, shape), tf.float32)
    for mine, keras_own in zip(*(step(layer, x) for layer in pair(shape)), strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=2e-4, atol=2e-3)


def test_batch_norm_takes_the_fused_kernel_in_training_only():
    layer, _ = pair((6, 5, 4, 3))
    x = tf.zeros((6, 5, 4, 3))

    def kernels(training):
        graph = tf.function(lambda x: layer(x, training=training)).get_concrete_function(x).graph
        return [op.type for op in graph.get_operations() if op.type.startswith("FusedBatchNorm")]

    assert len(kernels(training=True)) == 1 and kernels(training=False) == []


def test_batch_norm_by_hand():
    layer, _ = pair((4, 2, 2, 1))
    layer.set_weights(np.array([[2.0], [1.0], [0.0], [1.0]]))  # gamma, beta, moving mean, moving variance
    x = np.arange(16, dtype="float32").reshape(4, 2, 2, 1)  # mean 7.5, variance (16² - 1) / 12 = 21.25
    y = layer(x, training=True)
    np.testing.assert_allclose(y, 2 * (x - 7.5) / np.sqrt(21.25 + 1e-3) + 1, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, [0.75], rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, [0.9 + 0.1 * 21.25], rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "options", "call"),
    [
        ((6, 4, 4, 3), {"scale": False}, {}),
        ((6, 4, 4, 3), {"center": False}, {}),
        ((6, 4, 4, 3), {"axis": 1}, {}),
        ((6, 3), {}, {}),
        ((6, 5, 3), {}, {"mask": np.array([[1, 1, 0, 1, 0]] * 6, bool)}),
        ((6, 4, 4, 3), {"trainable": False}, {}),
    ],
)
def test_batch_norm_falls_back_where_the_kernel_does_not_apply(shape, options, call):
    x = tf.constant(np.random.default_rng(1).normal(3, 2, shape), tf.float32)
    for mine, keras_own in zip(*(step(layer, x, **call) for layer in pair(shape, **options)), strict=True):
        np.testing.assert_array_equal(mine, keras_own)


def test_batch_norm_in_half_precision_keeps_float32_statistics():
    layers = pair((6, 4, 4, 3), dtype="mixed_bfloat16")
    x = tf.cast(np.random.default_rng(1).normal(3, 2, (6, 4, 4, 3)), tf.bfloat16)
    (y, *_), (y_keras, *_) = (step(layer, x) for layer in layers)
    np.testing.assert_allclose(y, y_keras, rtol=0.02, atol=0.02)
    for mine, keras_own in zip(layers[0].weights, layers[1].weights, strict=True):
        assert mine.dtype == "float32"
        np.testing.assert_allclose(mine, keras_own, rtol=1e-4)
    assert layers[0](x, training=True).dtype == tf.bfloat16


def test_batch_spread_is_the_mean_deviation_over_the_batch():
    x = np.random.default_rng(0).normal(3, 2, (6, 4, 5, 3)).astype("float32")
    layer = BatchSpread(momentum=0.9)
    seen = layer(x, training=True).numpy()
    np.testing.assert_array_equal(seen[..., :3], x)
    np.testing.assert_allclose(seen[..., 3], x.std(axis=0).mean(), rtol=1e-5)
    average = 0.9 * 1 + 0.1 * x.std(axis=0).mean()
    np.testing.assert_allclose(layer(x[:1]).numpy()[..., 3], average, rtol=1e-5)
    alike = tf.Variable(np.repeat(x[:1], 6, axis=0))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(layer(alike, training=True))
    assert np.isfinite(tape.gradient(y, alike)).all()


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"axis": 1}, {"dtype": "mixed_bfloat16"}])
def test_layer_norm_trains_as_keras_does(options):
    x = tf.constant(np.random.default_rng(1).normal(3, 2, (6, 5, 4)), tf.float32)
    rng = np.random.default_rng(0)
    mine, keras_own = (kind(epsilon=1e-6, **options) for kind in (LayerNormalization, keras.layers.LayerNormalization))
    for layer in (mine, keras_own):
        layer.build(x.shape)
    values = [rng.normal(1, 0.5, w.shape) for w in mine.weights]
    found = []
    for layer in (mine, keras_own):
        layer.set_weights(values)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.cast(y, "float32") ** 3)
        found.append([y, *tape.gradient(loss, [x, *layer.trainable_variables])])
    tolerance = 0.1 if "dtype" in options else 1e-3
    for a, b in zip(*found, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(tf.cast(a, "float32"), tf.cast(b, "float32"), rtol=tolerance, atol=tolerance)


def test_layer_norm_by_hand():
    layer = LayerNormalization(epsilon=0.0)
    y = layer(np.array([[1.0, 3.0], [10.0, 4.0]], "float32"))
    np.testing.assert_allclose(y, [[-1, 1], [1, -1]], rtol=1e-6)
