import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data
from keras_ssl.errors import InputError

IMAGES = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None, None, None], (40, 4, 4, 3)).copy()


def slices(*parts):
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0])


def order(stream):
    return [int(each.ravel()[0]) for each in stream.as_numpy_iterator()]


def test_only_what_is_consumed_is_drawn():
    drawn = []

    def generate():
        for i in range(1_000_000):
            drawn.append(i)
            yield np.full((4, 4, 3), i % 256, np.uint8)

    source = tf.data.Dataset.from_generator(generate, output_signature=tf.TensorSpec((4, 4, 3), tf.uint8))
    opened = data.open(source.apply(tf.data.experimental.assert_cardinality(1_000_000)))
    assert opened.count("train") == 1_000_000
    assert order(opened.stream("train").take(10)) == list(range(10))
    assert len(drawn) < 200


def test_an_unknown_length_is_counted_once():
    opened = data.open(slices(IMAGES).filter(lambda image: image[0, 0, 0] < 30))
    assert opened.count("train") == 30
    assert opened.stream("fit").cardinality() == 27 and len(order(opened.stream("fit"))) == 27


def test_labels_follow_their_images():
    opened = data.open(slices(IMAGES, np.arange(40) % 4 + 5))
    assert (opened.task, opened.classes, opened.shape) == ("classification", ["5", "6", "7", "8"], (4, 4, 3))
    np.testing.assert_array_equal(opened.labels("train"), np.arange(40) % 4)
    pairs = list(opened.stream("train", keep=range(0, 40, 3), shuffle=2).as_numpy_iterator())
    assert len(pairs) == 14 and all(label == image[0, 0, 0] % 4 for image, label in pairs)


@pytest.mark.parametrize(
    ("labels", "task", "first"),
    [
        (["b", "a"] * 20, "classification", 1),
        (np.tile(np.eye(2, dtype=np.int32), (20, 1)), "classification", 0),
        (np.tile([[1, 1], [0, 1]], (20, 1)), "multilabel", [1, 1]),
        (np.tile([0.5, 1], 20), "regression", 0.5),
        (np.tile([[0.5], [1]], (20, 1)), "regression", 0.5),
        (np.tile([[3], [1]], (20, 1)), "classification", 1),
    ],
)
def test_kinds_of_labels(labels, task, first):
    opened = data.open(slices(IMAGES, labels))
    assert opened.task == task
    assert opened.labels("train")[0].tolist() == first
    label = next(opened.stream("train").as_numpy_iterator())[1]
    assert label.tolist() == first and label.dtype == opened.labels("train").dtype


def test_order_follows_the_seed_alone():
    opened = data.open(slices(IMAGES))
    first = order(opened.stream("train", shuffle=1))
    tf.random.set_seed(0)
    epochs = tf.data.Dataset.range(1, 3).flat_map(lambda seed: opened.stream("train", shuffle=seed))
    both = order(epochs)
    assert both[:40] == first and sorted(both[40:]) == sorted(first) and both[40:] != first


def test_floats_grey_images_and_unknown_shapes():
    images = data.open(slices(np.array([0, 127.6, 255])[:, None, None] * np.ones((3, 2, 2)))).arrays("train")[0]
    assert images[:, 0, 0, 0].tolist() == [0, 128, 255] and images.shape == (3, 2, 2, 1)
    unknown = tf.data.Dataset.from_generator(lambda: iter(IMAGES), output_types=tf.uint8)
    opened = data.open(unknown)
    assert opened.shape == (None, None, 3)
    assert data.open(unknown, size=2).arrays("train")[0].shape == (40, 2, 2, 3)


def test_splits_and_labels_false():
    opened = data.open({"train": slices(IMAGES, np.arange(40)), "test": slices(IMAGES[:5], np.arange(5))}, labels=False)
    assert opened.task is None and opened.count("test") == 5
    assert opened.stream("test").element_spec == tf.TensorSpec((4, 4, 3), tf.uint8)


@pytest.mark.parametrize("labels", [None, ["y", "x"]])
def test_texts(labels):
    opened = data.open(slices(["one", "zwölf"], *([] if labels is None else [labels])))
    assert (opened.kind, opened.name, opened.shape) == ("text", "tf.data", ())
    texts, values = opened.arrays("train")
    assert texts.tolist() == ["one", "zwölf"]
    assert values is None if labels is None else values.tolist() == [1, 0]


def test_later_images_out_of_range_stop_the_stream():
    opened = data.open(slices(IMAGES * 7.0))
    with pytest.raises(tf.errors.InvalidArgumentError, match="0..255"):
        opened.arrays("train")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (slices(IMAGES).batch(4), "is batched"),
        (slices(IMAGES).repeat(), "is endless"),
        (slices(IMAGES).take(0), "has no images"),
        (slices(["a", "b"]).batch(2), "give images, or"),
        (slices(["a", "b"]).repeat(), "is endless"),
        (slices(["a", "b"]).take(0), "has no texts"),
        ({"train": slices(["a"]), "test": slices(IMAGES)}, "give images, or"),
        (slices(IMAGES, IMAGES, IMAGES), "give images, or"),
        (slices(np.arange(3)), "images are"),
        (slices(IMAGES[2:] / 255.0), "multiply by 255"),
        (slices(IMAGES[2:] - 5.0), "are in -3..-3"),
        ({"test": slices(IMAGES)}, "lack a 'train'"),
        ({"train": slices(IMAGES), "test": IMAGES}, "mix"),
        ({"train": slices(IMAGES), "test": slices(IMAGES, np.arange(40))}, "only the splits test have labels"),
        ({"train": slices(IMAGES), "test": slices(IMAGES[..., :1])}, "differ in channels"),
    ],
)
def test_wrong_streams(source, message):
    with pytest.raises(InputError, match=message) as caught:
        data.open(source)
    assert "\n" not in str(caught.value)
