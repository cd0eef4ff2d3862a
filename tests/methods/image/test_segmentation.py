import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data
from keras_ssl.architectures.fcn import UP, fcn
from keras_ssl.methods.image import segmentation


def test_pretext_moves_masks_with_their_images():
    images, masks = data.open("garments_sample").arrays("train", limit=8)
    marked = np.where((masks > 0)[..., None], 255, 0).astype("uint8").repeat(3, axis=-1)
    seen, moved, _ = segmentation.pretext((tf.constant(marked), tf.constant(masks)), tf.constant([1, 2]))
    assert seen.shape == images.shape and moved.shape == masks.shape and moved.dtype == tf.int32
    assert ((seen.numpy()[..., 0] > 127) == (moved.numpy() > 0)).mean() > 0.95
    plain, same, _ = segmentation.pretext((tf.constant(images), tf.constant(masks)), tf.constant([1, 2]), augment="")
    np.testing.assert_array_equal(plain, images)
    np.testing.assert_array_equal(same, masks)


def test_rare_classes_weigh_more():
    masks = np.array([[[0, 0, 0, 0, 0, 0, 0, 0, 1, 255]]])
    np.testing.assert_allclose(segmentation.rarity(masks, 0.0), [[[1] * 9 + [0]]], rtol=1e-6)
    whole = segmentation.rarity(masks, 1.0).numpy()[0, 0]
    np.testing.assert_allclose(whole, [9 / 16] * 8 + [9 / 2, 0], rtol=1e-6)  # both classes weigh half of 9 pixels
    half = segmentation.rarity(masks, 0.5).numpy()[0, 0]
    assert half[8] / half[0] == pytest.approx(8**0.5) and half[:9].mean() == pytest.approx(1)
    assert not segmentation.rarity(np.full((1, 2, 2), 255), 0.5).numpy().any()


@pytest.mark.parametrize("up", UP)
def test_the_network_is_built_for_the_datas_classes(up):
    model = segmentation.build(
        fcn(widths=(3, 4, 5)), up=up, width=4, shape=(24, 32, 3), legend={"a": (1, 2, 3), "b": (4, 5, 6)}
    )
    assert model.classes == ["a", "b"] and model.colours.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert model.get_layer("answer").side == 24 and model.output_shape == (None, None, None, 2)
    street = segmentation.build(fcn(widths=(3, 4, 5)), width=4)
    assert street.classes[:2] == ["sky", "building"] and street.colours[0].tolist() == [128, 128, 128]


def test_it_starts_from_a_pretrained_encoder(photos):
    from keras_ssl import zoo

    model = segmentation.build(fcn(), start="rotation")
    found, right = model.get_layer("encoder")(photos[:2])[-1], zoo.encoder("rotation")(photos[:2])
    np.testing.assert_allclose(found, right, atol=1e-5)


class Oracle:
    """A model that sees the class in an image's brightness."""

    def __init__(self, classes):
        self.classes = classes

    def segment(self, images):
        return images[..., 0] // 50


def test_measure_stands_beside_the_class_of_each_place():
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 3, (6, 4, 4))
    images = (masks[..., None] * 50).astype("uint8").repeat(3, axis=-1)
    dataset = data.open({"train": (images, masks), "test": (images, masks)})
    found = segmentation.measure(Oracle(dataset.classes), dataset)
    assert found["mean_iou"]["value"] == found["global_accuracy"]["value"] == 1.0
    best = np.apply_along_axis(lambda column: np.bincount(column).max(), 0, masks).sum() / masks.size
    assert found["global_accuracy"]["by_position"] == pytest.approx(best)
    assert segmentation.measure(Oracle(["sky", "road", "car"]), dataset) == {}
