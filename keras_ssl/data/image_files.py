"""Reads image files of any kind as uint8 arrays, by Pillow."""

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm")
SUFFIXES += (".tga", ".tif", ".tiff", ".webp")
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width
ORIENTATION = 0x0112
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")


def check(path):
    """Returns the shape (H, W, C) of an image file after decoding all of it; C is 1 for grey and 3 otherwise.

    Raises:
        Exception: the file can't be read; Pillow's decoders raise errors of many kinds.
    """
    with Image.open(path) as image:
        channels = 1 if image.mode in GREY else 3
        image.load()
        width, height = image.size
        if image.getexif().get(ORIENTATION) in TURNED:
            width, height = height, width
        _eight_bit(image.crop((0, 0, 1, 1))).convert("RGB")
    return height, width, channels


def read(path, size, channels):
    """Returns the image of a file, upright, uint8 (H, W, channels).

    Args:
        path: the file; of an animation the first picture counts.
        size: (H, W) to resize the shorter side and crop the centre to, or None.
        channels: 1 or 3. RGB becomes grey by its ITU-R 601 luma; transparency is dropped.
    """
    with Image.open(path) as image:
        if size is not None:
            _draft(image, size)
        return fitted(image, size, channels)


def fitted(image, size, channels):
    """Returns a Pillow image upright as uint8 (H, W, channels); size and channels as in `read`."""
    image = _eight_bit(image)
    if image.getexif().get(ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    mode = "L" if channels == 1 else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    if size is not None and image.size != (size[1], size[0]):
        image = _resized(image, size)
    return np.asarray(image).reshape(image.height, image.width, channels)


def _draft(image, size):
    """Lets a JPEG decode at 1/2, 1/4 or 1/8 of its size, while that is as large as wanted, which saves most time."""
    height, width = size
    if image.getexif().get(ORIENTATION) in TURNED:
        height, width = width, height
    scale = max(width / image.width, height / image.height)
    if scale < 1:
        image.draft(None, (round(image.width * scale), round(image.height * scale)))


def _eight_bit(image):
    """16-bit grey as 8-bit, which Pillow's own conversion would clip at white instead of scaling."""
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers")
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    exif = image.getexif()
    scaled = Image.fromarray((np.clip(np.asarray(image, np.int64), 0, 65535) // 257).astype(np.uint8))
    scaled.getexif().update(exif)
    return scaled


def _resized(image, size):
    """Crops and resizes in one step, so that nothing is rounded in between."""
    height, width = size
    scale = min(image.width / width, image.height / height)
    left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)
