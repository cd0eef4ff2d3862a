import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, data
from keras_ssl.errors import InputError
from keras_ssl.methods.video import frame_prediction as method


@pytest.fixture(scope="module")
def clips():
    return data.open("moving:mnist_sample", frames=7).arrays("test", limit=6)[0]


def built(direction="future", frames=7, **options):
    """A small model whose last layer, zero at the start, has random weights."""
    encoder = architectures.build("clip_convnet", (method.seen(frames), None, None, 1), width=8, depth=1)
    model = method.build(encoder, (frames, 64, 64, 1), direction, width=8, depth=1, **options)
    kernel = model.get_layer("decoder").get_layer("patches").kernel
    kernel.assign(np.random.default_rng(0).normal(0, 0.1, kernel.shape))
    return model


def test_frames_told_and_asked_for():
    clips = tf.reshape(tf.range(14), [2, 7, 1, 1, 1])
    halves = {
        "future": ([0, 1, 2, 3], [4, 5, 6]), "past": ([3, 4, 5, 6], [0, 1, 2]), "masked": ([0, 2, 4, 6], [1, 3, 5]),
    }  # fmt: skip
    for direction, (told, asked) in halves.items():
        given, target = method.pretext(clips, None, direction)
        assert given[0].numpy().ravel().tolist() == told and target[0].numpy().ravel().tolist() == asked
        assert target[1].numpy().ravel().tolist() == [7 + i for i in asked]
    with pytest.raises(InputError, match="future"):
        method.pretext(clips, None, "futur")


def test_errors_are_summed_over_a_frame():
    """Of two frames of 2x2 pixels, one pixel 255 off and one 51 off: (1 + 0.04) / 2 a frame."""
    right, found = np.zeros((1, 2, 2, 2, 1), "float32"), np.zeros((1, 2, 2, 2, 1), "float32")
    found[0, 0, 0, 0], found[0, 1, 1, 1] = 255, 51
    assert method.frame_mse(right, found).numpy() == pytest.approx([0.52])


def test_the_past_is_the_future_of_a_clip_that_runs_backwards(clips):
    past, future = built("past"), built("future")
    future.set_weights(past.get_weights())
    told = clips[:, 3:]
    np.testing.assert_allclose(past.predict(told), future.predict(told[:, ::-1])[:, ::-1], atol=1e-3)
    np.testing.assert_allclose(past.rollout(told, 5), future.rollout(told[:, ::-1], 5)[:, ::-1], atol=1e-3)


def test_a_rollout_is_told_what_it_predicted(clips):
    model = built()
    told = clips[:, :4].astype("float32")
    first = model.predict(told)
    second = model.predict(np.concatenate([told, first], axis=1)[:, -4:])
    third = model.predict(np.concatenate([first, second], axis=1)[:, -4:])
    assert np.ptp(first) > 1
    np.testing.assert_allclose(model.rollout(told, 7), np.concatenate([first, second, third[:, :1]], axis=1), atol=1e-2)
    np.testing.assert_allclose(model.rollout(told[0], 2), first[0, :2], atol=1e-2)
    with pytest.raises(InputError, match="1 or more"):
        model.rollout(told, 0)
    with pytest.raises(InputError, match="in between"):
        built("masked").rollout(told, 2)


def test_energy_is_the_error_of_the_frames_asked_for(clips):
    for direction in method.DIRECTIONS:
        model = built(direction)
        told, right = method.pretext(tf.constant(clips), None, direction)
        errors = (model.predict(told.numpy()) - right.numpy()) / 255
        np.testing.assert_allclose(model.energy(clips), (errors**2).sum(axis=(2, 3, 4)).mean(axis=1), rtol=1e-4)
    assert np.ndim(built().energy(clips[0])) == 0


def test_clips_of_another_kind_are_told(clips):
    model = built()
    with pytest.raises(InputError, match="clips of 4 frames, got 7"):
        model.predict(clips)
    with pytest.raises(InputError, match="clips of 7 frames, got 4"):
        model.energy(clips[:, :4])
    assert model.predict(clips[0, :4]).shape == (3, 64, 64, 1)
    assert model.predict(clips[:, :4, :50, :40]).shape == (6, 3, 50, 40, 1)


def test_what_stands_still_is_foretold_by_copying():
    """Of clips that stand still the nearest frame and the mean are right; black is as wrong as there is brightness."""
    still = np.repeat(np.random.default_rng(0).integers(0, 256, (5, 1, 16, 16, 1)), 7, axis=1).astype("uint8")
    for direction in method.DIRECTIONS:
        figures = method.measure(built(direction), data.open({"train": still, "test": still}))
        assert figures["mse"]["copy"] == pytest.approx(0, abs=1e-4) and figures["ssim"]["copy"] == pytest.approx(1)
        assert figures["mse"]["mean"] == pytest.approx(0, abs=1e-4)
        zeros = np.mean(np.sum((still / 255.0) ** 2, axis=(2, 3, 4)))
        assert figures["mse"]["zeros"] == pytest.approx(zeros, rel=1e-4)
        steps = [figures[f"mse_at_{i}"]["zeros"] for i in (1, 2, 3)]
        assert np.mean(steps) == pytest.approx(zeros, rel=1e-4) and figures["mse"]["value"] > 0


def test_rows_show_what_is_told_in_its_place(clips):
    for direction in method.DIRECTIONS:
        rows = method.show(built(direction), clips[:2])
        assert [title for title, *_ in rows] == ["clip", "predicted"] * 2
        for (_, clip, _), (_, whole, captions) in zip(rows[::2], rows[1::2], strict=True):
            told = [not caption for caption in captions]
            np.testing.assert_array_equal(whole[told], clip[told])
            assert sum(told) == 4
