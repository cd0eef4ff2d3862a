"""A decoder with skips: from an encoder's deepest map up to full size, meeting the encoder's own map at each size.

Ronneberger, Fischer, Brox, MICCAI 2015, arXiv:1505.04597. What is coarse comes from the deepest map, and what is fine
from the earlier ones and from the image itself, which pooling hasn't blurred.
"""

import keras
from keras import layers

from ..errors import InputError
from ..layers import ResizeLike
from . import maps_of, with_skips

SKIPS = ("stem", "block1", "block2")  # the maps that are met, where an encoder has them: of full size, half, a quarter


def unet(encoder, widths=(32, 48, 64, 96)):
    """(the encoder giving its earlier maps too, a model named "decoder" of the images and all these maps).

        encoder, decoder = unet(encoder)
        features = decoder([images, *keras.tree.flatten(encoder(images))])  # (N, H, W, widths[0])

    widths: the decoder's channels at full size, beside each further one of SKIPS, and on the deepest map.

    An encoder without blocks of these names is met at full size, by the image, and at its deepest map.
    Raises InputError for other than four widths, and for an encoder that gives no map.
    """
    if len(widths) != len(SKIPS) + 1:
        raise InputError(f"a decoder with skips takes {len(SKIPS) + 1} widths, got {widths}")
    if len(encoder.output.shape) != 4:
        raise InputError(
            f"a decoder with skips needs an encoder that gives a map (N, h, w, C), got {encoder.output.shape}"
        )
    skips = maps_of(encoder, SKIPS)
    encoder = with_skips(encoder, skips)
    images = keras.Input(encoder.input.shape[1:], name="seen")
    maps = {
        name: keras.Input(output.shape[1:], name=f"{name}_map")
        for name, output in zip([*skips, "deepest"], encoder.outputs, strict=True)
    }
    x = _convolution(maps["deepest"], widths[-1], 1, "up_deepest")
    for name, width in [("block2", widths[2]), ("block1", widths[1])]:
        if name in maps:
            x = _meet(x, [maps[name]], f"up_{name}")
            x = _convolution(x, width, 3, f"up_{name}")
    pixels = layers.Rescaling(1 / 64, offset=-2, name="up_rescale")(images)  # as the encoder sees them
    x = _meet(x, [pixels, *([maps["stem"]] if "stem" in maps else [])], "up")
    x = _convolution(x, widths[0], 3, "up_a")
    x = _convolution(x, widths[0], 3, "up")
    return encoder, keras.Model([images, *maps.values()], x, name="decoder")


def _meet(x, maps, name):
    """A map resized to the maps' size and joined with them, channel by channel."""
    return layers.Concatenate(name=f"{name}_meet")([ResizeLike(name=f"{name}_size")([x, maps[0]]), *maps])


def _convolution(x, width, side, name):
    return layers.Conv2D(width, side, padding="same", activation="relu", kernel_initializer="he_normal", name=name)(x)
