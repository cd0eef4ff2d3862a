import numpy as np
import tensorflow as tf

from keras_ssl import data
from keras_ssl.methods.image import rotation

SEED = tf.constant([1, 2])


def test_turns_are_those_of_rot90_image_by_image(photos):
    turned = rotation.turns(photos[:3]).numpy()
    right = [np.rot90(image, k) for image in photos[:3] for k in range(4)]
    np.testing.assert_array_equal(turned, np.stack(right))


def test_pretext_labels_each_turn(photos):
    turned, labels = rotation.pretext(tf.constant(photos[:6]), SEED)
    assert turned.shape == (24, 32, 32, 3) and turned.dtype == tf.uint8
    np.testing.assert_array_equal(labels, [0, 1, 2, 3] * 6)
    upright = turned.numpy()[::4]
    for k in range(4):  # the four are turns of one and the same view
        np.testing.assert_array_equal(turned[k::4], [np.rot90(image, k) for image in upright])
    # which is the photo, mirrored or not and shifted by two pixels at most
    for view, photo in zip(upright, photos, strict=False):
        wide = [np.pad(p, [(2, 2), (2, 2), (0, 0)], mode="reflect") for p in (photo, photo[:, ::-1])]
        assert any(np.array_equal(view, w[i : i + 32, j : j + 32]) for w in wide for i in range(5) for j in range(5))


class Knows:
    """A model that sees by the brightest corner how far an image was turned, save for images that are all alike."""

    def predict(self, images, **options):
        corners = np.stack([images[:, 0, 0], images[:, -1, 0], images[:, -1, -1], images[:, 0, -1]], axis=1)
        return corners[..., 0].astype("float32")


def test_measure_counts_right_turns():
    images = np.zeros((10, 16, 16, 3), "uint8")
    images[:8, 0, 0] = 255  # top left; two images give nothing away, and count as not turned
    found = rotation.measure(Knows(), data.open({"train": images, "test": images}))
    assert found["rotation_accuracy"]["chance"] == 0.25
    assert np.isclose(found["rotation_accuracy"]["value"], (8 * 4 + 2 * 1) / 40)


def test_show_turns_back_what_the_model_sees():
    images = np.zeros((6, 16, 16, 3), "uint8")
    images[:, 0, 0] = 255
    (_, turned, angles), (_, back, seen) = rotation.show(Knows(), images)
    assert angles == seen == ["0°", "90°", "180°", "270°", "0°", "90°"]
    np.testing.assert_array_equal(back, images)
    assert (turned[1] != images[1]).any()


def test_build_gives_logits_of_four_turns(tiny, photos):
    model = rotation.build(tiny())
    assert model.predict(photos[0]).shape == (4,) and model.predict(photos[:5, :, 3:]).shape == (5, 4)


def test_wide_photos_are_turned_by_their_middle_square(photos):
    wide = tf.pad(tf.constant(photos[:2]), [[0, 0], [0, 0], [5, 4], [0, 0]])
    turned, labels = rotation.pretext(wide, tf.constant([1, 2]))
    square, same = rotation.pretext(tf.constant(np.asarray(wide[:, :, 4:36])), tf.constant([1, 2]))
    np.testing.assert_array_equal(turned, square)
    np.testing.assert_array_equal(labels, same)
