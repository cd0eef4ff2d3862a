"""Pictures of any size at the scale that a network was trained on."""

import keras


@keras.saving.register_keras_serializable("keras_ssl")
class ShorterSide(keras.layers.Layer):
    """Pictures resized, up or down, so that their shorter side is `side`; with None they stay as they are.

    Shape: (N, H, W, C) -> (N, h, w, C), min(h, w) = side.
    """

    def __init__(self, side=None, **kwargs):
        super().__init__(**kwargs)
        self.side = side

    def call(self, images):
        import tensorflow as tf  # keras.ops.image.resize takes no size that is a tensor

        if self.side is None or (None not in images.shape[1:3] and min(images.shape[1:3]) == self.side):
            return images
        shape = tf.cast(tf.shape(images)[1:3], tf.float32)
        size = tf.cast(tf.round(shape * self.side / tf.reduce_min(shape)), tf.int32)
        return tf.image.resize(images, size, antialias=True)

    def compute_output_shape(self, input_shape):
        n, height, width, channels = input_shape
        if self.side is None:
            return input_shape
        if None in (height, width):
            return (n, None, None, channels)
        return (n, *(round(length * self.side / min(height, width)) for length in (height, width)), channels)

    def get_config(self):
        return {**super().get_config(), "side": self.side}
