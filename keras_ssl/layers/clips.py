"""Layers between clips, (N, T, H, W, C), and maps."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_ssl")
class TimeReversal(keras.layers.Layer):
    """The last frame first, where `direction` is "past"; otherwise clips stay as they are.

    Shape: (N, T, H, W, C) -> the same.
    """

    def __init__(self, direction="future", **kwargs):
        super().__init__(**kwargs)
        self.direction = direction

    def call(self, clips):
        return ops.flip(clips, axis=1) if self.direction == "past" else clips

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "direction": self.direction}


@keras.saving.register_keras_serializable("keras_ssl")
class FramesAsChannels(keras.layers.Layer):
    """A clip as one picture with the channels of all its frames, frame by frame.

    Shape: (N, T, H, W, C) -> (N, H, W, T C).
    """

    def call(self, clips):
        shape, frames, channels = ops.shape(clips), clips.shape[1], clips.shape[4]
        return ops.reshape(ops.transpose(clips, (0, 2, 3, 1, 4)), (shape[0], shape[2], shape[3], frames * channels))

    def compute_output_shape(self, input_shape):
        n, frames, height, width, channels = input_shape
        return (n, height, width, frames * channels)


@keras.saving.register_keras_serializable("keras_ssl")
class FramesFromPatches(keras.layers.Layer):
    """A map whose every place holds a patch of each of `frames` frames -> these frames.

    Shape: (N, h, w, T side side C) -> (N, T, h side, w side, C), C channels.
    """

    def __init__(self, frames, side, **kwargs):
        super().__init__(**kwargs)
        self.frames, self.side = frames, side

    def call(self, maps):
        (n, height, width), side = ops.shape(maps)[:3], self.side
        channels = maps.shape[3] // (self.frames * side * side)
        patches = ops.reshape(maps, (n, height, width, self.frames, side, side, channels))
        patches = ops.transpose(patches, (0, 3, 1, 4, 2, 5, 6))
        return ops.reshape(patches, (n, self.frames, height * side, width * side, channels))

    def compute_output_shape(self, input_shape):
        n, height, width, numbers = input_shape
        grown = [None if each is None else each * self.side for each in (height, width)]
        return (n, self.frames, *grown, numbers // (self.frames * self.side**2))

    def get_config(self):
        return {**super().get_config(), "frames": self.frames, "side": self.side}


@keras.saving.register_keras_serializable("keras_ssl")
class RepeatedFrame(keras.layers.Layer):
    """A map as a clip of `frames` frames that are all alike: (N, h, w, C) -> (N, T, h, w, C)."""

    def __init__(self, frames, **kwargs):
        super().__init__(**kwargs)
        self.frames = frames

    def call(self, maps):
        return ops.repeat(maps[:, None], self.frames, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.frames, *input_shape[1:])

    def get_config(self):
        return {**super().get_config(), "frames": self.frames}
