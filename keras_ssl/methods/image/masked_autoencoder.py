"""Masked autoencoder: hide three quarters of a picture's patches and paint them from the rest.

He, Chen, Xie, Li, Dollar, Girshick, CVPR 2022, arXiv:2111.06377. The encoder, a vision transformer, sees the visible
patches alone, which makes training cheap; a small decoder gets what it says of them, with a learned token in each
hidden place. The loss is on hidden patches only. An encoder that isn't made of tokens gets the whole picture with the
hidden patches in grey instead (SimMIM: Xie et al., CVPR 2022, arXiv:2111.09886).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import energies, views
from ...architectures.transformer import transformer_block
from ...errors import InputError
from ...layers import (
    GreyForHidden,
    HiddenPatches,
    LayerNormalization,
    MaskToken,
    Patches,
    Positions,
    ResizeLike,
    VisibleTokens,
)
from ...layers.patches import GREY, from_patches, hide, pixels_of, to_patches
from ...models import ImageModel

LOSS = keras.losses.MeanSquaredError()
METRICS = []
SCALE = 64.0  # grey levels that count as 1 in the loss
FLAT = 2.0  # grey levels: patches that vary less than about this aren't stretched to a deviation of 1
TRAIN, JUDGED = 20_000, 2000  # images that the ridge regression learns from, and whose energies are measured


def pretext(images, seed, patch=4, share=0.75, normalise=False):
    """Images with hidden patches, what stood there, and which patches count.

    images (N, H, W, C) -> the same, mirrored and shifted, float32, every pixel of hidden patches -1; `values` of all T
    patches (N, T, D); weights (N, T): 0 for visible patches, of mean 1.

    patch: side of a patch in pixels. share: of the patches that are hidden. normalise: as for `values`.
    """
    images = tf.cast(views.shift(views.flip(images, seed), seed, pixels=images.shape[1] // 8), tf.float32)
    patches = to_patches(images, patch)
    n, (rows, columns, numbers) = tf.shape(images)[0], patches.shape[1:]
    hidden = hidden_places(n, rows, columns, share, views.fold(seed, "hidden"))
    weights = tf.reshape(tf.cast(hidden, tf.float32), [n, rows * columns])
    weights /= tf.maximum(tf.reduce_mean(weights), 1e-6)
    targets = values(tf.reshape(patches, [n, rows * columns, numbers]), normalise)
    return hide(images, hidden, patch), targets, weights


def hidden_places(n, rows, columns, share, seed, turn=0):
    """Patches to hide, round(share * rows * columns) of each of n pictures: bool (n, rows, columns).

    turn: 0, 1, ... for masks of the same seed that show other patches, until all were visible.
    """
    count = rows * columns
    visible = tf.maximum(1, count - tf.cast(tf.round(share * tf.cast(count, tf.float32)), tf.int32))
    noise = tf.random.stateless_uniform([n, count], seed, alg="philox")
    rank = tf.argsort(tf.argsort(noise, axis=1), axis=1)  # not `noise < share`: exactly as many in each picture
    return tf.reshape((rank + turn * visible) % count >= visible, [n, rows, columns])


def values(patches, normalise=False):
    """What is predicted of patches (..., D) in 0..255: their pixels, in units of 64 grey levels from mid-grey.

    normalise: instead, each patch's pixels less its mean over its deviation, and these two after them, (..., D + 2).
    """
    if not normalise:
        return (patches - GREY) / SCALE
    mean, variance = tf.nn.moments(patches, -1, keepdims=True)
    deviation = tf.sqrt(variance + FLAT**2)
    return tf.concat([(patches - mean) / deviation, (mean - GREY) / SCALE, deviation / SCALE], axis=-1)


def pixels(values, normalise=False):
    """The way back: values (..., D), or (..., D + 2) of normalised patches -> pixels (..., D)."""
    if not normalise:
        return values * SCALE + GREY
    return values[..., :-2] * values[..., -1:] * SCALE + values[..., -2:-1] * SCALE + GREY


def build(encoder, patch=4, share=0.75, normalise=False, width=64, depth=1, heads=4):
    """Image with hidden patches -> `values` of all its patches (N, T, D).

    patch, share, normalise: as for `pretext`. width, depth, heads: of the decoder, a transformer like the encoder.
    Raises InputError for an encoder with patches of another size.
    """
    of_tokens = any(isinstance(layer, VisibleTokens) for layer in encoder.layers)
    sides = [layer.side for layer in encoder.layers if isinstance(layer, Patches)]
    if of_tokens and sides != [patch]:
        raise InputError(f"the encoder's patches are of {sides[0]} pixels, not {patch}: give --set patch={sides[0]}")
    images = encoder.input
    hidden = HiddenPatches(patch, share, name="hidden")(images)
    x = encoder(images if of_tokens else GreyForHidden(name="grey")(images))
    x = x if len(x.shape) == 4 else layers.Reshape((1, 1, x.shape[-1]), name="place")(x)
    x = layers.Dense(width, name="decoder_embed")(x)
    x = MaskToken(name="mask_token")([x, hidden]) if of_tokens else ResizeLike(name="grid")([x, hidden])
    x = Positions(name="decoder_positions")(x)
    x = layers.Reshape((-1, width), name="tokens")(x)
    for i in range(1, depth + 1):
        x = transformer_block(x, heads, f"decoder_block{i}")
    x = LayerNormalization(epsilon=1e-6, name="decoder_norm")(x)
    numbers = patch * patch * images.shape[-1] + 2 * normalise
    x = layers.Dense(numbers, dtype="float32", name="values")(x)
    return MaskedAutoencoder(images, x, name="masked_autoencoder")


@keras.saving.register_keras_serializable("keras_ssl")
class MaskedAutoencoder(ImageModel):
    """`predict` hides patches, always the same, and gives the picture with these painted; `reconstruct` hides others.

    Called as a layer it takes images whose hidden patches are -1 and gives `values` of all patches.
    """

    def respond(self, images):
        return self._reconstruct(images, 0)

    def reconstruct(self, images, seed=0):
        """Pictures, as `predict` takes them -> the same, float32 in 0..255, the hidden patches painted by the model.

        Visible pixels stay as they are. The seed says which patches are hidden, the same in all pictures.
        """
        return self.ask(lambda part: self._reconstruct(part, seed), images, 100)

    def mask(self, height, width, seed=0):
        """Which pixels of pictures of this size `reconstruct` hides: bool (height, width)."""
        like = tf.zeros([1, height, width, 1])
        return pixels_of(self._hidden(like, seed), self._side, like)[0, ..., 0].numpy()

    def energy(self, images):
        """Squared error of a picture's hidden patches, pixels in 0..1, averaged over masks that show each patch once.

        Low where parts follow from the others. (N,), a number for one picture.
        """
        return self.ask(self._energy, images, 50)

    def endpoints(self):
        images = tf.TensorSpec((None, *self._image_shape()), tf.float32, "images")
        return {
            **super().endpoints(),
            "reconstruct": (self._reconstruct, [images, tf.TensorSpec((), tf.int32, "seed")]),
            "energy": (self._energy, [images]),
        }

    @property
    def _side(self):
        return self.get_layer("hidden").side

    def _hidden(self, images, seed, turn=0):
        """The hidden patches of one mask for all images (N, H, W, C): bool (N, h, w)."""
        n, height, width = tf.unstack(tf.shape(images)[:3])
        rows, columns = -(-height // self._side), -(-width // self._side)
        one = hidden_places(1, rows, columns, self.get_layer("hidden").share, [seed, 0], turn)
        return tf.repeat(one, n, axis=0)

    def _reconstruct(self, images, seed):
        images = tf.cast(images, tf.float32)
        return self._painted(images, self._hidden(images, seed))

    def _painted(self, images, hidden):
        answer = self(hide(images, hidden, self._side), training=False)
        numbers = self._side**2 * images.shape[-1]
        shape = tf.concat([tf.shape(hidden), [numbers]], axis=0)
        patches = tf.reshape(pixels(answer, normalise=answer.shape[-1] > numbers), shape)
        painted = from_patches(patches, self._side, tf.shape(images)[1], tf.shape(images)[2])
        return tf.where(pixels_of(hidden, self._side, images), tf.clip_by_value(painted, 0.0, 255.0), images)

    def _energy(self, images):
        turns = max(1, round(1 / (1 - self.get_layer("hidden").share)))
        hidden = tf.concat([self._hidden(images, 0, turn) for turn in range(turns)], axis=0)
        images = tf.tile(images, [turns, 1, 1, 1])  # all masks in one batch
        squares = tf.reduce_sum(((self._painted(images, hidden) - images) / 255) ** 2, axis=[1, 2, 3])
        counted = tf.reduce_sum(tf.cast(pixels_of(hidden, self._side, images), tf.float32), axis=[1, 2, 3])
        errors = squares / tf.maximum(counted * images.shape[-1], 1)
        return tf.reduce_mean(tf.reshape(errors, [turns, -1]), axis=0)


def measure(model, dataset):
    """Squared error on hidden patches of test images, pixels in 0..1, by predict's mask, beside simple guesses.

    "ridge": regression from the visible pixels; "visible_mean": their mean colour. "energy_auc": how well the energy
    tells pictures from ones that have another's patches in three quarters of the places.
    """
    from sklearn.linear_model import Ridge

    count = dataset.count("train")
    train, _ = dataset.arrays("train", keep=np.linspace(0, count - 1, min(count, TRAIN)).astype(int))
    test, _ = dataset.arrays("test")
    hidden = model.mask(*test.shape[1:3])

    def pixels_at(places, images):
        return images[:, places].reshape(len(images), -1).astype("float32") / 255

    ridge = Ridge(1e-4 * len(train)).fit(pixels_at(~hidden, train), pixels_at(hidden, train))
    guesses = {
        "value": pixels_at(hidden, model.predict(test, batch_size=100)),
        "ridge": ridge.predict(pixels_at(~hidden, test)).clip(0, 1),
        "visible_mean": np.tile(test[:, ~hidden].mean(axis=1) / 255, hidden.sum()),
    }
    truth, some = pixels_at(hidden, test), test[:JUDGED]
    mixed = np.where(hidden[..., None], np.roll(some, 1, axis=0), some)
    return {
        "hidden_mse": {who: np.mean((guess - truth) ** 2) for who, guess in guesses.items()},
        "energy_auc": {"value": energies.auc(model.energy(some), model.energy(mixed)), "chance": 0.5},
    }


def show(model, images):
    """Pictures, what the model sees of them, its painting, and its painting of other hidden patches."""
    hidden = model.mask(*images.shape[1:3])
    return [
        ("images", images, None),
        ("visible", np.where(hidden[..., None], np.uint8(GREY), images), None),
        ("painted", model.predict(images), None),
        ("another mask", model.reconstruct(images, seed=1), None),
    ]
