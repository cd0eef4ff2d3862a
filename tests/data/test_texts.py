import os

import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data
from keras_ssl.errors import InputError

TEXTS = [f"text number {i}" for i in range(40)]


def order(stream):
    return [int(text.split()[-1]) for text in stream.as_numpy_iterator()]


def put(root, texts, suffix=".txt"):
    """Writes {path without suffix: text or bytes}."""
    for name, text in texts.items():
        path = root / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def classes(root, *names, each=10):
    for name in names:
        put(root, {f"{name}/{i:02}": f"{name} {i}" for i in range(each)})


@pytest.mark.parametrize(
    "given",
    [
        TEXTS,
        tuple(TEXTS),
        [text.encode() for text in TEXTS],
        np.array(TEXTS),
        np.array(TEXTS, object),
        np.array(TEXTS, bytes),
        tf.constant(TEXTS),
        {"train": TEXTS},
    ],
    ids=["list", "tuple", "bytes", "array", "objects", "array of bytes", "tensor", "splits"],
)
def test_texts_alone_are_unlabelled_and_stay_as_they_are(given):
    opened = data.open(given, mixed_size=64)
    assert (opened.kind, opened.task, opened.classes, opened.shape) == ("text", None, [], ())
    assert opened.splits == ["train", "fit", "validation"] and opened.count("fit") == 36
    texts, labels = opened.arrays("train")
    assert labels is None and texts.dtype == object and texts.shape == (40,) and texts.tolist() == TEXTS
    assert all(type(text) is str for text in texts)
    assert opened.stream("train").element_spec == tf.TensorSpec((), tf.string)


def test_odd_texts_stay_as_they_are():
    odd = ["", "\0 nul \0", "\U0001f600 é", "x" * 100_000, "one\ntwo\t\x85\u2028", "\ufeffmark"]
    assert data.open(odd).arrays("train")[0].tolist() == odd


def test_images_are_of_the_kind_image():
    assert data.open(np.zeros((3, 2, 2, 1), np.uint8)).kind == "image"


def test_labels_go_with_their_texts_however_shuffled_and_kept():
    opened = data.open({"train": (TEXTS, np.arange(40) % 3), "test": (TEXTS[:3], [0, 1, 2])})
    assert (opened.task, opened.classes) == ("classification", ["0", "1", "2"])
    for text, label in opened.stream("train", keep=[3, 7, 11, 20], shuffle=5).as_numpy_iterator():
        assert label == int(text.split()[-1]) % 3
    texts, labels = opened.arrays("fit", limit=8)
    assert [int(text.split()[-1]) % 3 for text in texts] == labels.tolist()
    assert data.open((TEXTS, ["b", "a"] * 20)).labels("train")[:2].tolist() == [1, 0]
    assert len(data.choose_labels(opened, 6)) == 6


def test_order_follows_the_seed_alone():
    opened = data.open(TEXTS)
    first = order(opened.stream("train", shuffle=1))
    tf.random.set_seed(0)
    assert order(opened.stream("train", shuffle=tf.constant(1, tf.int32))) == first
    assert sorted(first) == list(range(40)) and first != list(range(40))
    epochs = tf.data.Dataset.range(1, 3).flat_map(lambda seed: opened.stream("train", shuffle=seed))
    assert order(epochs) == first + order(opened.stream("train", shuffle=2))
    assert order(opened.stream("train", keep=[9, 2, 2])) == [2, 9]
    with pytest.raises(InputError, match="outside 0 to 39, the texts of split 'train'"):
        opened.stream("train", keep=[40])


def test_settings_are_chosen_without_the_test_texts():
    choosing = data.open({"train": TEXTS, "test": ["unseen"]}).for_choosing()
    assert choosing.kind == "text"
    assert sorted(order(choosing.stream("train")) + order(choosing.stream("test"))) == list(range(40))


def test_bytes_that_are_not_utf_8_are_replaced_with_one_warning():
    with pytest.warns(UserWarning, match="2 of 3 documents of 'strings' have bytes that aren't UTF-8") as caught:
        opened = data.open({"train": [b"caf\xe9", "fine"], "test": ["\ud800"]})
    assert len(caught) == 1 and caught[0].filename == __file__
    assert opened.arrays("train")[0].tolist() == ["caf\ufffd", "fine"]


@pytest.mark.parametrize("path", [str, os.fspath, lambda path: path])
def test_a_text_file_has_a_document_a_line(tmp_path, path):
    lines = "".join(f"{text}\r\n\n  \n" for text in TEXTS)
    put(tmp_path, {"reviews": b"\xef\xbb\xbf" + lines.encode()})
    opened = data.open(path(tmp_path / "reviews.txt"))
    assert (opened.name, opened.kind, opened.task, opened.origin) == ("reviews", "text", None, "the file reviews.txt")
    assert [opened.count(split) for split in ("train", "test", "fit", "validation")] == [32, 8, 29, 3]
    found = np.concatenate([opened.arrays(split)[0] for split in ("train", "test")])
    assert sorted(found) == sorted(TEXTS)


def test_lines_end_at_line_feeds_only(tmp_path):
    put(tmp_path, {"a": "one\x85\u2028\x0b\x0c still\0 one\ntwo"})
    assert data.open(tmp_path / "a.txt").arrays("train")[0].tolist() == ["one\x85\u2028\x0b\x0c still\0 one", "two"]


def test_bad_bytes_of_files_are_replaced(tmp_path):
    put(tmp_path, {"a": b"caf\xe9\nfine\n\xff\n"})
    with pytest.warns(UserWarning, match="2 of 3 documents of 'a' have") as caught:
        opened = data.open(tmp_path / "a.txt", labels=False)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert opened.arrays("train")[0][0] == "caf\ufffd"


@pytest.mark.parametrize(
    ("labels", "task", "classes"),
    [
        (["good", "bad"], "classification", ["bad", "good"]),
        (["5", "1"], "classification", ["1", "5"]),
        (["0.5", "1"], "regression", []),
    ],
)
@pytest.mark.parametrize("header", ["", "Label\tText\n"])
def test_tab_separated_labels(tmp_path, labels, task, classes, header):
    lines = [f"{labels[i % 2]}\tdocument\t{i}" for i in range(20)]
    put(tmp_path, {"a": header + "\n\n".join(lines)}, ".tsv")
    opened = data.open(tmp_path / "a.tsv")
    assert (opened.task, opened.classes, opened.count("train"), opened.count("test")) == (task, classes, 16, 4)
    for text, label in opened.stream("train").as_numpy_iterator():
        raw = labels[int(text.split(b"\t")[1]) % 2]
        assert label == (classes.index(raw) if classes else float(raw))
    if classes:
        assert np.bincount(opened.labels("test")).tolist() == [2, 2]
    assert data.open(tmp_path / "a.tsv", labels=False).task is None


def test_folders_of_texts(tmp_path):
    classes(tmp_path, "good", "bad")
    opened = data.open(tmp_path)
    assert (opened.kind, opened.task, opened.classes, opened.shape) == ("text", "classification", ["bad", "good"], ())
    assert np.bincount(opened.labels("train")).tolist() == [8, 8] and opened.count("test") == 4
    for text, label in opened.stream("train", shuffle=1).as_numpy_iterator():
        assert text.split()[0] == [b"bad", b"good"][label]
    put(tmp_path, {"loose": "text"})
    assert data.open(tmp_path).task is None
    with pytest.raises(InputError, match="has texts beside its sub-folders: .* sub-folders of texts"):
        data.open(tmp_path, labels=True)


def test_split_folders_and_tables(tmp_path):
    classes(tmp_path / "train", "good", "bad")
    classes(tmp_path / "test", "good", "bad", each=2)
    opened = data.open(tmp_path)
    assert [opened.count(split) for split in opened.splits] == [20, 4, 18, 2]
    (tmp_path / "labels.csv").write_text("file,age\ntrain/bad/03.txt,1.5\ntest/bad/00.txt,2.5\n")
    opened = data.open(tmp_path)
    assert (opened.kind, opened.task, opened.arrays("train")[0].tolist()) == ("text", "regression", ["bad 3"])
    classes(tmp_path / "test", "ugly")
    with pytest.raises(InputError, match="classes that train lacks: ugly"):
        data.open(tmp_path, labels=True)


def test_a_file_is_one_document_and_blank_ones_are_skipped(tmp_path):
    put(tmp_path, {"a": b"\xef\xbb\xbfone\n\ntwo\n", "b": " \n", "c": b"caf\xe9"})
    with pytest.warns(UserWarning) as caught:
        opened = data.open(tmp_path)
    assert [str(each.message).split(":")[0] for each in caught] == [
        f"1 of 3 text files of {tmp_path.name!r} can't be read",
        f"1 of 2 documents of {tmp_path.name!r} have bytes that aren't UTF-8, replaced by U+FFFD",
    ]
    assert {each.filename for each in caught} == {__file__}
    assert opened.arrays("train")[0].tolist() == ["one\n\ntwo\n", "caf\ufffd"]
    assert opened.skipped == [("b.txt", "it is blank")]


WRONG_FILES = {
    "empty.txt": b"",
    "blank.txt": b"\xef\xbb\xbf \n\r\n",
    "header.tsv": b"label\ttext\n",
    "commas.tsv": b"good,fine\nbad,no\n",
    "missing.tsv": b"good\tfine\n\tno label\n",
    "swapped.tsv": b"fine\tgood\nno\tbad\nwell\tgood\n",
    "mixed.tsv": b"0.5\ta\n1.5\tb\nhigh\tc\n",
    "notes.md": b"text",
    "notes": b"text",
    "folder/a.txt": b" ",
    "other/a.md": b"text",
}


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("empty.txt", "empty.txt' has no texts: give a document a line"),
        ("blank.txt", "has no texts: give a document a line"),
        ("header.tsv", "has no texts: give label<TAB>text a line"),
        ("commas.tsv", "line 1 of commas.tsv isn't label<TAB>text"),
        ("missing.tsv", "line 2 of missing.tsv isn't label<TAB>text"),
        ("swapped.tsv", "no two lines of swapped.tsv have the same label: put the label first"),
        ("mixed.tsv", "line 3 of mixed.tsv has 'high' where the other lines have numbers"),
        ("notes.md", r"notes.md' is a file, not a folder, .* \.txt, .* \.tsv"),
        ("notes", "is a file, not a folder"),
        ("nowhere.txt", "nowhere.txt' can't be read: No such file"),
        ("folder", r"none of the 1 text files in .* can be read \(it is blank\)"),
        ("other", "no image files .* and no .txt files"),
    ],
)
def test_wrong_files(tmp_path, file, message):
    put(tmp_path, WRONG_FILES, "")
    with pytest.raises(InputError, match=message) as caught:
        data.open(str(tmp_path / file))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_no_name_of_a_set():
    with pytest.raises(InputError, match="the file 'nowhere.tsv' can't be read"):
        data.open("nowhere.tsv")


@pytest.mark.parametrize(
    ("source", "choices", "message"),
    [
        (TEXTS, {"size": 64}, "^size is for images; strings holds texts$"),
        (TEXTS, {"channels": 3}, "^channels is for images; strings holds texts$"),
        ("polarity_sample", {"size": 64}, "^size is for images; polarity_sample holds texts$"),
        (TEXTS, {"labels": "labels.csv"}, "isn't possible here"),
        (TEXTS, {"task": "classification"}, "no labels for task"),
        ((TEXTS, [1, 2]), {}, "has 40 texts but 2 labels"),
        (["a", None, 3.5], {}, "example 1 of split 'train' is of type NoneType: texts are str"),
        ({"train": TEXTS, "test": "text"}, {}, "split 'test' is one text: give a list"),
        ({"train": TEXTS, "test": []}, {}, "split 'test' has no texts"),
        ({"train": TEXTS, "test": np.zeros((2, 2, 2))}, {}, "example 0 of split 'test' is of type ndarray"),
        ({"test": TEXTS}, {}, "lack a 'train'"),
        ({"train": (TEXTS, [0] * 40), "test": TEXTS}, {}, "only the splits train have labels"),
    ],
)
def test_what_is_no_data_set_is_refused(source, choices, message):
    with pytest.raises(InputError, match=message) as caught:
        data.open(source, **choices)
    assert "\n" not in str(caught.value)


def test_sizes_are_refused_for_files_and_folders(tmp_path):
    put(tmp_path, {"a": "one", "b": "two"})
    for source, name in ((tmp_path, tmp_path.name), (tmp_path / "a.txt", "a")):
        with pytest.raises(InputError, match=f"^size is for images; {name} holds texts$"):
            data.open(source, size=64)
