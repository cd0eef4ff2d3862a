"""Networks of clips, (N, T, H, W, C) in 0..255: what happened -> a map, and a map -> frames."""

import keras
from keras import layers

from ..errors import InputError, unknown
from ..layers import BatchNormalization, CropLike, FramesAsChannels, FramesFromPatches, RepeatedFrame

DECODERS = ("convolutional", "recurrent")


def clip_convnet(shape=(10, None, None, 1), width=128, depth=4, patch=4):
    """Clip -> feature map (N, H/patch, W/patch, width); all frames at once, any height and width.

    After SimVP (Gao, Tan, Wu, Li, CVPR 2022, arXiv:2206.05099): plain convolutions without recurrence. Each place of
    the map sees one patch of every frame; residual blocks of two 3x3 convolutions then look around.

    Blocks: "stem", "block1", ..., one for each of `depth`.
    """
    clips = keras.Input(shape, name="clip")
    x = FramesAsChannels(name="frames")(clips)
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(x)
    x = layers.Conv2D(width, patch, patch, padding="same", kernel_initializer="he_normal", name="stem")(x)
    x = _residual_blocks(x, depth)
    return keras.Model(clips, x, name="encoder")


def clip_recurrent(shape=(10, None, None, 1), width=64, depth=2, patch=4):
    """Clip -> feature map (N, H/patch, W/patch, width), frame by frame.

    Convolutional LSTM: Shi et al., NeurIPS 2015, arXiv:1506.04214.
    Raises InputError for a shape without a height and width, which Keras's layer has to know.

    Blocks: "block1", what the last of `depth` recurrent layers ends with.
    """
    if None in shape:
        raise InputError(f"clip_recurrent is of clips of one size, got {shape}")
    clips = keras.Input(shape, name="clip")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(clips)
    patches = layers.Conv2D(width, patch, patch, padding="same", kernel_initializer="he_normal", name="patches")
    x = layers.TimeDistributed(patches, name="stem_frames")(x)
    for i in range(1, depth):
        x = layers.ConvLSTM2D(width, 3, padding="same", return_sequences=True, name=f"recurrent{i}")(x)
    x = layers.ConvLSTM2D(width, 3, padding="same", name="block1")(x)
    return keras.Model(clips, x, name="encoder")


def clip_decoder(kind, encoder, frames, channels, width=128, depth=4):
    """[what the encoder gives, clip (N, T, H, W, C)] -> `frames` frames of the clip's size, float32, about 0..255.

    kind: "convolutional": residual blocks, all frames at once; "recurrent": a convolutional LSTM, frame by frame.

    Raises InputError for an unknown kind and for an encoder that gives no map.
    """
    if kind not in DECODERS:
        raise unknown("decoder", kind, DECODERS)
    given = keras.tree.flatten(encoder.output)[-1]
    if len(given.shape) not in (4, 5):
        raise InputError(f"frames are made of a map (N, h, w, C); the encoder gives {tuple(given.shape)}")
    maps, clips = keras.Input(given.shape[1:], name="map"), keras.Input(encoder.input_shape[1:], name="clip")
    x = FramesAsChannels(name="map_frames")(maps) if len(given.shape) == 5 else maps
    side = _stride(encoder)
    x = layers.Conv2D(width, 1, kernel_initializer="he_normal", name="spread")(x)
    if kind == "convolutional":
        x = _residual_blocks(x, depth)
        x = layers.Conv2D(
            frames * side * side * channels, 1, kernel_initializer="zeros", dtype="float32", name="patches"
        )(x)
    else:
        x = RepeatedFrame(frames, name="steps")(x)
        x = layers.ConvLSTM2D(width, 3, padding="same", return_sequences=True, name="recurrent")(x)
        x = layers.TimeDistributed(
            layers.Conv2D(side * side * channels, 1, kernel_initializer="zeros", dtype="float32"), name="patches"
        )(x)
        x = FramesAsChannels(dtype="float32", name="patches_of_all")(x)
    x = FramesFromPatches(frames, side, dtype="float32", name="frames")(x)
    x = layers.Rescaling(127.5, dtype="float32", name="pixels")(x)
    x = CropLike(dtype="float32", name="cropped")([x, clips])
    return keras.Model([maps, clips], x, name="decoder")


def _residual_blocks(x, depth):
    """Before each convolution batch norm and ReLU: He et al., ECCV 2016, arXiv:1603.05027."""
    for i in range(1, depth + 1):
        y = x
        for part in ("a", "b"):
            y = BatchNormalization(momentum=0.95, name=f"block{i}_{part}_norm")(y)
            y = layers.ReLU(name=f"block{i}_{part}_relu")(y)
            y = layers.Conv2D(
                x.shape[-1], 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"block{i}_{part}"
            )(y)
        x = layers.Add(name=f"block{i}")([x, y])
    return x


def _stride(encoder):
    """How many pixels of height stand behind each place of the encoder's map."""
    frames, height, width, channels = encoder.input_shape[1:]
    found = keras.tree.flatten(encoder(keras.KerasTensor((1, frames, height or 64, width or 64, channels))))[-1]
    return -(-(height or 64) // found.shape[-3])
