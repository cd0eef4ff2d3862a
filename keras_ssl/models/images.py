"""Models of pictures."""

import keras
import numpy as np

from ..errors import InputError
from .batches import by_parts


@keras.saving.register_keras_serializable("keras_ssl")
class ImageModel(keras.Model):
    """A Keras model of images that takes them as they come.

    `predict` takes one picture or a batch; grey (H, W) or (N, H, W), RGB or RGBA; uint8 or float in 0..255; a path; and
    gives its answer in float32, without a batch axis for one picture. Everything else is `keras.Model`'s.
    """

    def respond(self, images):
        """What `predict` and the SavedModel answer to a float batch (N, H, W, C): a pure TensorFlow function."""
        return self(images, training=False)

    def endpoints(self):
        """The SavedModel's endpoints: name -> (function, list of tf.TensorSpec)."""
        import tensorflow as tf

        shape = (None, *self._image_shape())
        respond = tf.function(self.respond)  # the file then holds its graph once
        return {
            "serve": (respond, [tf.TensorSpec(shape, tf.float32, "images")]),
            "serve_uint8": (
                lambda images: respond(tf.cast(images, tf.float32)),
                [tf.TensorSpec(shape, tf.uint8, "images")],
            ),
        }

    def predict_step(self, data):
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.respond(images)

    def predict(self, x, batch_size=None, verbose=0, **kwargs):
        """The model's answer for one picture, a batch, a path of a picture, or a tf.data.Dataset of batches."""
        if hasattr(x, "element_spec"):
            return super().predict(x, verbose=verbose, **kwargs)
        images, single = self.natural(x)
        answer = super().predict(images, batch_size=batch_size, verbose=verbose, **kwargs)
        return keras.tree.map_structure(lambda a: a[0], answer) if single else answer

    def natural(self, x):
        """(batch (N, H, W, C) float32 as this model takes it, whether `x` was one picture).

        Raises InputError for a shape, number of channels or range that can't be a picture of this model.
        """
        return natural_images(x, self._image_shape(), self.name)

    def ask(self, function, x, size=500):
        """What a function of a float batch (N, H, W, C) says of pictures as they come, `size` at a time.

        For one picture without a batch axis.
        """
        images, single = self.natural(x)
        answers = by_parts(function, images, size)
        return answers[0] if single else answers

    def _image_shape(self):
        return tuple(self.input_shape[1:])


def natural_images(x, shape, name="the model"):
    """Pictures as they come -> (float32 batch (N, H, W, C) that fits `shape`, whether `x` was one picture)."""
    if isinstance(x, str) or hasattr(x, "__fspath__"):
        from ..data import image_files

        try:
            x = image_files.read(x, None, 3)
        except Exception as error:  # Pillow's decoders raise errors of many kinds
            raise InputError(f"{x} isn't a readable picture ({error})") from error
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise InputError("pictures of one batch have one shape: resize them, or give one at a time") from error
    if x.dtype.kind not in "uifb":
        raise InputError(f"pictures are numbers in 0..255, got an array of {x.dtype}")
    height, width, channels = shape
    single = x.ndim == 2 or (x.ndim == 3 and x.shape[-1] in (1, 3, 4))
    if x.ndim == 2 or (x.ndim == 3 and not single):
        x = x[..., None]
    if single:
        x = x[None]
    if x.ndim != 4 or x.shape[-1] not in (1, 3, 4):
        raise InputError(
            f"{name} takes pictures (N, H, W, C) with 1, 3 or 4 channels, or one (H, W) or (H, W, C); got {x.shape}"
        )
    x = x.astype("float32")
    if x.size and not (np.isfinite(x).all() and x.min() >= -1e-3 and x.max() <= 255.001):
        raise InputError(f"pictures are in 0..255, got values in {x.min():g}..{x.max():g}")
    if x.size and 0 < x.max() <= 1 and (x % 1).any():
        raise InputError(f"pictures are in 0..255, these look like 0..1 (at most {x.max():g}): multiply by 255")
    x = x[..., :3]  # alpha
    if channels == 3 and x.shape[-1] == 1:
        x = np.repeat(x, 3, axis=-1)
    elif channels == 1 and x.shape[-1] == 3:
        x = x @ np.array([[0.299], [0.587], [0.114]], "float32")  # ITU-R BT.601 luma
    if (height and height != x.shape[1]) or (width and width != x.shape[2]):
        raise InputError(f"{name} takes pictures of {height}x{width}, got {x.shape[1]}x{x.shape[2]}: resize them")
    return x, single
