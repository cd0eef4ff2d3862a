import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_ssl import architectures, data
from keras_ssl.errors import InputError
from keras_ssl.methods.image import super_resolution as method

WIDTHS = (4, 4, 4, 4)
SEED = tf.constant([1, 2])
UPS = ["sub_pixel", "transposed"]


def small(tiny, **options):
    return method.build(tiny(), widths=WIDTHS, **options)


def pillow(image, width, height):
    """Pillow's bicubic of each channel (of floats: of bytes it rounds and cuts between rows and columns), cut."""
    channels = [Image.fromarray(c).resize((width, height), Image.Resampling.BICUBIC) for c in floats(image)]
    return np.clip(np.stack(channels, axis=-1), 0, 255)


def floats(image):
    return np.moveaxis(image, -1, 0).astype("float32")


def luma(images):
    return np.asarray(images, "float64") @ [0.299, 0.587, 0.114]


@pytest.mark.parametrize("scale", [2, 4])
def test_shrinking_is_pillows_antialiased_bicubic(scale, photos):
    found = method.shrink(photos, scale)
    right = np.stack([pillow(image, 32 // scale, 32 // scale) for image in photos])
    assert found.dtype == tf.uint8 and found.shape == right.shape
    np.testing.assert_allclose(found.numpy(), right, atol=0.51)


def test_pretext_gives_small_and_large(photos):
    inputs, targets = method.pretext(tf.constant(photos[:, :31, :30]), SEED, scale=4)
    assert inputs.shape == (64, 7, 7, 3) and targets.shape == (64, 28, 28, 3)
    cut = photos[:, :31, :30]
    kept = [np.array_equal(a, b[:28, :28]) for a, b in zip(targets, cut, strict=True)]
    mirrored = [np.array_equal(a, b[:28, ::-1][:, :28]) for a, b in zip(targets, cut, strict=True)]
    assert np.all(np.logical_xor(kept, mirrored)) and any(kept) and any(mirrored)
    np.testing.assert_array_equal(inputs, method.shrink(targets, 4))


def test_psnr_is_that_of_its_formula():
    truth = np.full((4, 5, 6, 3), 100, "uint8")
    guess = truth.astype("float32")
    guess[0] += 10  # in all channels alike
    guess[1, ..., 1] -= 10  # green
    guess[2, :, :3] += 10  # half of it
    right = [20 * np.log10(255 / 10), 20 * np.log10(255 / 5.87), 20 * np.log10(255 / 10) + 10 * np.log10(2)]
    found = method.psnr_y(truth, guess).numpy()
    np.testing.assert_allclose(found[:3], right, rtol=1e-5)
    assert found[3] == pytest.approx(10 * np.log10(255**2 * 12), rel=1e-5)  # the same: as near as rounding
    grey = method.psnr_y(truth[..., :1], truth[..., :1] + 10.0)
    np.testing.assert_allclose(grey, right[0], rtol=1e-5)


@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_training_starts_at_bicubic_for_any_size(up, scale, tiny):
    model = small(tiny, scale=scale, up=up)
    assert model.scale == scale
    for height, width in ((8, 8), (9, 5), (1, 7)):
        images = np.random.default_rng(0).integers(0, 256, (2, height, width, 3)).astype("uint8")
        large = model.enlarge(images)
        assert large.shape == (2, scale * height, scale * width, 3) and large.dtype == np.float32
        for image, answer in zip(images, large, strict=True):
            np.testing.assert_allclose(answer, pillow(image, scale * width, scale * height), atol=0.3)
        np.testing.assert_allclose(large, model.bicubic(images), atol=1e-3)
        assert model.enlarge(images[0]).shape == (scale * height, scale * width, 3)


@pytest.mark.parametrize("up", UPS)
def test_a_few_steps_go_beyond_bicubic(up, tiny, photos):
    model = small(tiny, up=up)
    model.compile(keras.optimizers.Adam(3e-3), method.LOSS, metrics=method.METRICS)
    inputs, targets = method.pretext(tf.constant(photos), SEED)
    first = model.train_on_batch(inputs, targets, return_dict=True)["psnr_y"]
    before = np.mean(method.psnr_y(targets, model.bicubic(inputs)))
    assert first == pytest.approx(before, abs=0.2)  # there it isn't clipped
    for _ in range(40):
        model.train_on_batch(inputs, targets)
    after = np.mean(method.psnr_y(targets, np.clip(model(inputs, training=True), 0, 255)))
    assert after > before + 0.2


def test_the_encoder_sees_the_small_picture_and_is_asked(tiny, photos):
    model = small(tiny)
    kernel = model.get_layer("sub_pixels").kernel
    kernel.assign(np.random.default_rng(0).normal(0, 0.1, kernel.shape))
    before = model.predict(photos[:2])
    deepest = model.get_layer("encoder").get_layer("block3_norm")
    deepest.beta.assign(deepest.beta + 1)
    assert np.abs(model.predict(photos[:2]) - before).max() > 0.1


@pytest.mark.parametrize("scale", [2, 4])
def test_figures_stand_beside_pillows_bicubic(scale, tiny):
    dataset = data.open("cifar10_sample")
    train, test = (dataset.arrays(split)[0] for split in ("train", "test"))
    dataset = data.open({"train": train, "test": test[:120]})
    figures = method.measure(small(tiny, scale=scale), dataset)
    ratios, above = figures["psnr_y"], figures["psnr_y_above_bicubic"]
    right = []
    for image in test[:120]:
        large = pillow(np.rint(pillow(image, 32 // scale, 32 // scale)), 32, 32)
        right.append(10 * np.log10(255**2 / np.mean((luma(large) - luma(image)) ** 2)))
    assert ratios["bicubic"] == pytest.approx(np.mean(right), abs=0.03)
    assert ratios["value"] == pytest.approx(ratios["bicubic"], abs=1e-3) and abs(above["value"]) < 1e-3
    assert 0.2 < above["linear_filter"] < 2
    assert above["linear_filter"] == pytest.approx(ratios["linear_filter"] - ratios["bicubic"], abs=1e-4)


def test_the_linear_filter_is_no_worse_than_bicubic_where_it_was_fitted(tiny):
    images = data.open("cifar10_sample").arrays("train", limit=100)[0]
    figures = method.measure(small(tiny), data.open({"train": images, "test": images}))
    assert figures["psnr_y_above_bicubic"]["linear_filter"] > 0.3


def test_the_picture_shows_all_sizes(tiny, photos):
    rows = method.show(small(tiny), photos[:3, :31])
    assert [(title, images.shape[1:]) for title, images, _ in rows] == [
        ("small", (15, 16, 3)),
        ("bicubic", (30, 32, 3)),
        ("enlarged", (30, 32, 3)),
        ("true", (30, 32, 3)),
    ]
    assert rows[1][2] == rows[2][2] and all(caption.endswith(" dB") for caption in rows[1][2])


def test_what_cannot_be_is_told(tiny, photos):
    with pytest.raises(InputError, match="did you mean transposed"):
        small(tiny, up="transpose")
    for scale in (1, 2.5):
        with pytest.raises(InputError, match="whole number from 2"):
            small(tiny, scale=scale)
    with pytest.raises(InputError, match="--channels 3"):
        method.build(architectures.build("convnet", (28, 28, 1)))
    with pytest.raises(InputError, match="can't be shrunk by 4"):
        method.pretext(tf.constant(photos[:, :3]), SEED, scale=4)
