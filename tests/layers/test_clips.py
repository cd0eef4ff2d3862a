import keras
import numpy as np
import pytest

from keras_ssl.layers import CropLike, FramesAsChannels, FramesFromPatches, RepeatedFrame, TimeReversal


def test_frames_of_patches_by_hand():
    """Two frames of 2x4 pixels from a map of 1x2 places: each place holds the 2x2 patch of frame 1, then of frame 2."""
    maps = np.array([[[[1, 2, 5, 6, 11, 12, 15, 16], [3, 4, 7, 8, 13, 14, 17, 18]]]], "float32")
    frames = FramesFromPatches(frames=2, side=2)(maps)
    np.testing.assert_array_equal(frames[0, 0, ..., 0], [[1, 2, 3, 4], [5, 6, 7, 8]])
    np.testing.assert_array_equal(frames[0, 1, ..., 0], [[11, 12, 13, 14], [15, 16, 17, 18]])


def test_channels_stand_frame_by_frame():
    clips = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 2)).astype("float32")
    found = np.array(FramesAsChannels()(clips))
    for frame in range(3):
        np.testing.assert_array_equal(found[..., 2 * frame : 2 * frame + 2], clips[:, frame])
    np.testing.assert_array_equal(FramesFromPatches(frames=3, side=1)(found), clips)  # and back


def test_time_runs_backwards_for_the_past_alone():
    clips = np.random.default_rng(0).normal(size=(2, 3, 4, 4, 1)).astype("float32")
    np.testing.assert_array_equal(TimeReversal("past")(clips), clips[:, ::-1])
    np.testing.assert_array_equal(TimeReversal("future")(clips), clips)


def test_frames_are_cropped_and_repeated():
    clips = np.random.default_rng(0).normal(size=(2, 3, 8, 8, 1)).astype("float32")
    np.testing.assert_array_equal(CropLike()([clips, clips[:, :1, :5, :7]]), clips[:, :, :5, :7])
    repeated = np.array(RepeatedFrame(4)(clips[:, 0]))
    assert repeated.shape == (2, 4, 8, 8, 1) and all((repeated[:, i] == clips[:, 0]).all() for i in range(4))


@pytest.mark.parametrize("layer", [TimeReversal("past"), FramesAsChannels(), FramesFromPatches(2, 3), RepeatedFrame(5)])
def test_shapes_are_known_before_and_configs_return(layer):
    shape = (None, None, None, 18) if isinstance(layer, FramesFromPatches | RepeatedFrame) else (2, None, None, 3)
    if isinstance(layer, FramesFromPatches | RepeatedFrame):
        shape = shape[1:]
    spec = layer(keras.Input(shape)).shape
    again = type(layer).from_config(layer.get_config())
    sample = np.zeros([2, *(4 if n is None else n for n in shape)], "float32")
    assert again(sample).shape == tuple(s if s else a for s, a in zip(spec, again(sample).shape, strict=True))
