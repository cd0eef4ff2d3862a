"""Context encoder: fill the hole in an image from what stands around it.

Pathak, Krähenbühl, Donahue, Darrell, Efros, CVPR 2016, arXiv:1604.07379. The encoder sees the image with its hole
filled by the mean colour of its border; the decoder, which is told where the hole is, makes the rest. The squared
error of `loss="l2"` gives the mean of all fillings that fit, which is blurred; "adversarial" asks a critic instead
whether the whole looks real, which is sharp and need not be right; "joint" asks for both.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ... import energies, holes, losses, views
from ...architectures import maps_of, with_skips
from ...architectures.dcgan import dcgan_encoder
from ...errors import InputError, unknown
from ...layers import FillHoles, HideHoles, ResizeLike
from ...models import Adversaries, ImageModel

# What is asked of the filling; the critic's verdict comes on top of it, or is all there is.
LOSS = {"l2": losses.PixelMeanSquaredError(), "joint": losses.PixelMeanSquaredError(), "adversarial": None}
METRICS = []
REALISM = 0.01  # weight of the critic's verdict beside the squared error of pixels in 0..1
TRAIN = 15_000  # training images that the figures' baselines look at, at most
BLOCKED = 2_000  # test images on which random blocks are measured, at most
PENALTY = 0.05  # weight of R1, for pixels in -1..1


def pretext(images, seed, hole="centre"):
    """The image is its own target, where the mask is 1.

    images (N, H, W, C) -> (images, mirrored at random, mask (N, H, W, 1)), images, weights (N,): with them, the mean
    over all pixels is one over the hole's.
    """
    images = tf.cast(views.flip(images, seed), tf.float32)
    mask = holes.draw(hole, tf.shape(images), seed)
    mask = tf.ensure_shape(mask, [*images.shape[:3], 1])
    return (images, mask), images, 1 / tf.reduce_mean(mask, axis=[1, 2, 3])


def build(encoder, hole="centre", loss="l2", width=64, wide=96):
    """[images (N, H, W, C), mask (N, H, W, 1)] -> images whose holes are filled, float32 in about 0..255.

    hole: the one that `predict` fills, the centre where it is a random one. width, wide: channels of the decoder where
        maps are a half and a quarter the size of the image.
    With another loss than "l2" a second output is the critic's logits, at each place of a map, that these are real.
    The decoder meets the encoder's last map with its maps a half and a quarter the size of the image, where it has
    blocks named "block1" and "block2". Raises InputError for an encoder without maps.
    """
    if hole not in holes.KINDS:
        raise unknown("hole", hole, holes.KINDS)
    if len(encoder.outputs[-1].shape) != 4:
        raise InputError(
            "a context encoder needs an encoder that gives a map, such as convnet; this one gives a vector"
        )
    skips = maps_of(encoder, ["block1", "block2"])
    skips = skips if len(skips) == 2 else []
    images = keras.Input(encoder.input_shape[1:], name="image")
    mask = keras.Input((*encoder.input_shape[1:3], 1), name="mask")
    hidden = HideHoles(hole, dtype="float32", name="hidden")([images, mask])
    *finer, features = keras.tree.flatten(with_skips(encoder, skips)(hidden))
    seen = layers.Rescaling(1 / 64, offset=-2, name="rescale")(hidden)
    seen = layers.Concatenate(name="seen")([seen, mask])
    half = _convolution(seen, width // 2, "half", side=4, strides=2)
    quarter = _convolution(half, width, "quarter", side=4, strides=2)
    x = layers.Concatenate(name="deep")([ResizeLike(name="deep_up")([features, quarter]), quarter, *finer[1:]])
    x = _convolution(x, wide, "squeeze", side=1)
    for dilation in (1, 2, 4):
        x = _convolution(x, wide, f"context{dilation}", dilation_rate=dilation)
    x = layers.Concatenate(name="meet")([ResizeLike(name="up")([x, half]), half, *finer[:1]])
    x = _convolution(x, width, "mix")
    x = layers.Conv2DTranspose(images.shape[-1], 4, strides=2, padding="same", dtype="float32", name="colours")(x)
    x = layers.Rescaling(64, dtype="float32", name="pixels")(x)
    filled = FillHoles(dtype="float32", name="filled")([hidden, mask, x])
    if loss == "l2":
        return Inpainter([images, mask], filled, name="inpainter")
    trunk = dcgan_encoder(encoder.input_shape[1:], widths=(24, 48, 96))
    score = layers.Conv2D(1, 1, dtype="float32", name="score")(trunk.output)
    critic = keras.Model(trunk.input, score, name="discriminator")
    return AdversarialInpainter([images, mask], [filled, critic(filled)], name="inpainter")


def _convolution(x, width, name, side=3, **kwargs):
    return layers.Conv2D(
        width, side, padding="same", activation="relu", kernel_initializer="he_normal", name=name, **kwargs
    )(x)


@keras.saving.register_keras_serializable("keras_ssl")
class Inpainter(ImageModel):
    """`inpaint` fills any hole; `predict` the one that was trained, the middle of each picture; `energy` asks how badly
    that fits to what stands around it.

    Called as a layer it takes [images, masks].
    """

    def _image_shape(self):
        return tuple(self.get_layer("image").output.shape[1:])

    def fill(self, images, mask):
        """Images (N, H, W, C) with what the network puts where the masks (N, H, W, 1) are 1: pure TensorFlow."""
        filled = keras.tree.flatten(self([images, mask], training=False))[0]
        return tf.where(mask > 0.5, tf.clip_by_value(filled, 0, 255), images)

    def hole(self, shape):
        """The mask (N, H, W, 1) of what `predict` fills, for images of `shape` (N, H, W, C)."""
        kind = self.get_layer("hidden").hole
        return holes.draw(kind if kind in ("upper", "lower") else "centre", shape)

    def respond(self, images):
        return self.fill(images, self.hole(tf.shape(images)))

    def predict_step(self, data):
        images, *mask = keras.tree.flatten(keras.utils.unpack_x_y_sample_weight(data)[0])
        return self.fill(images, *mask) if mask else self.respond(images)

    def inpaint(self, images, mask, batch_size=32):
        """Pictures with their holes filled, as they came: of the same numbers elsewhere, bit for bit, and their type.

        images: as `predict` takes them. mask: 1 in the hole, 0 elsewhere; (H, W) for all, or (N, H, W), with or without
        a last axis of 1; any number of holes of any shape. What stands in them isn't looked at.
        """
        given, (images, single) = images, self.natural(images)
        mask = holes.natural(mask, images.shape)
        filled = keras.Model.predict(self, [images, mask], batch_size=batch_size, verbose=0)
        if not (isinstance(given, str) or hasattr(given, "__fspath__")):
            given = np.asarray(given)
            filled = (np.rint(filled) if given.dtype.kind in "iu" else filled).astype(given.dtype)
            given = given if given.ndim == images.ndim - single else given[..., None]  # grey
            if given.shape[-1] == 1 or images.shape[-1] == 3:  # else its greys are made, not given
                filled = np.where(mask > 0, filled, given[..., :3])
        return filled[0] if single else filled

    def energy(self, images):
        """Squared error of what fills each picture's middle, hidden, against what stands there, pixels in 0..1: (N,).

        Low where the middle is what its surroundings let expect; a number for one picture.
        """
        return self.ask(lambda part: self._error(part, self.predict(part)), images)

    def endpoints(self):
        images = tf.TensorSpec((None, *self._image_shape()), tf.float32, "images")
        mask = tf.TensorSpec((None, *self._image_shape()[:2]), tf.float32, "mask")
        return {
            **super().endpoints(),
            "inpaint": (lambda images, mask: self.fill(images, mask[..., None]), [images, mask]),
            "energy": (lambda images: self._error(images, self.respond(images)), [images]),
        }

    def _error(self, images, filled):
        share = tf.reduce_mean(self.hole(tf.shape(images)), axis=[1, 2, 3])
        return losses.mse(images, filled) / share


@keras.saving.register_keras_serializable("keras_ssl")
class AdversarialInpainter(Adversaries, Inpainter):
    """An Inpainter that is trained against a critic."""

    TRACKED = ("error", "realism_loss", "critic_loss")

    def train_step(self, data):
        (images, mask), _, weights = data
        critic = self.get_layer("discriminator")
        with tf.GradientTape(persistent=True) as tape:
            filled, fake = self([images, mask], training=True)
            critic_loss, realism = self.verdicts(critic(images, training=True), fake)
            error = tf.reduce_mean(weights * losses.mse(images, filled))
            # An eighth of the batch stands for all at an eighth of the cost.
            some = images[: tf.shape(images)[0] // 8 + 1]
            penalty = PENALTY / 2 * self.steepness(lambda x: critic(x, training=True), some)
            loss = error + REALISM * realism if self.own_loss else realism
            shares = [self.share(critic_loss + penalty), self.share(loss)]
        self.play(tape, shares)
        return self.track(error, realism, critic_loss)


def measure(model, dataset):
    """What fills the middle of all test images, or the half that was trained, against what stands there.

    PSNR in dB and squared error in the hole, and sharpness: the energy of its gradients over the truth's. Beside the
    mean colour of the hole's border, ridge regression on the visible pixels near it, and the hole of the training image
    that is nearest in these pixels. psnr_in_blocks: in four random blocks of each image, whatever was trained.
    energy_auc: of images against ones with another image's middle.
    """
    test, _ = dataset.arrays("test")
    hole = model.hole((1, *test.shape[1:])).numpy()[0, ..., 0] > 0.5
    guesses = {"value": pixels(model.predict(test, batch_size=500), hole), **guessed(dataset, test, hole)}
    truth = pixels(test, hole)
    errors = {who: np.mean((guess - truth) ** 2) for who, guess in guesses.items()}
    rough = {who: roughness(guess, hole) / roughness(truth, hole) for who, guess in guesses.items()}
    some = test[:BLOCKED].astype("float32")
    blocks = holes.draw("blocks", some.shape).numpy()
    in_blocks = {"value": model.inpaint(some, blocks), "border_mean": HideHoles()([some, blocks]).numpy()}
    apart = {who: np.mean(((guess - some) / 255)[blocks[..., 0] > 0] ** 2) for who, guess in in_blocks.items()}
    swapped = test.copy()
    swapped[:, hole] = np.roll(test, 1, axis=0)[:, hole]
    return {
        "psnr_in_hole": {who: -10 * np.log10(error) for who, error in errors.items()},
        "psnr_over_border_mean": {who: 10 * np.log10(errors["border_mean"] / errors[who]) for who in guesses},
        "mse_in_hole": errors,
        "psnr_in_blocks": {who: -10 * np.log10(error) for who, error in apart.items()},
        "sharpness": rough,
        "energy_auc": {"value": energies.auc(model.energy(test), model.energy(swapped)), "chance": 0.5},
    }


def pixels(images, mask):
    """The pixels of images (N, H, W, C) in 0..255 where a mask (H, W) is True: (N, their number * C) in 0..1."""
    return images[:, mask].reshape(len(images), -1).astype("float32") / 255


def guessed(dataset, images, hole):
    """What fills a hole (H, W) of images without a network, {way: as `pixels` gives it}; see `measure`."""
    from scipy import ndimage
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import NearestNeighbors

    count = dataset.count("train")
    train, _ = dataset.arrays("train", keep=np.linspace(0, count - 1, min(count, TRAIN)).astype(int))

    def around(pixels):
        return ndimage.binary_dilation(hole, np.ones((3, 3)), iterations=pixels) & ~hole

    border, near = around(1), around(max(1, len(hole) // 8))
    known, content, asked = pixels(train, near), pixels(train, hole), pixels(images, near)
    neighbours = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(known)
    return {
        "border_mean": np.tile(images[:, border].mean(axis=1) / 255, hole.sum()),
        "ridge": Ridge(1e-3 * len(known)).fit(known, content).predict(asked).clip(0, 1),
        "nearest_neighbour": content[neighbours.kneighbors(asked, return_distance=False)[:, 0]],
    }


def roughness(content, hole):
    """Energy of the gradients within a hole (H, W) of its content (N, pixels * C): squared steps between neighbours."""
    images = np.full((len(content), *hole.shape, content.shape[1] // hole.sum()), np.nan, "float32")
    images[:, hole] = content.reshape(len(content), hole.sum(), -1)
    return sum(np.nansum(np.diff(images, axis=axis) ** 2, dtype="float64") for axis in (1, 2))


def show(model, images):
    """Images with a hole, what the model puts there, and what stood there."""
    hole = model.hole(images.shape).numpy() > 0.5
    return [
        ("hole", np.where(hole, 128, images), None),
        ("filled", model.predict(images), None),
        ("true", images, None),
    ]
