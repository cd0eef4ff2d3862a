"""Relative position: tell where a patch lies beside another of the same image, in one of eight places.

Doersch, Gupta, Efros, ICCV 2015, arXiv:1505.05192. Ways to tell without looking at what is shown are closed: a gap and
jitter, against edges that go on; one colour channel of each patch kept, against lenses, which bend colours apart by the
distance from the picture's middle, or each patch's hues turned, against tints that go on; the grid at a random place,
and its step a multiple of 16, against the blocks of 8 pixels, 16 for colour, that JPEG leaves: all nine patches lie
alike in them; and each patch's brightness, contrast and tint drawn anew, against light that falls off across the
picture: from it alone half the places can be told.
Unlike there, all 40 pairs of neighbours among the nine are asked about and not the middle one's 8 alone: an encoder's
work, which is most of the work, then teaches five times as much.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from ... import views
from ...errors import InputError, unknown
from ...layers import EveryPair, FoldPatches
from ...models import ImageModel, natural_images

PLACES = ("above left", "above", "above right", "left", "right", "below left", "below", "below right")
STEPS = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0)]  # down, right
PLACE = {step: place for place, step in enumerate(STEPS)}
AT = [(0, 0), *STEPS]  # where the nine patches lie, in their order
SIDE = 64  # the shorter side of the pictures that `predict` cuts up
PATCH = 14  # side of a patch, in pixels
GAP = 2  # between neighbours, before jitter
JITTER = 1  # at most, of each patch in each direction

# Where the second patch (column) lies beside the first (row): (9, 9) of 0..7, -1 for those that aren't neighbours.
NEIGHBOURS = np.array([[PLACE.get((b[0] - a[0], b[1] - a[1]), -1) for b in AT] for a in AT], "int32")


@keras.saving.register_keras_serializable("keras_ssl")
def place_accuracy(places, logits):
    """Share of an image's pairs of neighbours whose place is told; chance is 0.125.

    places (N, K, K) in 0..7, -1 for no neighbours; logits (N, K, K, 8) -> (N,).
    """
    known = ops.cast(places >= 0, "float32")
    right = ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.cast(places, "int64")), "float32")
    return ops.sum(right * known, axis=(1, 2)) / ops.sum(known, axis=(1, 2))


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
METRICS = [place_accuracy]


def grid(images, seed=None, patch=PATCH, gap=GAP, jitter=JITTER):
    """Nine patches of each image, the middle one first, then its neighbours in the order of PLACES.

    images (N, H, W, C) -> (N, 9, patch, patch, C). The grid lies at random within the image and each patch is moved by
    up to `jitter`, both ways; without a seed, in the middle and without jitter.

    Raises InputError for images that are too small, and for jitter by which patches could overlap.
    """
    height, width = images.shape[1:3]
    reach = 3 * patch + 2 * gap + 2 * jitter  # of the grid with all its jitter
    if gap < 2 * jitter:
        raise InputError(f"patches {gap} pixels apart, moved by up to {jitter}, could overlap: give gap={2 * jitter}")
    if min(height or reach, width or reach) < reach:
        raise InputError(
            f"nine patches of {patch} need {reach} pixels, these images have {height}x{width}: give a size"
        )
    n = tf.shape(images)[0]
    free = tf.cast(tf.shape(images)[1:3] - reach, tf.float32)
    if seed is None:
        corner, moved = tf.floor(free / 2)[None, None] + jitter, 0.0
    else:
        at, by = (views.fold(seed, use) for use in ("grid", "jitter"))
        corner = tf.floor(tf.random.stateless_uniform([n, 1, 2], at) * (free + 1)) + jitter
        moved = tf.floor(tf.random.stateless_uniform([n, 9, 2], by, -jitter, jitter + 1))
    steps = tf.constant([(0, 0), *STEPS], tf.float32) + 1
    start = tf.cast(corner + moved + steps * (patch + gap), tf.int32)  # (N, 9, 2): each patch's first row and column
    start = tf.broadcast_to(start, [n, 9, 2])
    rows, columns = (start[..., i, None] + tf.range(patch) for i in (0, 1))  # (N, 9, patch)
    bands = tf.gather(images, rows, axis=1, batch_dims=1)  # (N, 9, patch, W, C)
    patches = tf.gather(bands, columns, axis=3, batch_dims=2)
    return tf.ensure_shape(patches, [images.shape[0], 9, patch, patch, images.shape[-1]])


def drop_colours(patches, seed):
    """One channel of each patch, by chance, kept: (N, K, H, W, 3) -> the same, grey.

    The kept channel takes the others' place, which the paper fills with noise: an encoder that has seen ordinary
    contrasts, if only grey ones, has less to get used to in whole images.
    """
    channels = patches.shape[-1]
    kept = tf.random.stateless_uniform(tf.shape(patches)[:2], views.fold(seed, "channel"), 0, channels, tf.int32)
    kept = tf.tile(kept[..., None], [1, 1, channels])
    by_channel = tf.transpose(patches, [0, 1, 4, 2, 3])
    return tf.transpose(tf.gather(by_channel, kept, axis=2, batch_dims=2), [0, 1, 3, 4, 2])


def project_colours(patches):
    """Green against magenta, in which lenses differ most, taken out of each pixel: (..., 3) -> the same, float32."""
    axis = np.array([-1, 2, -1]) / np.sqrt(6)
    return tf.cast(patches, tf.float32) @ tf.constant(np.eye(3) - np.outer(axis, axis), tf.float32)


def turn_colours(patches, seed):
    """Each patch's hue turned by an angle of its own, and its saturation times 0.2 to 1.5; greys stay as they are.

    (N, K, H, W, 3) in 0..255 -> the same, float32. That neighbours are of one tint tells their place before anything
    that they show does.
    """
    n, k = tf.shape(patches)[0], patches.shape[1]
    angle = tf.random.stateless_uniform([n, k, 1, 1, 1], views.fold(seed, "hue"), 0.0, 2 * np.pi)
    saturation = tf.random.stateless_uniform([n, k, 1, 1, 1], views.fold(seed, "saturation"), 0.2, 1.5)
    across = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])  # two directions without light
    kept = tf.constant(across.T @ across, tf.float32)
    turned = tf.constant(np.outer(across[0], across[1]) - np.outer(across[1], across[0]), tf.float32)
    matrix = 1 / 3 + saturation * (tf.cos(angle) * kept + tf.sin(angle) * turned)  # (N, K, 1, 3, 3)
    return tf.clip_by_value(tf.cast(patches, tf.float32) @ matrix, 0.0, 255.0)


def relight(patches, seed):
    """Each patch's contrast times 0.6 to 1.4 and each of its channels' mean drawn from 64 to 192.

    (N, K, H, W, C) in 0..255 -> the same, float32.
    """
    n, k, channels = tf.shape(patches)[0], patches.shape[1], patches.shape[-1]
    contrast = tf.random.stateless_uniform([n, k, 1, 1, 1], views.fold(seed, "contrast"), 0.6, 1.4)
    level = tf.random.stateless_uniform([n, k, 1, 1, channels], views.fold(seed, "level"), 64.0, 192.0)
    patches = tf.cast(patches, tf.float32)
    spread = patches - tf.reduce_mean(patches, axis=(2, 3), keepdims=True)
    return tf.clip_by_value(contrast * spread + level, 0.0, 255.0)


def pretext(images, seed, colours="mixed", gap=GAP, jitter=JITTER):
    """Nine relit patches of each image, and where every one lies beside every other.

    images (N, H, W, 3) -> patches (N, 9, PATCH, PATCH, 3), the middle one first, and places (N, 9, 9): see NEIGHBOURS.
    colours: "drop" (one channel of each patch kept), "turn" (each patch of other hues), "mixed" (each image the one or
        the other, so that the encoder sees colours too), "project" (green against magenta taken out) or "keep".
    """
    patches = relight(grid(images, seed, gap=gap, jitter=jitter), seed)
    if colours == "drop":
        patches = drop_colours(patches, seed)
    elif colours == "turn":
        patches = turn_colours(patches, seed)
    elif colours == "project":
        patches = project_colours(patches)
    elif colours == "mixed":
        n = tf.shape(images)[0]
        dropped = tf.random.stateless_uniform([n, 1, 1, 1, 1], views.fold(seed, "way")) < 0.5
        patches = tf.where(dropped, drop_colours(patches, seed), turn_colours(patches, seed))
    elif colours != "keep":
        raise unknown("way with colours", colours, ["mixed", "drop", "turn", "project", "keep"])
    return patches, tf.tile(tf.constant(NEIGHBOURS)[None], [tf.shape(images)[0], 1, 1])


def build(encoder, width=256):
    """Patches (N, K, PATCH, PATCH, 3) -> logits (N, K, K, 8) of where each (second K) lies beside each (first K).

    width: of the embedding of a patch and of the layers that see two of them.
    """
    patches = keras.Input((None, PATCH, PATCH, encoder.input_shape[-1]), name="patches")
    x = encoder(FoldPatches(name="fold")(patches))
    x = layers.GlobalAveragePooling2D(name="pool")(x)  # what transfers is what a patch shows, not where in it
    x = layers.Dense(width, use_bias=False, name="embedding")(x)
    x = layers.ReLU(name="embedded")(layers.BatchNormalization(momentum=0.95, name="embedding_norm")(x))
    sides = [layers.Dense(width, use_bias=side == "first", name=side)(x) for side in ("first", "second")]
    x = layers.ReLU(name="compared")(EveryPair(name="pairs")([patches, *sides]))
    x = layers.Dense(width, activation="relu", name="weighed")(x)
    x = layers.Dense(len(PLACES), dtype="float32", name="place")(x)
    return RelativePosition(patches, x, name="relative_position")


@keras.saving.register_keras_serializable("keras_ssl")
class RelativePosition(ImageModel):
    """`relative_position` tells where one patch lies beside another; `predict` cuts each picture into nine and asks it.

    Called as a layer it takes patches (N, K, PATCH, PATCH, 3) and answers for every pair of them.
    """

    def _image_shape(self):
        return (None, None, self.input_shape[-1])

    def respond(self, images):
        """Images (N, H, W, 3) -> logits (N, 8, 8): each true place's, in the order of PLACES, of each place."""
        return self(self.cut(images), training=False)[:, 0, 1:]

    def cut(self, images):
        """The patches that `predict` asks about: (N, H, W, 3) -> (N, 9, PATCH, PATCH, 3), the middle one first."""
        shape = tf.cast(tf.shape(images)[1:3], tf.float32)
        size = tf.maximum(SIDE, tf.cast(tf.round(shape * SIDE / tf.reduce_min(shape)), tf.int32))
        return grid(tf.image.resize(images, size, antialias=True))

    def relative_position(self, a, b):
        """Logits of where the patch b lies beside the patch a, in the order of PLACES: (N, 8), or (8,) for one pair.

        a, b: as many patches, as pictures are given to `predict`; those of another size than PATCH are resized.
        Raises InputError where there are more of one than of the other.
        """
        (a, single), (b, _) = (natural_images(x, self._image_shape(), self.name) for x in (a, b))
        if len(a) != len(b):
            raise InputError(f"pairs are as many patches on the one side as on the other; got {len(a)} and {len(b)}")
        logits = self._pairs(a, b).numpy()
        return logits[0] if single else logits

    def endpoints(self):
        a, b = (tf.TensorSpec((None, *self._image_shape()), tf.float32, name) for name in "ab")
        return {**super().endpoints(), "relative_position": (self._pairs, [a, b])}

    def _pairs(self, a, b):
        a, b = (tf.image.resize(x, (PATCH, PATCH), antialias=True) for x in (a, b))
        return self(tf.stack([a, b], axis=1), training=False)[:, 0, 1]


def measure(model, dataset):
    """Share of the middle patches' eight neighbours whose place is told, with gap and jitter, on the test images:
    colours dropped, projected, and all kept."""

    def accuracy(colours):
        right = []
        for i, images in enumerate(dataset.stream("test", labels=False).batch(250)):
            patches, places = pretext(images, tf.constant([0, i]), colours)
            told = tf.argmax(answer(patches)[:, 0, 1:], axis=-1, output_type=tf.int32)
            right.append(np.mean(told == places[:, 0, 1:], axis=1))
        return np.mean(np.concatenate(right))

    answer = tf.function(lambda patches: model(patches, training=False))
    return {
        "place_accuracy": {"value": accuracy("drop"), "chance": 1 / 8},
        "place_accuracy_projected": {"value": accuracy("project"), "chance": 1 / 8},
        "place_accuracy_in_colour": {"value": accuracy("keep"), "chance": 1 / 8},
    }


def show(model, images):
    """Images cut into nine patches, and the patches put where the model thinks that they belong, each place once."""
    from scipy.optimize import linear_sum_assignment

    patches = model.cut(tf.cast(images, tf.float32)).numpy().clip(0, 255)
    logits = model.predict(images)
    places = np.stack([linear_sum_assignment(-tf.nn.log_softmax(each))[1] for each in logits])
    captions = [f"{right} of 8 right" for right in np.sum(places == np.arange(8), axis=1)]
    return [
        ("images", images, None),
        ("cut up", _laid_out(patches, np.tile(np.arange(8), (len(images), 1))), None),
        ("put together", _laid_out(patches, places), captions),
    ]


def _laid_out(patches, places):
    """Patches (N, 9, P, P, C), the middle one first, the others at their places (N, 8) -> pictures of them."""
    step = PATCH + GAP
    pictures = np.full((len(patches), 3 * PATCH + 2 * GAP, 3 * PATCH + 2 * GAP, patches.shape[-1]), 255, "float32")
    for picture, own, where in zip(pictures, patches, places, strict=True):
        for patch, (row, column) in zip(own, [(0, 0), *(STEPS[k] for k in where)], strict=True):
            top, left = (row + 1) * step, (column + 1) * step
            picture[top : top + PATCH, left : left + PATCH] = patch
    return pictures
