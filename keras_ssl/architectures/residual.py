"""A small residual network and its mirror image, without batch norm.

van den Oord, Vinyals, Kavukcuoglu, NeurIPS 2017, arXiv:1711.00937, section 4.1, and the authors' code: strided
convolutions and a plain one, then residual blocks of a 3x3 and a 1x1 convolution.
"""

import math

import keras
from keras import layers


def residual_encoder(shape=(None, None, 3), widths=(64, 128), blocks=2, hidden=32):
    """Image (N, H, W, C) in 0..255 -> feature map (N, H/4, W/4, widths[-1]) for two widths; any size.

    widths: channels after each 4x4 convolution that halves height and width.
    blocks: residual blocks after them and a 3x3 convolution; hidden: channels inside one.

    Blocks: "block1", "block2" (after each strided convolution), "block3" (the 3x3 one), then the residual ones.
    """
    images = x = keras.Input(shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(x)
    for i, width in enumerate(widths, start=1):
        x = layers.Conv2D(width, 4, 2, padding="same", kernel_initializer="he_normal", name=f"block{i}_conv")(x)
        x = layers.ReLU(name=f"block{i}")(x)
    plain = len(widths) + 1
    x = layers.Conv2D(widths[-1], 3, padding="same", name=f"block{plain}")(x)
    for i in range(plain + 1, plain + 1 + blocks):
        x = _residual_block(x, hidden, f"block{i}")
    return keras.Model(images, layers.ReLU(name="features")(x), name="encoder")


def residual_decoder(map_shape, shape, width=128, blocks=2, hidden=32):
    """Map (N, h, w, d) of `map_shape` (h, w, d) -> image (N, *shape), float32 in 0..255.

    width: channels on the map and in the residual blocks, halved (down to 16) by each transposed convolution that
        doubles height and width; the last one gives the colours. What is larger than the image then is resized to it.
    """
    height, width_, channels = shape
    doublings = max(math.ceil(math.log2(full / part)) for full, part in zip((height, width_), map_shape, strict=False))
    codes = keras.Input(map_shape, name="map")
    x = layers.Conv2D(width, 3, padding="same", name="spread")(codes)
    for i in range(1, blocks + 1):
        x = _residual_block(x, hidden, f"block{i}")
    x = layers.ReLU(name="features")(x)
    for i in range(1, doublings):
        x = layers.Conv2DTranspose(
            max(16, width >> i), 4, 2, padding="same", activation="relu", kernel_initializer="he_normal", name=f"up{i}"
        )(x)
    stride = 2 if doublings else 1
    x = layers.Conv2DTranspose(channels, 4, stride, padding="same", dtype="float32", name="logits")(x)
    x = layers.Activation("sigmoid", dtype="float32", name="brightness")(x)
    if x.shape[1:3] != (height, width_):
        x = layers.Resizing(height, width_, dtype="float32", name="image")(x)
    return keras.Model(codes, layers.Rescaling(255, dtype="float32", name="pixels")(x), name="decoder")


def _residual_block(x, hidden, name):
    y = layers.ReLU(name=f"{name}_relu1")(x)
    y = layers.Conv2D(hidden, 3, padding="same", kernel_initializer="he_normal", name=f"{name}_conv1")(y)
    y = layers.ReLU(name=f"{name}_relu2")(y)
    y = layers.Conv2D(x.shape[-1], 1, name=f"{name}_conv2")(y)
    return layers.Add(name=name)([x, y])
