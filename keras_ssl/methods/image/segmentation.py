"""Semantic segmentation: a class for every pixel, learned from masks, by a fully convolutional network.

Long, Shelhamer, Darrell, CVPR 2015, arXiv:1411.4038. The way up is one of four: nearest unpooling, a "bed of nails",
max-unpooling (SegNet, arXiv:1511.00561) or transposed convolution; see `architectures.fcn`.
"""

import tensorflow as tf

from ... import losses, pictures, saving, views, zoo
from ...data.masks import CAMVID, VOID
from ...segmenters import overlaid, segmenter
from ...transfer.pixels import segmented, without_network
from ...transfer.subset import augmentation

LOSS = losses.PixelCrossentropy()
METRICS = [losses.pixel_accuracy]
LABELLED = True  # pretext gets (images, masks)


def pretext(batch, seed, augment="flip,crop", balance=0.5):
    """Images (N, H, W, C) and their masks (N, H, W), mirrored and cropped alike, and weights of the pixels (N, H, W).

    augment: as `augmentation` takes it. balance: classes weigh by their share of the batch's pixels to the power of
    -balance; the weights have a mean of 1 over the pixels with a class.
    """
    images, masks = augmentation(augment)(batch, views.fold(seed, "segmentation"))
    masks = tf.cast(masks, tf.int32)
    return images, masks, rarity(masks, balance)


def rarity(masks, power):
    """Of masks (N, H, W): each pixel's class's share of the pixels, to the power of -power, scaled to a mean of 1."""
    counts = tf.math.bincount(tf.reshape(masks, [-1]), minlength=VOID + 1, maxlength=VOID + 1, dtype=tf.float32)[:VOID]
    total = tf.reduce_sum(counts)
    weights = tf.math.divide_no_nan(total, counts) ** power * tf.cast(counts > 0, tf.float32)
    weights *= tf.math.divide_no_nan(total, tf.reduce_sum(weights * counts))
    return tf.gather(tf.concat([weights, [0.0]], axis=0), masks)


def build(encoder, up="nearest", skips=True, width=32, start=None, shape=None, legend=None):
    """Image -> logits of each pixel's class, (N, H, W, K); any size.

    up, skips, width: as `fcn_decoder` takes them.
    start: a zoo entry or a `.keras` file whose encoder takes the place of the one given, weights and all.
    legend: {class: its colour or None}, as the data have them; None for CamVid's.
    """
    legend = legend or CAMVID
    if start:
        from ...architectures import to_maps

        encoder = saving.plain_copy(to_maps(zoo.encoder(start)), encoder.layers[-1].dtype_policy.name)
    colours = [] if None in legend.values() else list(legend.values())
    side = None if shape is None or None in shape[:2] else min(shape[:2])
    return segmenter(encoder, list(legend), colours, side, up, skips, width)


def measure(model, dataset):
    """Mean intersection over union and share of right pixels on the test images.

    Beside them, the class that training masks have most often at each pixel. Nothing of masks of other classes.
    """
    if list(dataset.classes) != list(model.classes):
        return {}
    found = segmented(model.segment, dataset, "test")
    beside = without_network(dataset)
    return {name: {"value": found[name], "by_position": beside[name]} for name in ("mean_iou", "global_accuracy")}


def show(model, images):
    """Images, and the same tinted by the classes that the model sees."""
    return [("images", images, None), ("classes", overlaid(images, model.segment(images), model.colours), None)]


def picture(model, images, path, title=None):
    """The same with a legend, as a PNG."""
    legend = dict(zip(model.classes, model.colours.tolist(), strict=True))
    pictures.grid(show(model, images), path, title, legend=legend)
