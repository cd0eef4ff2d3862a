import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data
from keras_ssl.data import tfds_sets
from keras_ssl.errors import InputError

tfds = pytest.importorskip("tensorflow_datasets")


def numbered(count, side=4, channels=3):
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, side, side, channels))


def prepare(root, name, features, splits, kind=tfds.features.FeaturesDict, **about):
    """Writes a prepared TFDS set of these examples under `root`, each split in two files."""
    folder = root / name / "1.0.0"
    folder.mkdir(parents=True)
    features = kind(features)
    infos = []
    for split, examples in splits.items():
        shards = [examples[: len(examples) // 2], examples[len(examples) // 2 :]]
        for number, shard in enumerate(shards):
            with tf.io.TFRecordWriter(str(folder / f"{name}-{split}.tfrecord-0000{number}-of-00002")) as file:
                for example in shard:
                    file.write(features.serialize_example(features.encode_example(example)))
        lengths = [len(shard) for shard in shards]
        infos.append(tfds.core.SplitInfo(name=split, shard_lengths=lengths, num_bytes=0))
    tfds.folder_dataset.write_metadata(data_dir=folder, features=features, split_infos=infos, **about)
    return root


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    features = {
        "image": tfds.features.Image(shape=(4, 4, 3), encoding_format="png"),
        "label": tfds.features.ClassLabel(names=["even", "odd"]),
    }
    examples = [{"image": image, "label": i % 2} for i, image in enumerate(numbered(100))]
    splits = {"train": examples, "validation": examples[:10]}
    root = tmp_path_factory.mktemp("labelled")
    return prepare(root, "tiny_numbers", features, splits, citation="A. Author, 2020", homepage="https://example.org")


def order(stream):
    return [int(np.ravel(each[0] if isinstance(each, tuple) else each)[0]) for each in stream.as_numpy_iterator()]


def test_a_prepared_set_is_read_from_its_files(labelled):
    opened = data.open("tiny_numbers", data_dir=labelled)
    assert (opened.task, opened.classes, opened.shape) == ("classification", ["even", "odd"], (4, 4, 3))
    assert (opened.origin, opened.citation) == ("https://example.org", "A. Author, 2020")
    assert opened.splits == ["train", "test", "fit", "validation"]
    assert [opened.count(split) for split in opened.splits] == [100, 10, 90, 10]
    images, labels = opened.arrays("train")
    np.testing.assert_array_equal(images, numbered(100))
    np.testing.assert_array_equal(labels, np.arange(100) % 2)
    assert np.bincount(opened.labels("validation")).tolist() == [5, 5]


def test_keep_and_shuffle(labelled):
    opened = data.open("tiny_numbers", data_dir=labelled)
    assert order(opened.stream("train", keep=[50, 4])) == [4, 50]
    first = order(opened.stream("fit", shuffle=1))
    tf.random.set_seed(0)
    assert order(opened.stream("fit", shuffle=tf.constant(1), labels=False)) == first
    assert first != order(opened.stream("fit", shuffle=2)) and sorted(first) == sorted(order(opened.stream("fit")))
    epochs = tf.data.Dataset.range(1, 3).flat_map(lambda seed: opened.stream("fit", shuffle=seed))
    assert order(epochs)[:90] == first


def test_labels_are_read_without_the_images(labelled, monkeypatch):
    opened = data.open("tiny_numbers", data_dir=labelled)

    def refuse(*_):
        raise AssertionError("an image was decoded")

    monkeypatch.setattr("keras_ssl.data.tfds_features.ImageFeature.pixels", refuse)
    assert opened.labels("train").sum() == 50


def test_size_channels_and_labels_false(labelled):
    opened = data.open("tiny_numbers", data_dir=labelled, size=2, channels=1, labels=False)
    assert opened.task is None and opened.stream("train").element_spec == tf.TensorSpec((2, 2, 1), tf.uint8)


def test_sets_without_usable_labels_are_unlabelled(tmp_path):
    features = {"image": tfds.features.Image(), "id": tfds.features.Text()}
    examples = [{"image": image, "id": "x"} for image in numbered(6)]
    prepare(tmp_path, "tiny_plain", features, {"test": examples})
    opened = data.open("tiny_plain", data_dir=tmp_path)
    assert (opened.task, opened.shape, opened.splits) == (None, (None, None, 3), ["test"])
    assert order(opened.stream("test")) == list(range(6)) and opened.labels("test") is None


def test_other_kinds_of_labels_and_16_bit_images(tmp_path):
    features = {
        "scan": tfds.features.Image(shape=(4, 4, 1), dtype=np.uint16),
        "tags": tfds.features.Sequence(tfds.features.ClassLabel(names=["a", "b", "c"])),
        "age": tfds.features.Scalar(np.float32),
    }
    scans = numbered(3, channels=1).astype(np.uint16) * 257
    tags = [[0, 2], [], [1]]
    examples = [{"scan": scan, "tags": tags[i], "age": float(i)} for i, scan in enumerate(scans)]
    prepare(tmp_path, "tiny_scans", features, {"train": examples}, supervised_keys=("scan", "tags"))
    opened = data.open("tiny_scans", data_dir=tmp_path)
    assert (opened.task, opened.classes, opened.shape) == ("multilabel", ["a", "b", "c"], (4, 4, 1))
    assert opened.labels("train").tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    streamed = [label.tolist() for _, label in opened.stream("train").as_numpy_iterator()]
    assert streamed == opened.labels("train").tolist()
    assert opened.arrays("train")[0][:, 0, 0, 0].tolist() == [0, 1, 2]
    ages = data.open("tiny_scans", data_dir=tmp_path, labels="age")
    assert ages.task == "regression"
    assert all(x[0, 0, 0] == y for x, y in ages.stream("train").as_numpy_iterator())
    with pytest.raises(InputError, match="no label 'sex'; there are: "):
        data.open("tiny_scans", data_dir=tmp_path, labels="sex")
    with pytest.raises(InputError, match="is for multilabel, not task='regression'"):
        data.open("tiny_scans", data_dir=tmp_path, task="regression")


def test_sets_without_images_and_texts_are_refused(tmp_path):
    prepare(tmp_path, "tiny_ages", {"age": tfds.features.Scalar(np.float32)}, {"train": [{"age": 1}, {"age": 2}]})
    with pytest.raises(InputError, match="has no images, no sound and no texts: its features are age"):
        data.open("tiny_ages", data_dir=tmp_path)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    features = {"label": tfds.features.ClassLabel(names=["neg", "pos"]), "text": tfds.features.Text()}
    examples = [{"text": f"nº {i}\0", "label": i % 2} for i in range(60)]
    unknown = [{"text": f"more {i}", "label": -1} for i in range(30)]
    splits = {"train": examples[:40], "test": examples[40:], "unsupervised": unknown}
    return prepare(tmp_path_factory.mktemp("reviews"), "tiny_reviews", features, splits)


def test_texts(reviews):
    opened = data.open("tiny_reviews", data_dir=reviews, mixed_size=64)
    assert (opened.kind, opened.task, opened.classes, opened.shape) == ("text", "classification", ["neg", "pos"], ())
    assert opened.splits == ["train", "test", "unsupervised", "fit", "validation"]
    texts, labels = opened.arrays("train")
    assert texts.tolist() == [f"nº {i}\0" for i in range(40)] and labels.tolist() == [0, 1] * 20
    assert opened.stream("train", labels=False).element_spec == tf.TensorSpec((), tf.string)
    pairs = list(opened.stream("fit", shuffle=1, keep=range(0, 36, 3)).as_numpy_iterator())
    assert len(pairs) == 12 and all(int(text.decode()[3:-1]) % 2 == label for text, label in pairs)
    assert set(opened.labels("unsupervised")) == {-1}
    assert data.open("tiny_reviews", data_dir=reviews, labels=False).task is None
    with pytest.raises(InputError, match="^size is for images; tiny_reviews holds texts$"):
        data.open("tiny_reviews", data_dir=reviews, size=64)


def test_a_text_and_its_translation_are_one_text(tmp_path):
    features = ("de", "en")
    examples = [{"de": f"eins {i}", "en": f"one\t\n{i}"} for i in range(8)]
    prepare(
        tmp_path, "tiny_pairs", features, {"train": examples}, kind=tfds.features.Translation,
        supervised_keys=("en", "de"),
    )  # fmt: skip
    opened = data.open("tiny_pairs", data_dir=tmp_path)
    assert (opened.kind, opened.task, opened.shape) == ("text", None, ())
    assert opened.arrays("train")[0].tolist() == [f"one {i}\teins {i}" for i in range(8)]


def test_texts_without_labels_join_those_with_labels(reviews):
    joined = data.open("tiny_reviews", data_dir=reviews).joined("train+unsupervised")
    assert (joined.task, joined.classes, joined.splits) == (None, [], ["train", "test", "fit", "validation"])
    texts, labels = joined.arrays("train")
    assert labels is None and [texts[0], texts[39], texts[40], texts[69]] == ["nº 0\0", "nº 39\0", "more 0", "more 29"]
    assert joined.arrays("train", keep=[1, 41])[0].tolist() == ["nº 1\0", "more 1"]
    first = list(joined.stream("train", shuffle=1).as_numpy_iterator())
    assert sorted(first) == sorted(text.encode() for text in texts)
    assert 0 < sum(text.startswith(b"more") for text in first[:35]) < 30
    epochs = tf.data.Dataset.range(1, 3).flat_map(lambda seed: joined.stream("train", shuffle=seed))
    both = list(epochs.as_numpy_iterator())
    assert both[:70] == first and both[70:] != first and sorted(both[70:]) == sorted(first)


@pytest.mark.parametrize(
    ("name", "near"),
    [("cifar1", "cifar10"), ("mnist_smple", "mnist_sample"), ("tiny_number", "tiny_numbers"), ("cifar-10", "cifar10")],
)
def test_unknown_names_are_answered_with_near_ones(labelled, name, near):
    with pytest.raises(InputError, match=f"unknown data set '{name}'; did you mean .*{near}"):
        data.open(name, data_dir=labelled)


@pytest.mark.parametrize("name", ["cifar10_corrupted/foo_1", "cifar10:9.9.9"])
def test_unknown_configs_and_versions(tmp_path, name):
    with pytest.raises(InputError, match=f"TFDS can't open '{name}': .*(foo_1 not found|only: 3.0.2)") as caught:
        data.open(name, data_dir=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["svhn_cropped", "cifar10_corrupted/fog_1"])
def test_a_set_that_cannot_be_downloaded_says_what_to_do(tmp_path, monkeypatch, capsys, name):
    monkeypatch.setattr(tfds_sets, "STORE", ("no-such-host.invalid", 443))
    monkeypatch.setattr("urllib.request.getproxies", dict)
    with pytest.raises(InputError, match=rf"no network.*tfds build {name}.*data_dir.*cifar10_sample") as caught:
        data.open(name, data_dir=tmp_path)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_a_failing_download_gives_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds_sets, "_check_network", lambda: None)

    def fail(*_):
        raise AssertionError("get it by hand\nfrom the authors")

    monkeypatch.setattr("tensorflow_datasets.core.DatasetBuilder.download_and_prepare", fail)
    with pytest.raises(InputError, match=r"\(get it by hand\)"):
        data.open("svhn_cropped", data_dir=tmp_path)


def masks_of(root, name, indices=(0, 3, 11), **about):
    """A prepared set of images whose pixels are these indices in a row, and masks of them."""
    features = {
        "image": tfds.features.Image(shape=(2, 3, 3), encoding_format="png"),
        "segmentation_mask": tfds.features.Image(shape=(2, 3, 1), encoding_format="png"),
    }
    mask = np.broadcast_to(np.array(indices, np.uint8)[None, :, None], (2, 3, 1))
    examples = [{"image": mask.repeat(3, axis=-1), "segmentation_mask": mask}] * 4
    splits = dict.fromkeys(("train", "validation", "test"), examples)
    return prepare(root, name, features, splits, supervised_keys=("image", "segmentation_mask"), **about)


def test_masks_of_a_set_whose_classes_are_known(tmp_path):
    opened = data.open("camvid", data_dir=masks_of(tmp_path, "camvid"))
    assert (opened.task, len(opened.classes), opened.classes[3]) == ("segmentation", 11, "road")
    assert opened.colours[3] == (128, 64, 128) and opened.licence == "CC BY-NC 4.0"
    images, masks = opened.arrays("train")
    assert images.shape == (4, 2, 3, 3)
    np.testing.assert_array_equal(masks, np.broadcast_to([0, 3, 255], (4, 2, 3)))
    assert opened.count("fit") == 4 and data.open("camvid", data_dir=tmp_path, labels=False).task is None
    large = data.open("camvid", data_dir=tmp_path, size=(4, 6)).labels("test")
    np.testing.assert_array_equal(large[0], [[0, 0, 3, 3, 255, 255]] * 4)


def test_masks_of_a_set_with_a_class_table(tmp_path):
    masks_of(tmp_path, "tiny_scenes")
    table = tmp_path / "classes.csv"
    table.write_text("index,name\n0,sky\n3,road\n11,void\n")
    assert data.open("tiny_scenes", data_dir=tmp_path).task is None
    opened = data.open("tiny_scenes", data_dir=tmp_path, labels=str(table))
    assert (opened.task, opened.classes) == ("segmentation", ["sky", "road"])
    np.testing.assert_array_equal(opened.labels("test")[0], [[0, 1, 255]] * 2)
    with pytest.raises(InputError, match="need a class table"):
        data.open("tiny_scenes", data_dir=tmp_path, task="segmentation")
    table.write_text("index,name\n0,sky\n3,road\n")
    with pytest.raises(InputError, match="split 'train', .* classes.csv has 2 classes, indices 0 to 3"):
        data.open("tiny_scenes", data_dir=tmp_path, labels=str(table))


def test_a_set_without_masks_has_none_to_give(labelled):
    with pytest.raises(InputError, match="has no masks for segmentation"):
        data.open("tiny_numbers", data_dir=labelled, task="segmentation")
