"""Models of clips."""

import keras
import numpy as np

from ..errors import InputError
from .images import ImageModel, natural_images


@keras.saving.register_keras_serializable("keras_ssl")
class ClipModel(ImageModel):
    """A Keras model of clips that takes them as an ImageModel takes pictures: (T, H, W, C) or (N, T, H, W, C)."""

    def natural(self, x):
        return natural_clips(x, self._image_shape(), self.name)


def natural_clips(x, shape, name="the model"):
    """Clips as they come -> (float32 batch (N, T, H, W, C) that fits `shape`, whether `x` was one clip).

    One clip is (T, H, W) or (T, H, W, C), many are (N, T, H, W) or (N, T, H, W, C); or a path of a video file.
    Raises InputError for a shape, number of frames or channels, or range that can't be a clip of this model.
    """
    if isinstance(x, str) or hasattr(x, "__fspath__"):
        from ..data import video_files

        x = video_files.opened(x, None, shape[-1])
    x = np.asarray(x)
    single = x.ndim == 3 or (x.ndim == 4 and x.shape[-1] in (1, 3, 4))
    x = x[None] if single else x
    if x.ndim not in (4, 5):
        raise InputError(f"{name} takes clips (N, T, H, W, C), or one (T, H, W, C); got {x.shape}")
    if shape[0] not in (None, x.shape[1]):
        raise InputError(f"{name} takes clips of {shape[0]} frames, got {x.shape[1]}")
    frames = natural_images(x.reshape(-1, *x.shape[2:], *([1] if x.ndim == 4 else [])), shape[1:], name)[0]
    return frames.reshape(*x.shape[:2], *frames.shape[1:]), single
