"""The two networks of a convolutional generative adversarial game.

Radford, Metz, Chintala, ICLR 2016, arXiv:1511.06434: strides instead of pooling, no fully connected layers but the
first, leaky rectifiers in the discriminator, batch norm in the generator. The discriminator has no normalisation: a
gradient penalty does that part, and each image's features stay its own. It has a 3x3 convolution before each strided
one, as in Miyato et al., ICLR 2018, arXiv:1802.05957.
"""

import keras
from keras import layers

from ..layers import BatchNormalization


def dcgan_encoder(shape=(None, None, 3), widths=(24, 48, 96, 128)):
    """Image (N, H, W, C) in 0..255 -> feature map (N, H/8, W/8, widths[-1]); any size.

    widths: channels of each block. A block is a 3x3 convolution and, in all but the last, a 4x4 convolution that halves
        height and width.

    Blocks: "block1a" (after the first convolution), "block1" (after the strided one), "block2a", ...
    """
    images = x = keras.Input(shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(x)
    for i, width in enumerate(widths, start=1):
        last = i == len(widths)
        x = _convolution(x, width, 3, 1, f"block{i}" if last else f"block{i}a")
        if not last:
            x = _convolution(x, width, 4, 2, f"block{i}")
    return keras.Model(images, x, name="encoder")


def _convolution(x, width, side, strides, name):
    x = layers.Conv2D(width, side, strides, padding="same", kernel_initializer="he_normal", name=f"{name}_conv")(x)
    return layers.LeakyReLU(0.2, name=name)(x)


def dcgan_generator(noise, shape, widths):
    """Noise (N, noise) -> image (N, H, W, C) in 0..255.

    shape: (H, W, C) of the images.
    widths: channels of the first, smallest map, and after each doubling of height and width.
    """
    height, width, channels = shape
    stride = 2 ** (len(widths) - 1)
    rows, columns = -(-height // stride), -(-width // stride)  # rounded up; the images are cropped
    inputs = keras.Input((noise,), name="noise")
    x = layers.Dense(rows * columns * widths[0], use_bias=False, name="seed")(inputs)
    x = layers.Reshape((rows, columns, widths[0]), name="map")(x)
    x = layers.ReLU(name="block0")(BatchNormalization(momentum=0.95, name="block0_norm")(x))
    for i, channels_out in enumerate(widths[1:], start=1):
        x = layers.Conv2DTranspose(channels_out, 4, 2, padding="same", use_bias=False, name=f"block{i}_conv")(x)
        x = layers.ReLU(name=f"block{i}")(BatchNormalization(momentum=0.95, name=f"block{i}_norm")(x))
    x = layers.Cropping2D(((0, rows * stride - height), (0, columns * stride - width)), name="crop")(x)
    # In float32: half precision would leave steps of one grey level.
    x = layers.Conv2D(channels, 3, padding="same", name="colours")(x)
    x = layers.Activation("tanh", dtype="float32", name="tanh")(x)
    return keras.Model(inputs, layers.Rescaling(127.5, 127.5, dtype="float32", name="pixels")(x), name="generator")
