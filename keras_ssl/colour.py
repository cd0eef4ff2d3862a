"""CIE L*a*b* (1976, white point D65) from and to sRGB, in keras.ops, any leading shape, channels last.

RGB in 0..255; L in 0..100; a and b within about -110..110. Source: IEC 61966-2-1 (sRGB), CIE 15:2004 (Lab).
"""

import numpy as np
from keras import ops

_RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    "float32",
)
_WHITE = _RGB_TO_XYZ.sum(axis=1)  # so that equal R, G and B have a = b = 0 exactly
_XYZ_TO_RGB = np.linalg.inv(_RGB_TO_XYZ.astype("float64")).astype("float32")
_EDGE = 6 / 29


def _linear(rgb):
    rgb = ops.cast(rgb, "float32") / 255.0
    return ops.where(rgb <= 0.04045, rgb / 12.92, ((ops.maximum(rgb, 0.0) + 0.055) / 1.055) ** 2.4)


def _f(t):
    # The root's argument is kept above the edge, for its slope at 0 is infinite and would make gradients NaN.
    return ops.where(t > _EDGE**3, ops.maximum(t, _EDGE**3) ** (1 / 3), t / (3 * _EDGE**2) + 4 / 29)


def _f_inverse(f):
    return ops.where(f > _EDGE, f**3, 3 * _EDGE**2 * (f - 4 / 29))


def rgb_to_lab(rgb):
    """sRGB (..., 3) in 0..255 -> Lab (..., 3)."""
    xyz = ops.matmul(_linear(rgb), _RGB_TO_XYZ.T) / _WHITE
    fx, fy, fz = ops.split(_f(xyz), 3, axis=-1)
    return ops.concatenate([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], axis=-1)


def lightness(rgb):
    """sRGB (..., 3) in 0..255 -> L (..., 1) in 0..100."""
    y = ops.matmul(_linear(rgb), _RGB_TO_XYZ[1:2].T)
    return 116 * _f(y) - 16


def lab_to_rgb(lab):
    """Lab (..., 3) -> sRGB (..., 3) in 0..255; colours outside the gamut are clipped."""
    l, a, b = ops.split(ops.cast(lab, "float32"), 3, axis=-1)
    fy = (l + 16) / 116
    xyz = _f_inverse(ops.concatenate([fy + a / 500, fy, fy - b / 200], axis=-1)) * _WHITE
    linear = ops.clip(ops.matmul(xyz, _XYZ_TO_RGB.T), 0.0, 1.0)
    srgb = ops.where(linear <= 0.0031308, linear * 12.92, 1.055 * ops.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)
    return srgb * 255.0
