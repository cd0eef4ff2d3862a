import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data
from keras_ssl.errors import InputError


def numbered(count, side=4, channels=3):
    """Images that each hold their own number in every pixel."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, side, side, channels)).copy()


def order(stream):
    return [int(np.ravel(each[0] if isinstance(each, tuple) else each)[0]) for each in stream.as_numpy_iterator()]


def test_images_alone_are_unlabelled_and_stay_as_they_are():
    images = numbered(20)
    opened = data.open(images)
    assert (opened.task, opened.classes, opened.shape) == (None, [], (4, 4, 3))
    assert opened.splits == ["train", "fit", "validation"]
    assert opened.labels("train") is None
    found, labels = opened.arrays("train")
    assert labels is None and found.dtype == np.uint8
    np.testing.assert_array_equal(found, images)
    assert opened.stream("train").element_spec == tf.TensorSpec((4, 4, 3), tf.uint8)


def test_labels_go_with_their_images_however_shuffled_and_kept():
    opened = data.open((numbered(30), np.arange(30) % 3))
    for image, label in opened.stream("train", keep=[3, 7, 11, 20], shuffle=5).as_numpy_iterator():
        assert label == image[0, 0, 0] % 3
    images, labels = opened.arrays("fit", limit=8)
    np.testing.assert_array_equal(images[:, 0, 0, 0] % 3, labels)


def test_the_cut_from_train_is_disjoint_by_class_and_the_same_each_time():
    labels = np.repeat([0, 1], [60, 40])
    cuts = [data.open((numbered(100), labels)) for _ in range(2)]
    fit, validation = (order(cuts[0].stream(split)) for split in ("fit", "validation"))
    assert sorted(fit + validation) == list(range(100))
    assert np.bincount(cuts[0].labels("validation")).tolist() == [6, 4]
    assert order(cuts[1].stream("validation")) == validation
    assert cuts[0].count("fit") == 90 and cuts[0].stream("fit").cardinality() == 90


def test_order_follows_the_seed_alone():
    opened = data.open(numbered(50))
    first = order(opened.stream("train", shuffle=1))
    tf.random.set_seed(0)
    assert order(opened.stream("train", shuffle=tf.constant(1, tf.int32))) == first
    assert sorted(first) == list(range(50)) and first != list(range(50))
    assert order(opened.stream("train", shuffle=2)) != first
    epochs = tf.data.Dataset.range(1, 3).flat_map(lambda seed: opened.stream("train", shuffle=seed))
    assert order(epochs) == first + order(opened.stream("train", shuffle=2))


def test_keep_is_a_set_of_indices_into_the_split():
    opened = data.open(numbered(50))
    assert order(opened.stream("train", keep=[9, 2, 2])) == [2, 9]
    fit = order(opened.stream("fit"))
    assert order(opened.stream("fit", keep=[0, 44])) == [fit[0], fit[44]]
    assert opened.stream("fit", keep=[0, 44]).cardinality() == 2
    with pytest.raises(InputError, match="outside 0 to 49"):
        opened.stream("train", keep=[50])


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (np.array([0.0, 127.6, 255.0]), [0, 128, 255]),
        (np.array([0, 7, 255], np.int64), [0, 7, 255]),
        (np.array([False, True, True]), [0, 255, 255]),
    ],
)
def test_other_types_become_uint8(given, seen):
    images, _ = data.open(np.tile(given[:, None, None, None], (1, 2, 2, 1))).arrays("train")
    assert images[:, 0, 0, 0].tolist() == seen


def test_grey_images_need_no_channel_axis_and_become_rgb():
    images, _ = data.open(numbered(3, channels=1)[..., 0], channels=3).arrays("train")
    assert images.shape == (3, 4, 4, 3) and images[2].min() == images[2].max() == 2


def test_memory_maps_are_read_image_by_image(tmp_path):
    stored = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (100_000, 32, 32, 3))
    stored[-1] = 9
    opened = data.open(stored)
    assert opened.arrays("train", keep=[99_999])[0].max() == 9


def test_several_splits():
    splits = {"train": (numbered(10), np.arange(10) % 2), "test": (numbered(4), [0, 1, 0, 1])}
    opened = data.open(splits)
    assert opened.splits == ["train", "test", "fit", "validation"]
    assert opened.count("test") == 4
    with pytest.raises(InputError, match="did you mean test"):
        opened.count("tset")


def test_official_validation_stands_in_for_a_missing_test_only():
    with_test = data.open({"train": numbered(10), "validation": numbered(3), "test": numbered(2)})
    assert [with_test.count(split) for split in ("fit", "validation", "test")] == [10, 3, 2]
    without = data.open({"train": numbered(10), "validation": numbered(3)})
    assert without.splits == ["train", "test", "fit", "validation"]
    assert [without.count(split) for split in ("fit", "validation", "test")] == [9, 1, 3]


@pytest.mark.parametrize(
    ("source", "choices", "message"),
    [
        (numbered(3) * 128.0, {}, "images are in 0..255, the float64 images of split 'train' are in 0..256"),
        (numbered(3) / 255.0, {}, "are in 0..0.00784314: multiply by 255"),
        (numbered(3).astype(int) - 1, {}, "are in -1..1"),
        (np.zeros((3, 4), bool), {}, r"shape \(3, 4\)"),
        (np.array([["a"], ["b"]]), {}, r"texts are \(n,\)"),
        (np.zeros((3, 4, 4, 5), np.uint8), {}, "1, 3 or 4 channels"),
        (np.zeros((0, 4, 4, 3), np.uint8), {}, "has no images"),
        ((numbered(3), [1, 2]), {}, "3 images but 2 labels"),
        ((numbered(3), [1, 2, 3], [1, 2, 3]), {}, "has 3 arrays"),
        ((numbered(2), [0.5, np.nan]), {}, "NaN"),
        ({"test": numbered(3)}, {}, "lack a 'train'"),
        ({}, {}, r"\(none\) lack a 'train'"),
        ({"train": numbered(3), "test": numbered(3, side=5)}, {}, "differ in shape"),
        ({"train": (numbered(3), [1, 2, 3]), "test": numbered(3)}, {}, "only the splits train have labels"),
        (numbered(3), {"size": 0}, "size=0"),
        (numbered(3), {"size": (4, 4, 3)}, "height, width"),
        (numbered(3), {"channels": 4}, "channels=4"),
        (numbered(3), {"labels": "labels.csv"}, "isn't possible here"),
        (numbered(3), {"task": "classification"}, "no labels for task"),
        ((numbered(3), [0, 1, 2]), {"task": "sorting"}, "task='sorting'"),
        ((numbered(3), list("abc")), {"task": "regression"}, "columns of numbers"),
        (3, {}, "images are"),
        ([np.zeros((2, 2, 3)), np.zeros((3, 3, 3))], {}, "differ in shape"),
    ],
)
def test_what_is_no_data_set_is_refused(source, choices, message):
    with pytest.raises(InputError, match=message) as caught:
        data.open(source, **choices)
    assert "\n" not in str(caught.value)


def test_settings_are_chosen_without_the_test_images():
    images = np.arange(60, dtype="uint8")[:, None, None, None] * np.ones((1, 2, 2, 1), "uint8")
    whole = data.open({"train": (images[:40], np.arange(40) % 4), "test": (images[40:], np.arange(20) % 4)})
    choosing = whole.for_choosing()
    for split, old in (("train", "fit"), ("test", "validation")):
        for mine, theirs in zip(choosing.arrays(split), whole.arrays(old), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    seen = {split: set(choosing.arrays(split)[0][:, 0, 0, 0]) for split in choosing.splits}
    assert len(seen["train"]) == 36 and len(seen["test"]) == 4 and not seen["train"] & seen["test"]
    assert max(set.union(*seen.values())) < 40
    streamed = [int(x[0, 0, 0]) for x in choosing.stream("train", labels=False, shuffle=1, keep=[0, 3, 5])]
    assert sorted(streamed) == sorted(choosing.arrays("train", keep=[0, 3, 5])[0][:, 0, 0, 0].tolist())


def test_splits_are_joined():
    splits = {"train": (numbered(40), np.arange(40) % 4), "more": (numbered(50)[40:], np.arange(10) % 4)}
    opened = data.open({**splits, "test": (numbered(3), [0, 1, 2])})
    joined = opened.joined("train + more")
    assert joined.splits == ["train", "test", "fit", "validation"] and joined.classes == opened.classes
    images, labels = joined.arrays("train")
    assert images[:, 0, 0, 0].tolist() == list(range(50))
    for image, label in joined.stream("train", shuffle=3, keep=[1, 39, 40, 41, 49]).as_numpy_iterator():
        assert label == labels[image[0, 0, 0]]
    assert sorted(order(joined.stream("fit")) + order(joined.stream("validation"))) == list(range(50))
    assert len(set(order(joined.stream("train", shuffle=1))[:10]) & set(range(40, 50))) < 10
    assert order(joined.for_choosing().stream("test")) == order(joined.stream("validation"))
    assert opened.joined("train") is opened and opened.joined("train+train") is opened
    assert order(opened.joined("more").stream("train")) == list(range(40, 50))
    with pytest.raises(InputError, match="unknown split 'mroe'; did you mean more"):
        opened.joined("train+mroe")
    with pytest.raises(InputError, match="unknown split 'fit'"):
        opened.joined("fit+more")
