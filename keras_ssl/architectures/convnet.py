"""The shared encoder: a small, fast convolutional network.

Source: the CIFAR-10 speed records, Jordan, 2024, arXiv:2404.00498. A 2x2 convolution started from patch whitening,
then three blocks of conv - pool - batch norm - ReLU - conv - batch norm - ReLU. Unlike there, padding is "same", so
that a feature map lies exactly over its image (decoders, skips, segmentation), and everything trains.
"""

import keras
from keras import layers

from ..layers import BatchNormalization, Lightness, PatchWhitening


def convnet(shape=(None, None, 3), widths=(32, 128, 128), stem=24, colour="rgb"):
    """Image (N, H, W, 3) in 0..255 -> feature map (N, H/8, W/8, widths[-1]); any size.

    widths: channels of each block; every block halves height and width.
    stem: filters of the first, whitening convolution.
    colour: "rgb", or "lightness" for an encoder that sees the picture's CIE lightness only.

    Blocks: "stem", then "block1a" (after the first convolution), "block1" (after the second), "block2a", ...
    """
    images = x = keras.Input(shape, name="image")
    if colour == "lightness":
        x = Lightness(name="lightness")(x)
    x = layers.Rescaling(1 / 64, offset=-2, name="rescale")(x)
    x = PatchWhitening(stem, 2, padding="same", name="whitening")(x)
    x = layers.ReLU(name="stem")(x)
    for i, width in enumerate(widths, start=1):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"block{i}a_conv")(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"block{i}a_pool")(x)
        x = BatchNormalization(momentum=0.95, name=f"block{i}a_norm")(x)
        x = layers.ReLU(name=f"block{i}a")(x)
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"block{i}_conv")(x)
        x = BatchNormalization(momentum=0.95, name=f"block{i}_norm")(x)
        x = layers.ReLU(name=f"block{i}")(x)
    return keras.Model(images, x, name="encoder")
