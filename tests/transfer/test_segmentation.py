import json

import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data, distribution, losses, saving
from keras_ssl.architectures.fcn import fcn
from keras_ssl.errors import InputError
from keras_ssl.losses import PixelCrossentropy
from keras_ssl.segmenters import Segmenter
from keras_ssl.transfer import compare, finetune, probe
from keras_ssl.transfer.encoders import open_both
from keras_ssl.transfer.subset import augmentation

QUICK = {"batch_size": 8, "verbose": 0, "learning_rate": 0.01}


def scenes(count, seed=0, size=(16, 24)):
    """(images, masks): a red rectangle, class 1, on green, class 0; a border of no class to the left of all."""
    rng = np.random.default_rng(seed)
    images = rng.normal(60, 15, (count, *size, 3))
    images[..., 1] += 90
    masks = np.zeros((count, *size), "uint8")
    for image, mask in zip(images, masks, strict=True):
        top, left = rng.integers(0, size[0] - 6), rng.integers(0, size[1] - 8)
        mask[top : top + 6, left : left + 8] = 1
        image[mask == 1] += (110, -90, 0)
    masks[:, :, 0] = 255
    return images.clip(0, 255).astype("uint8"), masks


@pytest.fixture(scope="module")
def dataset():
    return data.open({"train": scenes(48), "test": scenes(16, seed=1)})


def small():
    return fcn(widths=(4, 6, 8))


@pytest.mark.parametrize("names", ["flip", "shift", "crop", "flip,crop,colour"])
def test_masks_move_with_their_images(names):
    images, masks = scenes(16)
    masks = (images[..., 0] > 115).astype("uint8")  # what is red
    seen, moved = augmentation(names)((tf.constant(images), tf.constant(masks)), tf.constant([1, 2]))
    assert moved.shape == masks.shape and moved.dtype == tf.uint8 and not np.array_equal(moved, masks)
    assert not np.array_equal(seen, images)
    agree = (seen.numpy()[..., 0] > seen.numpy()[..., 1]) == (moved == 1)
    assert agree.numpy().mean() > (0.97 if "crop" in names else 0.999)


def test_colours_leave_masks_alone():
    images, masks = scenes(4)
    seen, same = augmentation("colour")((tf.constant(images), tf.constant(masks)), tf.constant([1, 2]))
    np.testing.assert_array_equal(same, masks)
    assert not np.array_equal(seen, images)


def test_an_encoder_learns_to_segment_and_leaves_a_folder(dataset, tmp_path):
    model, report = finetune(small(), dataset, labels=40, epochs=12, out=tmp_path / "run", width=8, **QUICK)
    assert isinstance(model, Segmenter) and model.classes == ["0", "1"]
    assert report["mean_iou"] > 0.8 and report["global_accuracy"] > 0.9 and set(report["class_iou"]) == {"0", "1"}
    assert (report["labels"], report["task"], report["up"], report["width"]) == (40, "segmentation", "nearest", 8)
    assert report["history"]["loss"][-1] < report["history"]["loss"][0] / 2
    images, masks = dataset.arrays("test")
    counted = masks != 255
    found = model.segment(images)
    assert (found == masks)[counted].mean() == pytest.approx(report["global_accuracy"])
    assert model.predict(images[0]).shape == (16, 24, 2) and model.segment(np.zeros((31, 33, 3), "uint8")).shape == (
        31,
        33,
    )
    folder = tmp_path / "run"
    assert (folder / "overlay.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((folder / "report.json").read_text())["class_iou"] == report["class_iou"]
    again = saving.open_keras_file(folder / "model.keras")
    np.testing.assert_allclose(again.predict(images[:2]), model.predict(images[:2]), atol=1e-6)
    served = tf.saved_model.load(folder / "saved_model")
    np.testing.assert_allclose(served.serve_uint8(images[:2]), model.predict(images[:2]), atol=1e-5)


@pytest.mark.parametrize("mode", ["probe", "gradual", "discriminative"])
def test_the_other_modes(dataset, mode):
    encoder = small()
    before = [weight.numpy() for weight in encoder.weights]
    model, report = finetune(encoder, dataset, labels=16, epochs=2, mode=mode, up="max_unpooling", width=4, **QUICK)
    after = {weight.path.split("/")[-2]: weight for weight in model.get_layer("encoder").weights}
    assert np.isfinite(report["mean_iou"]) and report["up"] == "max_unpooling"
    same = [np.array_equal(b, w.numpy()) for b, w in zip(before, model.get_layer("encoder").weights, strict=True)]
    assert all(same) if mode == "probe" else not any(same), after.keys()


def test_rare_classes_weigh_more_where_that_is_wanted(dataset, monkeypatch):
    weights = []

    class Noting(PixelCrossentropy):
        def __init__(self, given=None, **options):
            weights.append(given)
            super().__init__(given, **options)

    monkeypatch.setattr(losses, "PixelCrossentropy", Noting)
    for balance in (0.0, 1.0):
        _, report = finetune(small(), dataset, labels=8, epochs=1, width=4, balance=balance, **QUICK)
        assert report["balance"] == balance
    assert weights[0] is None and weights[1][1] > 2 * weights[1][0]


def test_a_comparison_stands_beside_the_class_of_each_place(dataset, tmp_path):
    lines = []
    _, report = compare(
        small(), dataset, labels=20, epochs=2, batch_size=8, width=4, verbose=0, out=tmp_path / "run", say=lines.append
    )
    rows = report["results"]
    assert list(rows) == ["scratch", "class by position", "fine-tuned"] and report["metric"] == "mean_iou"
    assert rows["class by position"]["class_iou"]["0"] > 0.5 and rows["class by position"]["class_iou"]["1"] < 0.5
    assert report["gain"] == rows["fine-tuned"]["mean_iou"] - rows["scratch"]["mean_iou"]
    assert all(len(rows[way]["tried"]) == 2 for way in ("scratch", "fine-tuned")) and len(lines) == 7
    assert (tmp_path / "run" / "overlay.png").exists()


def test_two_replicas_train(dataset):
    strategy = distribution.strategy("mirrored", 2)
    _, report = finetune(small(), dataset, labels=16, epochs=2, width=4, strategy=strategy, **QUICK)
    assert report["replicas"] == 2 and np.isfinite(report["history"]["loss"]).all()


def test_images_keep_their_size_where_the_encoder_had_one():
    for name in ("conv_autoencoder", "colorizer"):  # 32 pixels fixed; trained on 64
        encoder, opened = open_both(name, "garments_sample", task="segmentation")
        assert opened.shape == (64, 64, 3) and encoder.input_shape == (None, None, None, 3)
        assert len(encoder.output_shape) == 4
    _, opened = open_both("conv_autoencoder", "garments_sample", size=48)
    assert opened.shape == (48, 48, 3)


def test_what_cannot_be_done_is_told(dataset):
    for changes, match in (
        ({"up": "bed_of_nail"}, "unknown way up 'bed_of_nail'; did you mean bed_of_nails"),
        ({"width": 0}, "width is a whole number"),
        ({"skips": "no"}, "skips is true or false"),
        ({"mode": "pseudo-label"}, "one class each"),
        ({"labels": 3}, "too few"),
    ):
        with pytest.raises(InputError, match=match):
            finetune(small(), dataset, verbose=0, **changes)
    with pytest.raises(InputError, match="max-pooling"):
        finetune(fcn(widths=(4, 6, 8), down="strided"), dataset, up="max_unpooling", verbose=0)
    with pytest.raises(InputError, match="a class for each pixel"):
        probe(small(), dataset)
    with pytest.raises(InputError, match="gives a map"):
        finetune("random:mlp", dataset, verbose=0)
