import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import saving
from keras_ssl.architectures.fcn import UP, fcn
from keras_ssl.losses import PixelCrossentropy, pixel_accuracy
from keras_ssl.segmenters import overlaid, palette, segmenter

RNG = np.random.default_rng(0)


def small(side=16, **options):
    return segmenter(fcn(widths=(3, 4, 5)), ["a", "b", "c"], side=side, width=4, **options)


@pytest.mark.parametrize("size", [(16, 16), (16, 24), (7, 50), (1, 1), (61, 33)])
def test_pictures_of_any_size(size):
    model = small()
    picture = RNG.integers(0, 256, (*size, 3), "uint8")
    probabilities, classes = model.predict(picture), model.segment(picture)
    assert probabilities.shape == (*size, 3) and classes.shape == size and classes.dtype == np.int32
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-4)
    np.testing.assert_array_equal(probabilities.argmax(axis=-1), classes)
    assert model.segment(np.stack([picture] * 3)).shape == (3, *size)
    assert model.segment(picture[..., 0]).shape == size


def test_the_scale_is_that_of_training():
    """A picture twice as large is answered as it was, enlarged; at the size of training nothing is resized."""
    model = small()
    picture = RNG.uniform(0, 255, (1, 16, 16, 3)).astype("float32")
    logits = model(picture, training=False)
    np.testing.assert_allclose(model.predict(picture), tf.nn.softmax(logits), atol=1e-5)
    large = np.repeat(np.repeat(picture, 2, axis=1), 2, axis=2)
    smaller = tf.image.resize(large, (16, 16), antialias=True)
    right = tf.image.resize(tf.nn.softmax(model(smaller, training=False)), (32, 32))
    np.testing.assert_allclose(model.predict(large), right, atol=1e-5)
    free = small(side=None)
    np.testing.assert_allclose(free.predict(large), tf.nn.softmax(free(large, training=False)), atol=1e-5)


@pytest.mark.parametrize("up", UP)
def test_files_and_saved_models_answer_the_same(up, tmp_path):
    model = small(up=up)
    model.save(tmp_path / "model.keras")
    again = saving.open_keras_file(tmp_path / "model.keras")
    assert again.classes == ["a", "b", "c"]
    saving.write_saved_model(model, tmp_path / "served")
    served = tf.saved_model.load(tmp_path / "served")
    pictures = RNG.integers(0, 256, (2, 19, 23, 3), "uint8")
    right = model.predict(pictures)
    np.testing.assert_allclose(again.predict(pictures), right, atol=1e-5)
    np.testing.assert_allclose(served.serve_uint8(pictures), right, atol=1e-5)
    assert (served.segment(pictures.astype("float32")) == model.segment(pictures)).numpy().mean() > 0.999


def test_the_loss_is_that_of_pixels_with_a_class():
    masks, logits = RNG.integers(0, 3, (4, 5, 6)), RNG.normal(size=(4, 5, 6, 3)).astype("float32")
    void = RNG.random(masks.shape) < 0.3
    given = np.where(void, 255, masks).astype("uint8")
    chance = np.take_along_axis(np.exp(logits), masks[..., None], -1)[..., 0] / np.exp(logits).sum(-1)
    right = np.where(void, 0, -np.log(chance))
    assert float(PixelCrossentropy()(given, logits)) == pytest.approx(right.mean(), rel=1e-5)
    weights = np.array([0.5, 1.0, 4.0])
    weighted = PixelCrossentropy(weights)
    assert float(weighted(given, logits)) == pytest.approx((right * weights[masks]).mean(), rel=1e-5)
    assert PixelCrossentropy.from_config(weighted.get_config()).weights == [0.5, 1.0, 4.0]
    counted = [(logits[i].argmax(-1) == masks[i])[~void[i]].mean() for i in range(4)]
    np.testing.assert_allclose(pixel_accuracy(given, logits), counted, rtol=1e-6)


def test_void_moves_nothing():
    logits = tf.constant(RNG.normal(size=(1, 4, 4, 3)).astype("float32"))
    masks = np.full((1, 4, 4), 255, "uint8")
    masks[0, 0, 0] = 1
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = PixelCrossentropy()(masks, logits)
    gradient = np.abs(tape.gradient(loss, logits)).sum(axis=-1)
    assert gradient[0, 0, 0] > 0 and np.count_nonzero(gradient) == 1


def test_two_replicas_find_what_one_finds():
    """The mean of two halves' losses is the whole batch's, however many pixels are void in each."""
    masks, logits = RNG.integers(0, 3, (4, 5, 6)), RNG.normal(size=(4, 5, 6, 3)).astype("float32")
    masks[:2, :4] = 255
    loss = PixelCrossentropy([0.5, 1.0, 2.0])
    halves = [float(loss(masks[part], logits[part])) for part in (slice(2), slice(2, None))]
    assert np.mean(halves) == pytest.approx(float(loss(masks, logits)), rel=1e-6)


def test_overlays():
    images = np.full((1, 1, 3, 1), 100.0)
    tinted = overlaid(images, np.array([[[0, 1, 255]]]), [[200, 0, 0], [0, 0, 50]], strength=0.5)
    np.testing.assert_allclose(tinted[0, 0], [[150, 50, 50], [50, 50, 75], [100, 100, 100]])
    assert palette(4) == [[128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]  # as PASCAL VOC's table begins
    assert len({tuple(colour) for colour in palette(40)}) == 40
