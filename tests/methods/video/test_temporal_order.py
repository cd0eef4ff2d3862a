import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, data
from keras_ssl.errors import InputError
from keras_ssl.methods.video import temporal_order as method


def numbered(count, frames):
    """Clips whose pixels tell the frame's number."""
    return tf.tile(tf.reshape(tf.range(frames), [1, frames, 1, 1, 1]), [count, 1, 2, 2, 1])


def test_frames_are_in_order_or_the_middle_one_comes_from_outside():
    frames, in_order = method.pretext(numbered(300, 13), tf.constant([1, 2]), gap=2)
    assert in_order.numpy().tolist() == [1, 0] * 300
    triples = frames.numpy()[:, :, 0, 0, 0].astype(int)
    first, middle, last = triples.T
    between = (np.minimum(first, last) < middle) & (middle < np.maximum(first, last))
    np.testing.assert_array_equal(between, in_order.numpy() == 1)
    assert (np.abs(first - last) == 4).all()
    assert (np.minimum(np.abs(middle - first), np.abs(middle - last)) == 2).all()
    # Both directions, both sides, and every start are drawn.
    assert set(np.sign(last - first)) == {-1, 1} and set(np.minimum(first, last)[::2]) == set(range(2, 2 + 5))
    outside = middle[1::2] < np.minimum(first, last)[1::2]
    assert 0.35 < outside.mean() < 0.65 and 0.35 < (last > first)[::2].mean() < 0.65


def test_the_largest_gap_is_taken():
    frames, _ = method.pretext(numbered(4, 14), tf.constant([1, 2]))
    ends = frames.numpy()[:, ::2, 0, 0, 0].astype(int)
    assert (np.abs(ends[:, 0] - ends[:, 1]) == 6).all()
    for gap in (0, 4):
        with pytest.raises(InputError, match="don't fit into clips of 14"):
            method.pretext(numbered(4, 14), tf.constant([1, 2]), gap=gap)


def test_a_model_that_guesses_is_right_half_the_time():
    model = method.build(architectures.build("clip_convnet", (3, None, None, 1), width=8, depth=1))
    clips = data.open("moving:mnist_sample", frames=9)
    model.get_layer("order").kernel.assign(tf.zeros_like(model.get_layer("order").kernel))
    model.get_layer("order").bias.assign([0.0, 1.0])  # always "in order"
    assert method.measure(model, clips)["order_accuracy"]["value"] == 0.5
    rows = method.show(model, clips.arrays("test", limit=2)[0])
    assert [title for title, *_ in rows] == ["in order", "displaced"] * 2
    assert rows[0][2] == ["", "0.73", ""]  # 1 / (1 + exp(-1))
