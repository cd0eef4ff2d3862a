"""Super-resolution: make a small picture large again, with the detail that shrinking took away.

Dong, Loy, He, Tang, ECCV 2014, arXiv:1501.00092. The network works at the small picture's size and enlarges at the
end: by sub-pixel convolution (Shi et al., CVPR 2016, arXiv:1609.05158) or transposed convolution (Dong, Loy, Tang,
ECCV 2016, arXiv:1608.00367). It gives what to add to bicubic interpolation (Kim, Lee, Lee, CVPR 2016,
arXiv:1511.04587).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import least_squares, losses, views
from ...architectures.unet import unet
from ...data.fitting import LUMA
from ...errors import InputError, unknown
from ...layers import BicubicEnlargement, PixelShuffle
from ...models import ImageModel

UP = ("sub_pixel", "transposed")
FILTER = 5  # side of the linear filter that `measure` sets beside the network, in small pixels
ROUNDING = 1 / 12  # squared error of pixels in 0..255 that were rounded; less isn't told apart


def psnr_y(images, guesses):
    """Peak signal-to-noise ratio of luma (ITU-R BT.601) in dB: (N, H, W, C) in 0..255 twice -> (N,)."""
    difference = tf.cast(images, tf.float32) - tf.cast(guesses, tf.float32)
    if difference.shape[-1] == 3:
        difference = tf.reduce_sum(difference * LUMA, axis=-1, keepdims=True)
    error = tf.reduce_mean(difference**2, axis=[1, 2, 3])
    return 10 / np.log(10) * tf.math.log(255**2 / tf.maximum(error, ROUNDING))


LOSS = losses.PixelSquaredError()
METRICS = [psnr_y]


def shrink(images, scale):
    """Images (N, H, W, C) in 0..255 -> (N, H / scale, W / scale, C), uint8: bicubic, with antialiasing."""
    size = [images.shape[1] // scale, images.shape[2] // scale]
    small = tf.image.resize(images, size, method="bicubic", antialias=True)
    return tf.cast(tf.round(tf.clip_by_value(small, 0, 255)), tf.uint8)


def divisible(images, scale):
    """Images (N, H, W, C) without the rows and columns at the end that don't fill a small pixel."""
    height, width = (side // scale * scale for side in images.shape[1:3])
    if not (height and width):
        raise InputError(f"pictures of {images.shape[1]}x{images.shape[2]} can't be shrunk by {scale}")
    return images[:, :height, :width]


def pretext(images, seed, scale=2):
    """Images (N, H, W, C), mirrored at random -> the same shrunk by `scale`, uint8, and in full size.

    Rows and columns that `scale` doesn't divide are left out.
    """
    images = divisible(views.flip(images, seed), scale)
    return shrink(images, scale), images


def build(encoder, scale=2, up="sub_pixel", widths=(32, 48, 64, 96)):
    """Small image (N, H, W, C) -> large one (N, scale * H, scale * W, C), float32, about 0..255; any size.

    scale: 2, 4 or another whole number. up: "sub_pixel" or "transposed". widths: the decoder's, as unet takes
        them.

    Raises InputError for another `up` or scale, and for an encoder that takes images of one size only.
    """
    if up not in UP:
        raise unknown("way up", up, list(UP))
    if not isinstance(scale, int) or scale < 2:
        raise InputError(f"scale is a whole number from 2 on, got {scale!r}")
    if None not in encoder.input_shape[1:3]:
        raise InputError(
            f"super-resolution needs an encoder that takes any size, this one takes {encoder.input_shape[1:]} only; "
            "grey images can be opened in colour (--channels 3)"
        )
    encoder, decoder = unet(encoder, widths)
    x = decoder([encoder.input, *keras.tree.flatten(encoder(encoder.input))])
    channels = encoder.input_shape[-1]
    # Zero at the start: training begins at bicubic interpolation.
    own = {"padding": "same", "kernel_initializer": "zeros", "dtype": "float32"}
    if up == "sub_pixel":
        x = layers.Conv2D(channels * scale**2, 3, name="sub_pixels", **own)(x)
        x = PixelShuffle(scale, dtype="float32", name="residual")(x)
    else:
        x = layers.Conv2DTranspose(channels, 2 * scale, strides=scale, name="residual", **own)(x)
    x = layers.Rescaling(64, dtype="float32", name="residual_pixels")(x)
    enlarged = BicubicEnlargement(scale, dtype="float32", name="bicubic")(encoder.input)
    x = layers.Add(dtype="float32", name="sum")([enlarged, x])
    return SuperResolution(encoder.input, x, name="super_resolution")


@keras.saving.register_keras_serializable("keras_ssl")
class SuperResolution(ImageModel):
    """`predict` (and its other name, `enlarge`) makes pictures of any size `scale` times as high and wide."""

    @property
    def scale(self):
        """How many times as high and wide pictures become."""
        return self.get_layer("bicubic").scale

    def respond(self, images):
        return tf.clip_by_value(self(images, training=False), 0, 255)

    def enlarge(self, images, batch_size=32):
        """Pictures of any size, one or a batch, 0..255 -> `scale` times as high and wide, float32 in 0..255."""
        return self.predict(images, batch_size=batch_size)

    def bicubic(self, images):
        """A batch (N, H, W, C) in 0..255 enlarged without learning, float32 in 0..255."""
        return tf.clip_by_value(self.get_layer("bicubic")(images), 0, 255)

    def endpoints(self):
        endpoints = super().endpoints()
        return {**endpoints, "enlarge": endpoints["serve"]}


def measure(model, dataset):
    """Mean PSNR of the luma of test images shrunk and enlarged again, in dB, and how far it is above bicubic's.

    The whole image counts, its border too. Beside it, bicubic interpolation and one linear filter that gives each small
    pixel's large ones from the 5x5 small pixels around it, fitted to training images.
    """
    scale = model.scale
    train = (divisible(images, scale) for images in least_squares.examples(dataset))
    linear = least_squares.fit(((shrink(x, scale), tf.nn.space_to_depth(x, scale)) for x in train), FILTER)
    ways = {
        "value": lambda small: model.predict(small, batch_size=100),
        "bicubic": model.bicubic,
        "linear_filter": lambda small: tf.clip_by_value(tf.nn.depth_to_space(linear(small), scale), 0, 255),
    }
    ratios = {way: [] for way in ways}
    for images in dataset.stream("test", labels=False).batch(100).as_numpy_iterator():
        images = divisible(images, scale)
        small = shrink(images, scale).numpy()
        for way, enlarge in ways.items():
            ratios[way].append(psnr_y(images, enlarge(small)))
    ratios = {way: np.mean(np.concatenate(each)) for way, each in ratios.items()}
    above = {way: ratio - ratios["bicubic"] for way, ratio in ratios.items() if way != "bicubic"}
    return {"psnr_y": ratios, "psnr_y_above_bicubic": above}


def show(model, images):
    """Images shrunk, enlarged by bicubic interpolation and by the model, under their PSNR, and as they were."""
    images = divisible(images, model.scale)
    small = shrink(images, model.scale).numpy()
    large = [("bicubic", model.bicubic(small).numpy()), ("enlarged", model.predict(small))]
    rated = [(title, row, [f"{r:.1f} dB" for r in psnr_y(images, row).numpy()]) for title, row in large]
    return [("small", small, None), *rated, ("true", images, None)]
