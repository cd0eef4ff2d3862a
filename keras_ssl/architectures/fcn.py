"""Fully convolutional networks: a class, or whatever else, for every pixel of an image of any size.

Long, Shelhamer, Darrell, CVPR 2015, arXiv:1411.4038. `fcn` is an encoder of its own; `fcn_decoder` goes from any
encoder's deepest map up to full size, twice as high and wide at each step, in one of four ways, meeting the encoder's
own map at each size where it has one (Ronneberger et al., arXiv:1505.04597).
"""

import math
import re

import keras
from keras import layers

from ..errors import InputError, unknown
from ..layers import BatchNormalization, BedOfNails, CropLike, MaxPoolingWithPositions, MaxUnpooling

DOWN = ("pooling", "strided")
UP = ("nearest", "bed_of_nails", "max_unpooling", "transposed")
SIDE = 256  # of the images that an encoder's maps are measured with, where it takes any size


def fcn(shape=(None, None, 3), widths=(24, 48, 96, 128), down="pooling"):
    """Image (N, H, W, 3) in 0..255 -> feature map (N, H/8, W/8, widths[-1]), sides rounded up; any size.

    widths: channels at full size and after each halving.
    down: "pooling", by the maximum of 2x2 places, or "strided", by a 3x3 convolution that moves on by two.

    Blocks: "stem", at full size, then "block1a" and "block1", at half, "block2a", ...

    Raises InputError for another `down`.
    """
    if down not in DOWN:
        raise unknown("way down", down, DOWN)
    images = x = keras.Input(shape, name="image")
    x = layers.Rescaling(1 / 64, offset=-2, name="rescale")(x)
    x = convolution(x, widths[0], "stem")
    for i, width in enumerate(widths[1:], start=1):
        if down == "pooling":
            x = layers.MaxPooling2D(2, padding="same", name=f"block{i}a_pool")(x)
        x = convolution(x, width, f"block{i}a", strides=1 if down == "pooling" else 2)
        x = convolution(x, width, f"block{i}")
    return keras.Model(images, x, name="encoder")


def convolution(x, width, name, **options):
    """A 3x3 convolution, batch norm and rectifier: (N, h, w, C) -> (N, h, w, width)."""
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_conv", **options)(x)
    return layers.ReLU(name=name)(BatchNormalization(momentum=0.95, name=f"{name}_norm")(x))


def fcn_decoder(encoder, up="nearest", skips=True, width=32):
    """(the encoder giving its earlier maps too, a model named "decoder" of the images and all these maps).

        encoder, decoder = fcn_decoder(encoder)
        features = decoder([images, *keras.tree.flatten(encoder(images))])  # (N, H, W, width)

    up: how a map becomes twice as high and wide. "nearest" repeats each value, "bed_of_nails" puts it at the upper left
        of its 2x2 places, "max_unpooling" where the encoder's pooling found the maximum, "transposed" is a transposed
        3x3 convolution of stride 2 (Noh, Hong, Han, ICCV 2015, arXiv:1505.04366).
    skips: whether the decoder sees the encoder's last map of each size, and the image itself at full size.
    width: channels at full size; twice as many at half size, up to four times as many.

    Raises InputError for another `up`, an encoder that gives no map, and max-unpooling of one without max-pooling.
    """
    if up not in UP:
        raise unknown("way up", up, UP)
    if len(encoder.output.shape) != 4:
        raise InputError(
            f"a class for each pixel needs an encoder that gives a map (N, h, w, C), got {encoder.output.shape}"
        )
    named, pools, depth = maps_by_scale(encoder)
    if up == "max_unpooling" and (missing := [scale for scale in range(depth) if scale not in pools]):
        where, others = 2 ** missing[0], ", ".join(way for way in UP if way != up)
        raise InputError(
            f"max-unpooling needs an encoder that halves by max-pooling, this one doesn't at 1/{where} of the image's "
            f"size; take another way up: {others}"
        )
    met = {f"met{scale}": named[scale] for scale in range(depth) if skips and scale in named}
    pooled = {f"pooled{scale}": pools[scale] for scale in range(depth) if up == "max_unpooling"}
    wanted = {**met, **pooled, "deepest": encoder.output}
    images = keras.Input(encoder.input.shape[1:], name="seen")
    maps = {name: keras.Input(tensor.shape[1:], name=name) for name, tensor in wanted.items()}
    encoder = keras.Model(encoder.input, list(wanted.values()), name="encoder")
    x = maps["deepest"]
    for scale in reversed(range(depth)):
        remembered = maps.get(f"pooled{scale}")
        channels = width * 2 ** min(scale, 2) if remembered is None else remembered.shape[-1]
        x = convolution(x, channels, f"up{scale}_before")
        x = _doubled(x, up, remembered, f"up{scale}")
        like = maps.get(f"met{scale}", images if scale == 0 else remembered)
        if like is not None:
            x = CropLike(name=f"up{scale}_crop")([x, like])
        seen = [maps[f"met{scale}"]] if f"met{scale}" in maps else []
        if skips and scale == 0:
            seen.append(layers.Rescaling(1 / 64, offset=-2, name="up_rescale")(images))  # as the encoder sees them
        if seen:
            x = layers.Concatenate(name=f"up{scale}_meet")([x, *seen])
    if not depth:
        x = CropLike(name="up_crop")([x, images])
    return encoder, keras.Model([images, *maps.values()], convolution(x, width, "up"), name="decoder")


def _doubled(x, up, remembered, name):
    if up == "nearest":
        return layers.UpSampling2D(2, name=name)(x)
    if up == "bed_of_nails":
        return BedOfNails(name=name)(x)
    if up == "transposed":
        return layers.Conv2DTranspose(x.shape[-1], 3, strides=2, padding="same", name=name)(x)
    _, positions = MaxPoolingWithPositions(name=f"{name}_positions")(remembered)
    return MaxUnpooling(name=name)([x, positions])


def maps_by_scale(encoder):
    """What an encoder has at each power of 1/2 of the image's size, 0 for full size.

    Returns ({scale: its last map, of the named blocks where it names them}, {scale: the map that a max-pooling of 2x2
    halves}, the scale of its output). Maps of other sizes are left out.

    Raises InputError for an encoder whose output isn't a power of 1/2 of the image's size.
    """
    given = [layer for layer in encoder.layers if len(getattr(layer.output, "shape", ())) == 4]
    given = [layer for layer in given if not isinstance(layer, layers.InputLayer)]
    sides = [side or SIDE for side in encoder.input_shape[1:3]]
    measured = keras.Model(encoder.input, [encoder.output, *(layer.output for layer in given)])
    shapes = measured.compute_output_shape((1, *sides, encoder.input_shape[-1]))
    depth, *scales = (_scale(sides, shape[1:3]) for shape in shapes)
    if depth is None:
        raise InputError(
            f"a decoder that doubles needs a map of 1/2, 1/4, 1/8, ... of the image's size; the encoder makes "
            f"{shapes[0][1:3]} of {tuple(sides)}"
        )
    scale_of = {layer.name: scale for layer, scale in zip(given, scales, strict=True) if scale is not None}
    from . import BLOCKS

    blocks = [name for name in scale_of if re.fullmatch(BLOCKS, name)]
    named = {scale_of[name]: encoder.get_layer(name).output for name in blocks or scale_of}
    pools = {}
    for layer in given:
        halves = isinstance(layer, layers.MaxPooling2D) and layer.pool_size == layer.strides == (2, 2)
        if halves and layer.padding == "same" and layer.name in scale_of:
            pools[scale_of[layer.name] - 1] = layer.input
    return named, pools, depth


def _scale(sides, found):
    """The power of 1/2 that a map's sides are of the image's; None where they are no such, but for rounding up."""
    power = round(math.log2(sides[0] / found[0]))
    fits = power >= 0 and all(-(-side // 2**power) == own for side, own in zip(sides, found, strict=True))
    return power if fits else None
