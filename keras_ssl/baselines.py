"""What is reached without learning: figures that several methods stand beside."""

import numpy as np


def chances(images):
    """Each pixel's chance to be white in binarised images (N, H, W, C), none of them certain: (H, W, C)."""
    return (np.asarray(images).sum(axis=0, dtype="float64") / 255 + 0.5) / (len(images) + 1)


def independent_pixels(train, test):
    """Nats of each binarised test image when a pixel is white by its own chance, as in training images: (N,).

    train, test: (N, H, W, C) in 0..255. Of images that aren't black and white it is the expectation over what
    `views.binarise` draws.
    """
    chance, x = chances(train), np.asarray(test, "float64") / 255
    return -np.sum(x * np.log(chance) + (1 - x) * np.log1p(-chance), axis=(1, 2, 3))
