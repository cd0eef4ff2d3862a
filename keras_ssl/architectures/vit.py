"""Vision transformer: a picture as a set of patches that look at each other.

Dosovitskiy et al., ICLR 2021, arXiv:2010.11929, with normalisation before each part and fixed positions, without a
class token.
"""

import keras
from keras import layers

from ..errors import InputError
from ..layers import LayerNormalization, Patches, Positions, TokensToMap, VisibleTokens
from .transformer import transformer_block


def vit(shape=(None, None, 3), patch=4, width=128, depth=4, heads=4):
    """Image (N, H, W, C) in 0..255 -> feature map (N, ceil(H / patch), ceil(W / patch), width); any size.

    patch: side of a patch in pixels. width: numbers in a token, a multiple of 4 and of heads. depth: number of blocks.

    Hidden patches, whose pixels are all `layers.patches.HIDDEN`, are left out: the blocks see the others alone, and the
    map is 0 there. All pictures of a batch hide equally many.

    Blocks, of tokens (N, T, width) and not of maps: "block1a" (after the attention), "block1" (after the two dense
    layers), "block2a", ...

    Raises InputError for sizes that don't fit.
    """
    if patch < 2:
        raise InputError(f"patches are of 2 pixels or more, got patch={patch}")
    if width % 4 or width % heads:
        raise InputError(f"width is a multiple of 4 and of heads, got width={width}, heads={heads}")
    images = keras.Input(shape, name="image")
    patches = Patches(patch, name="patches")(images)
    x = layers.Rescaling(1 / 64, offset=-2, name="rescale")(patches)
    x = layers.Dense(width, name="embed")(x)
    x = Positions(name="positions")(x)
    tokens, places = VisibleTokens(name="visible")([x, patches])
    for i in range(1, depth + 1):
        tokens = transformer_block(tokens, heads, f"block{i}")
    tokens = LayerNormalization(epsilon=1e-6, name="norm")(tokens)
    return keras.Model(images, TokensToMap(name="map")([tokens, places, x]), name="encoder")
