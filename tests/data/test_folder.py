import os

import numpy as np
import pytest
from PIL import Image

from keras_ssl import data
from keras_ssl.errors import InputError


def put(root, *names, value=0, size=(4, 4), mode="RGB"):
    """Writes small images of one grey value, growing by one from file to file."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, value).convert(mode).save(path)
        value += 1


def classes(root, *names, each=10):
    for place, name in enumerate(names):
        put(root, *(f"{name}/{i:02}.png" for i in range(each)), value=20 * place)


def test_subfolders_are_classes_and_a_fifth_is_held_out_by_class(tmp_path):
    classes(tmp_path, "cat", "dog", "emu")
    opened = data.open(tmp_path)
    assert (opened.task, opened.classes, opened.shape) == ("classification", ["cat", "dog", "emu"], (4, 4, 3))
    assert opened.splits == ["train", "test", "fit", "validation"]
    assert np.bincount(opened.labels("train")).tolist() == [8, 8, 8]
    assert np.bincount(opened.labels("test")).tolist() == [2, 2, 2]
    images, labels = (np.concatenate(both) for both in zip(*map(opened.arrays, ("train", "test")), strict=True))
    assert len(np.unique(images[:, 0, 0, 0])) == 30
    np.testing.assert_array_equal(images[:, 0, 0, 0] // 20, labels)
    np.testing.assert_array_equal(data.open(tmp_path).arrays("test")[0], opened.arrays("test")[0])


def test_split_folders(tmp_path):
    classes(tmp_path / "train", "cat", "dog")
    classes(tmp_path / "Test", "cat", "dog", each=2)
    classes(tmp_path / "val", "cat", "dog", each=3)
    opened = data.open(str(tmp_path))
    assert [opened.count(split) for split in ("train", "fit", "validation", "test")] == [20, 20, 6, 4]


def test_an_official_validation_folder_alone_is_the_test(tmp_path):
    classes(tmp_path / "train", "cat", "dog")
    classes(tmp_path / "validation", "cat", "dog", each=3)
    opened = data.open(tmp_path)
    assert [opened.count(split) for split in ("train", "fit", "validation", "test")] == [20, 18, 2, 6]


def test_loose_and_nested_images_are_unlabelled(tmp_path):
    put(tmp_path, "a.png", "2023/05/b.png", "2023/06/c.png", "2024/d.png", "2024/e.png")
    opened = data.open(tmp_path)
    assert (opened.task, opened.classes) == (None, [])
    assert opened.count("train") == 4 and opened.count("test") == 1
    assert len(opened.stream("train").element_spec.shape) == 3


def test_labels_false_and_true(tmp_path):
    classes(tmp_path, "2023", "2024")
    assert data.open(tmp_path).classes == ["2023", "2024"]
    assert data.open(tmp_path, labels=False).task is None
    put(tmp_path, "loose.png")
    assert data.open(tmp_path).task is None
    with pytest.raises(InputError, match="images beside its sub-folders"):
        data.open(tmp_path, labels=True)
    classes(tmp_path / "alone", "cat")
    with pytest.raises(InputError, match="only one sub-folder"):
        data.open(tmp_path / "alone", labels=True)


def test_hidden_files_and_other_files_are_ignored(tmp_path):
    classes(tmp_path, "cat", "dog")
    put(tmp_path, ".hidden.png", ".cache/x.png", "cat/.y.png")
    (tmp_path / "readme.txt").write_text("about")
    opened = data.open(tmp_path)
    assert opened.classes == ["cat", "dog"] and opened.count("train") + opened.count("test") == 20


def test_links_are_followed_once(tmp_path):
    classes(tmp_path / "elsewhere", "cat", "dog")
    (tmp_path / "set").mkdir()
    for name in ("cat", "dog"):
        os.symlink(tmp_path / "elsewhere" / name, tmp_path / "set" / name)
    os.symlink(tmp_path / "set", tmp_path / "elsewhere" / "cat" / "loop")
    opened = data.open(tmp_path / "set")
    assert opened.count("train") + opened.count("test") == 20


def test_sizes_and_colours_that_vary(tmp_path):
    put(tmp_path, "a.png", "b.png", size=(8, 4))
    put(tmp_path, "c.png", "d.png", size=(5, 4), mode="L")
    put(tmp_path, "e.png", size=(6, 4), mode="RGBA")
    opened = data.open(tmp_path)
    assert opened.shape == (4, None, 3)
    assert opened.stream("train").element_spec.shape.as_list() == [4, None, 3]
    with pytest.raises(InputError, match="differ in size: open it with size="):
        opened.arrays("train")
    assert data.open(tmp_path, size=3, channels=1).arrays("train")[0].shape == (4, 3, 3, 1)
    assert data.open(tmp_path, mixed_size=3).arrays("train")[0].shape == (4, 3, 3, 3)
    assert data.open(tmp_path, size=2, mixed_size=3).shape == (2, 2, 3)


def test_a_size_for_mixed_images_leaves_those_of_one_size(tmp_path):
    put(tmp_path, "a.png", "b.png", size=(8, 4))
    assert data.open(tmp_path, mixed_size=3).shape == (4, 8, 3)


def test_folders_of_grey_images_stay_grey(tmp_path):
    put(tmp_path, "a.png", "b.png", mode="L")
    assert data.open(tmp_path).shape == (4, 4, 1)


def test_corrupt_files_are_named_and_skipped(tmp_path):
    classes(tmp_path, "cat", "dog")
    for i in range(7):
        (tmp_path / "cat" / f"bad{i}.jpg").write_bytes(b"no image")
    whole = (tmp_path / "dog" / "00.png").read_bytes()
    (tmp_path / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match=r"8 of 28 .*bad0.jpg, .*bad4.jpg, \.\.\.$") as caught:
        opened = data.open(tmp_path)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert opened.count("train") + opened.count("test") == 20
    assert [file for file, _ in opened.skipped][-1] == os.path.join("dog", "cut.png")
    assert all(reason for _, reason in opened.skipped)


def test_order_follows_the_seed(tmp_path):
    put(tmp_path, *(f"{i:02}.png" for i in range(30)))
    opened = data.open(tmp_path)
    orders = [[int(x[0, 0, 0]) for x in opened.stream("train", shuffle=s).as_numpy_iterator()] for s in (1, 1, 2, None)]
    assert orders[0] == orders[1] != orders[2] and orders[3] == sorted(orders[0])
    kept = opened.stream("train", shuffle=1, keep=[0, 5])
    assert sorted(int(x[0, 0, 0]) for x in kept.as_numpy_iterator()) == [orders[3][0], orders[3][5]]


@pytest.mark.parametrize(
    ("rows", "choices", "task", "classes", "first"),
    [
        (["cat", "dog"] * 5, {}, "classification", ["cat", "dog"], 0),
        (["7", "30"] * 5, {}, "classification", ["7", "30"], 0),
        (["7", "30"] * 5, {"task": "regression"}, "regression", [], 7),
        (["0.5", "30"] * 5, {}, "regression", [], 0.5),
        (["1,0", "1,1"] * 5, {}, "multilabel", ["v0", "v1"], [1, 0]),
        (["1,0", "0,1"] * 5, {}, "multilabel", ["v0", "v1"], [1, 0]),
        (["1.5,0", "0,1"] * 5, {}, "regression", [], [1.5, 0]),
    ],
)
def test_kinds_of_tables(tmp_path, rows, choices, task, classes, first):
    put(tmp_path, *(f"{i}.png" for i in range(10)), "not_named.png")
    columns = ",".join(f"v{i}" for i in range(rows[0].count(",") + 1))
    lines = [f"{i}.png,{row}" for i, row in enumerate(rows)]
    (tmp_path / "labels.csv").write_text("\n".join([f"file,{columns}", *lines]))
    opened = data.open(tmp_path, **choices)
    assert (opened.task, opened.classes) == (task, classes)
    assert opened.count("train") == 8 and opened.count("test") == 2
    pairs = [pair for split in ("train", "test") for pair in opened.stream(split).as_numpy_iterator()]
    found = {int(image[0, 0, 0]): label.tolist() for image, label in pairs}
    assert found[0] == found[4] == first


def test_tables_elsewhere_and_over_split_folders(tmp_path):
    classes(tmp_path / "set" / "train", "cat", "dog")
    classes(tmp_path / "set" / "test", "cat", "dog")
    table = tmp_path / "table.csv"
    table.write_text("file,age\ntrain/cat/00.png,1.5\ntest/dog/00.png,2.5\n")
    opened = data.open(tmp_path / "set", labels=table)
    assert (opened.labels("train").tolist(), opened.labels("test").tolist()) == ([1.5], [2.5])
    assert data.open(tmp_path / "set", labels="../table.csv").task == "regression"
    assert data.open(tmp_path / "set").task == "classification"


def wrong(tmp_path, case):
    if case == "no folder":
        return tmp_path / "nowhere"
    if case == "a file":
        put(tmp_path, "a.png")
        return tmp_path / "a.png"
    if case == "no train":
        classes(tmp_path / "test", "cat", "dog")
    if case == "new class":
        classes(tmp_path / "train", "cat", "dog")
        classes(tmp_path / "test", "cat", "dgo")
    if case == "flat test":
        classes(tmp_path / "train", "cat", "dog")
        put(tmp_path, "test/a.png")
    if case == "unreadable":
        (tmp_path / "a.png").write_bytes(b"no image")
    if case == "missing files":
        put(tmp_path, "a.png")
        (tmp_path / "labels.csv").write_text("file,kind\na.png,x\nb.png,x\nc.png,x\nd.png,x\ne.png,y\n")
    return tmp_path


@pytest.mark.parametrize(
    ("case", "choices", "message"),
    [
        ("no folder", {}, "nowhere' doesn't exist"),
        ("a file", {}, "is a file, not a folder"),
        ("empty", {}, "has no image files .* and no .txt files"),
        ("unreadable", {}, r"none of the 1 image files .* can be read \("),
        ("no train", {}, "has test but no train folder"),
        ("new class", {}, "classes that train lacks: dgo"),
        ("flat test", {}, "images outside class folders"),
        ("missing files", {}, "b.png, c.png, d.png and 1 more"),
        ("empty", {"labels": "table.csv"}, "labels file 'table.csv' isn't in"),
        ("empty", {"labels": 3}, "labels=3 isn't possible"),
        ("new class", {"labels": False, "task": "regression"}, "no labels for task"),
    ],
)
def test_wrong_folders(tmp_path, case, choices, message):
    with pytest.raises(InputError, match=message) as caught:
        data.open(wrong(tmp_path, case), **choices)
    assert "\n" not in str(caught.value)
