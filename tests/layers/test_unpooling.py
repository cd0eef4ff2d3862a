import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import saving
from keras_ssl.layers import BedOfNails, CropLike, MaxPoolingWithPositions, MaxUnpooling

RNG = np.random.default_rng(0)
LARGE = [[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]]
SMALL = [[1, 2], [3, 4]]


def as_map(rows):
    return np.array(rows, "float32")[None, :, :, None]


def rows_of(maps):
    return np.asarray(maps)[0, :, :, 0].tolist()


def test_max_pooling_remembers_where():
    pooled, positions = MaxPoolingWithPositions()(as_map(LARGE))
    assert rows_of(pooled) == [[5, 6], [7, 8]]
    assert rows_of(positions) == [[3, 0], [2, 3]]


def test_max_unpooling_puts_values_back_there():
    _, positions = MaxPoolingWithPositions()(as_map(LARGE))
    assert rows_of(MaxUnpooling()([as_map(SMALL), positions])) == [
        [0, 0, 2, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
        [3, 0, 0, 4],
    ]


def test_a_bed_of_nails():
    assert rows_of(BedOfNails()(as_map(SMALL))) == [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]


def loops(maps):
    """(pooled, {(n, i, j, c): (row, column) of the maximum}) by loops."""
    n, height, width, channels = maps.shape
    pooled, where = np.zeros((n, -(-height // 2), -(-width // 2), channels), "float32"), {}
    for place in np.ndindex(pooled.shape):
        k, i, j, c = place
        window = maps[k, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c]
        row, column = np.unravel_index(window.argmax(), window.shape)
        pooled[place], where[place] = window.max(), (2 * i + row, 2 * j + column)
    return pooled, where


@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 1), (7, 2)])
def test_any_size_and_channel_is_that_of_loops(size):
    maps = RNG.normal(-5, 1, (2, *size, 3)).astype("float32")  # below 0: what is padded mustn't win
    right, where = loops(maps)
    pooled, positions = MaxPoolingWithPositions()(maps)
    np.testing.assert_array_equal(pooled, right)
    values = RNG.normal(size=right.shape).astype("float32")
    unpooled = np.zeros((2, 2 * right.shape[1], 2 * right.shape[2], 3), "float32")
    for (n, i, j, c), (row, column) in where.items():
        unpooled[n, row, column, c] = values[n, i, j, c]
    answer = MaxUnpooling()([values, positions])
    np.testing.assert_array_equal(answer, unpooled)
    np.testing.assert_array_equal(CropLike()([answer, maps]), unpooled[:, : size[0], : size[1]])


def test_gradients_are_those_written_by_hand():
    """Of pooling, each window's goes to its maximum; of unpooling, each value's is that of the place it was put at."""
    maps = tf.constant(RNG.normal(size=(2, 5, 4, 3)).astype("float32"))
    pooled, where = loops(maps.numpy())
    values = tf.constant(RNG.normal(size=pooled.shape).astype("float32"))
    into_pooled = RNG.normal(size=pooled.shape).astype("float32")
    into_large = RNG.normal(size=(2, 6, 4, 3)).astype("float32")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([maps, values])
        answer, positions = MaxPoolingWithPositions()(maps)
        first = tf.reduce_sum(answer * into_pooled)
        second = tf.reduce_sum(MaxUnpooling()([values, positions]) * into_large)
    of_maps, of_values = np.zeros(maps.shape, "float32"), np.zeros(pooled.shape, "float32")
    for (n, i, j, c), (row, column) in where.items():
        of_maps[n, row, column, c] = into_pooled[n, i, j, c]
        of_values[n, i, j, c] = into_large[n, row, column, c]
    np.testing.assert_allclose(tape.gradient(first, maps), of_maps, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(second, values), of_values, rtol=1e-6)
    assert tape.gradient(second, maps) is None  # nothing flows through positions


def there_and_back():
    images = keras.Input((None, None, 3))
    pooled, positions = MaxPoolingWithPositions(name="pool")(images)
    unpooled = CropLike(name="crop")([MaxUnpooling(name="unpool")([pooled, positions]), images])
    nails = CropLike(name="crop_nails")([BedOfNails(name="nails")(pooled), images])
    return keras.Model(images, keras.layers.Concatenate()([unpooled, nails]))


def test_they_survive_files_and_saved_models(tmp_path):
    model = there_and_back()
    assert model.output_shape == (None, None, None, 6)
    model.save(tmp_path / "model.keras")
    again = saving.open_keras_file(tmp_path / "model.keras")
    saving.write_saved_model(model, tmp_path / "served")
    served = tf.saved_model.load(tmp_path / "served")
    for size in ((4, 4), (5, 7)):
        maps = RNG.normal(size=(2, *size, 3)).astype("float32")
        right = model(maps)
        np.testing.assert_array_equal(again(maps), right)
        np.testing.assert_array_equal(served.serve(maps), right)
        kept = np.asarray(right)[..., :3]
        np.testing.assert_array_equal(kept[kept != 0], maps[kept != 0])


def test_reduced_precision_keeps_the_places():
    policy = keras.DTypePolicy("mixed_bfloat16")
    maps = RNG.normal(-5, 1, (1, 5, 5, 2)).astype("float32")
    pooled, positions = MaxPoolingWithPositions(dtype=policy)(maps)
    right, _ = loops(tf.cast(tf.cast(maps, "bfloat16"), "float32").numpy())
    assert pooled.dtype == "bfloat16" and positions.dtype == "int32"
    np.testing.assert_array_equal(tf.cast(pooled, "float32"), right)
    assert MaxUnpooling(dtype=policy)([pooled, positions]).dtype == "bfloat16"


def test_the_other_two_ways_up_by_hand():
    """Keras's own layers, as `architectures.fcn` uses them."""
    nearest = keras.layers.UpSampling2D(2)(as_map(SMALL))
    assert rows_of(nearest) == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    ones = keras.layers.Conv2DTranspose(1, 3, strides=2, padding="same", kernel_initializer="ones")(as_map(SMALL))
    # Each value is laid down on 3x3 places from its window's upper left on; where such squares meet, they add up.
    assert rows_of(ones) == [[1, 1, 3, 2], [1, 1, 3, 2], [4, 4, 10, 6], [3, 3, 7, 4]]
