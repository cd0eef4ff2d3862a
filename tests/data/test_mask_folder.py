import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_ssl import data
from keras_ssl.errors import InputError

TABLE = "index,name,colour\n0,sky,#808080\n1,road,#804080\n5,car,#400080\n11,void,#000000\n"


def make(folder, count=6, size=(8, 12), seed=0, table=TABLE):
    """count images and masks of indices 0, 1, 5, 11 below a folder; {name: (image, mask)}."""
    rng = np.random.default_rng(seed)
    made = {}
    for split in ("images", "masks"):
        (folder / split).mkdir(parents=True)
    for i in range(count):
        image = rng.integers(0, 256, (*size, 3), "uint8")
        mask = rng.choice(np.array([0, 1, 5, 11], "uint8"), size)
        Image.fromarray(image).save(folder / "images" / f"{i}.png")
        indexed = Image.fromarray(mask).convert("P") if i % 2 else Image.fromarray(mask)
        if i % 2:
            indexed = Image.fromarray(mask, "P")
            indexed.putpalette(list(range(256)) * 3)
        indexed.save(folder / "masks" / f"{i}.png")
        made[i] = image, mask
    if table:
        (folder / "classes.csv").write_text(table)
    return made


def test_images_and_masks_beside_them(tmp_path):
    made = make(tmp_path)
    opened = data.open(tmp_path)
    assert (opened.task, opened.classes, opened.shape) == ("segmentation", ["sky", "road", "car"], (8, 12, 3))
    assert opened.colours == [(128, 128, 128), (128, 64, 128), (64, 0, 128)]
    assert [opened.count(split) for split in ("train", "test")] == [5, 1]
    pairs = [pair for split in ("train", "test") for pair in zip(*opened.arrays(split), strict=True)]
    number = {0: 0, 1: 1, 5: 2, 11: 255}
    for image, mask in made.values():
        [found] = [m for i, m in pairs if np.array_equal(i, image)]
        np.testing.assert_array_equal(found, np.vectorize(number.get)(mask))
    unlabelled = data.open(tmp_path, labels=False)
    assert unlabelled.task is None and sum(unlabelled.count(split) for split in ("train", "test")) == 6


def test_folders_of_splits_and_another_table(tmp_path):
    for i, split in enumerate(("train", "val", "test")):
        make(tmp_path / split, 2 + i, seed=i, table=None)
    (tmp_path / "mine.csv").write_text("index,name\n0,a\n1,b\n5,c\n11,d\n")
    opened = data.open(str(tmp_path) + "/", labels="mine.csv", size=4, task="segmentation")
    assert {split: opened.count(split) for split in opened.splits} == {"train": 2, "validation": 3, "test": 4, "fit": 2}
    assert (opened.classes, opened.shape, opened.colours) == (["a", "b", "c", "d"], (4, 4, 3), [])
    image, mask = next(iter(opened.stream("validation")))
    assert (image.shape, mask.shape, mask.dtype) == ((4, 4, 3), (4, 4), tf.uint8)


def test_images_of_several_sizes(tmp_path):
    make(tmp_path, 4)
    Image.new("RGB", (20, 30)).save(tmp_path / "images" / "9.jpg")
    Image.new("L", (20, 30)).save(tmp_path / "masks" / "9.png")
    opened = data.open(tmp_path)
    assert opened.shape == (None, None, 3)
    with pytest.raises(InputError, match="differ in size"):
        opened.labels("train")
    assert data.open(tmp_path, mixed_size=16).arrays("train")[1].shape[1:] == (16, 16)


def test_what_does_not_fit_is_told_in_a_line(tmp_path):
    make(tmp_path)

    def told(match, **options):
        with pytest.raises(InputError, match=match) as caught:
            data.open(tmp_path, **options)
        assert "\n" not in str(caught.value)

    Image.fromarray(np.full((8, 12), 7, "uint8")).save(tmp_path / "masks" / "3.png")
    told("mask masks/3.png has the index 7, .* classes.csv has 3 classes, indices 0 to 5")
    Image.new("L", (12, 9)).save(tmp_path / "masks" / "3.png")
    told("mask masks/3.png is of 9x12, its image images/3.png of 8x12")
    Image.new("RGB", (12, 8)).save(tmp_path / "masks" / "3.png")
    told("mask masks/3.png can't be read: it has pixels of the kind RGB")
    (tmp_path / "masks" / "3.png").write_bytes(b"\x89PNG broken")
    told("mask masks/3.png can't be read")
    (tmp_path / "masks" / "3.png").unlink()
    told("image images/3.png has no mask")
    (tmp_path / "images" / "3.png").unlink()
    (tmp_path / "images" / "4.png").unlink()
    told("mask masks/4.png has no image")
    (tmp_path / "classes.csv").unlink()
    told("need a class table, classes.csv")
    told("need a class table, other.csv", labels="other.csv")


def test_a_test_folder_needs_one_for_training(tmp_path):
    make(tmp_path)
    (tmp_path / "test").mkdir()
    with pytest.raises(InputError, match="but none for train"):
        data.open(tmp_path)


def test_another_folder_is_not_taken_for_one(tmp_path):
    (tmp_path / "cats").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "cats" / "1.png")
    with pytest.raises(InputError, match="has no folders images and masks"):
        data.open(tmp_path, task="segmentation")
