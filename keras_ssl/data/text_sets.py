"""Data sets of texts in memory: lists, arrays and text files of a document a line."""

import warnings

import numpy as np
import tensorflow as tf

from keras_ssl.data import text_files
from keras_ssl.data.dataset import DataSet
from keras_ssl.data.order import ordered, outside_graph
from keras_ssl.data.splits import encoded, paired, with_test
from keras_ssl.errors import InputError

GATHERED = 64  # texts taken at once, which is eight times faster than one by one


class TextSplit:
    """Texts, a list or array of str or of bytes in UTF-8, and labels, or None, of one split."""

    def __init__(self, texts, labels):
        with tf.init_scope():
            self._texts = tf.convert_to_tensor(list(texts), tf.string)
        self._labels = labels

    def count(self):
        return len(self._texts)

    def labels(self):
        return self._labels

    def stream(self, keep, shuffle, labels):
        texts = self._texts
        values = outside_graph(self._labels) if labels else None

        def gather(rows):
            found = tf.gather(texts, rows)
            return (found, tf.gather(values, rows)) if labels else found

        rows = tf.data.Dataset.from_tensor_slices(ordered(len(texts) if keep is None else keep, shuffle))
        return rows.batch(GATHERED).map(gather).unbatch()


def are_texts(examples):
    """Returns whether these are texts: a list, tuple or one-dimensional array in which there is a str or bytes."""
    if not isinstance(examples, list | tuple):
        examples = np.asarray(examples)
        if examples.ndim != 1 or examples.dtype.kind not in "OSU":
            return False
    return any(isinstance(each, str | bytes) for each in examples)


def open_texts(
    splits, *, name="strings", hold_out=False, labels=None, size=None, channels=None, task=None, classes=None, **about
):
    """Returns the DataSet of texts in memory.

    Args:
        splits: {split: texts or (texts, labels)} with a "train". Texts are lists, tuples or arrays (n,) of str, or of
            bytes in UTF-8.
        name: what the data set is called.
        hold_out: whether 20 % of "train" are to be held out as "test".
        labels: False leaves the labels out.
        size, channels: None: they are for images.
        task: None, or what to take the labels for.
        classes: the class names of the labels in their sorted order, or None.
        about: the further attributes of the DataSet.

    Raises:
        InputError: there is no "train", some aren't texts or don't match their labels, or there is a size.
    """
    refuse_sizes(name, size, channels)
    pairs = paired(splits)
    texts = clean({split: _texts(each, split) for split, (each, _) in pairs.items()}, name)
    raw = {split: each for split, (_, each) in pairs.items()}
    counts = {split: len(each) for split, each in texts.items()}
    task, classes, values = encoded(raw, counts, "text", labels=labels, task=task, classes=classes)
    if hold_out:
        texts, values = with_test(texts, values, task)
    stored = {split: TextSplit(each, values[split]) for split, each in texts.items()}
    return DataSet(name=name, task=task, classes=classes, shape=(), stored=stored, kind="text", **about)


def open_text_file(path, **choices):
    """Returns the DataSet of a text file: *.txt has a document a line, *.tsv a line label<TAB>text.

    Lines end at line feeds; blank ones are left out, as is a first line "label<TAB>text". Labels are classes, or
    numbers where they all are; 20 % of the documents are held out as "test", by class, always the same ones.

    Args:
        path: a Path.
        choices: those of `open_texts`.

    Raises:
        InputError: there is no such file, it's of another kind, holds no documents, or lacks labels.
    """
    suffix = path.suffix.lower()
    if suffix not in text_files.LINE_SUFFIXES:
        taken = "a file of a document a line is .txt, one of label<TAB>text .tsv"
        raise InputError(f"{str(path)!r} is a file, not a folder, and no data set: {taken}")
    try:
        content = text_files.read(path)
    except OSError as error:
        raise InputError(f"the file {str(path)!r} can't be read: {error.strerror}") from None
    found = (text_files.documents(content), None)
    if suffix == ".tsv":
        found = text_files.labelled_documents(content, path.name)
    if not found[0]:
        right = "label<TAB>text" if suffix == ".tsv" else "a document"
        raise InputError(f"the file {str(path)!r} has no texts: give {right} a line")
    return open_texts({"train": found}, name=path.stem, hold_out=True, origin=f"the file {path.name}", **choices)


def refuse_sizes(name, size, channels, holds="texts"):
    """Raises InputError for a size or channels, which are for images only."""
    for given, value in (("size", size), ("channels", channels)):
        if value is not None:
            raise InputError(f"{given} is for images; {name} holds {holds}")


def clean(splits, name, stacklevel=5):
    """Returns {split: list of bytes in UTF-8} of {split: str or bytes}, with one warning where some had to be replaced.

    `stacklevel` is how far above this the caller of `open` is, whose line the warning names.
    """
    cleaned = {split: [_utf8(text) for text in texts] for split, texts in splits.items()}
    replaced = sum(bad for pairs in cleaned.values() for _, bad in pairs)
    if replaced:
        total = sum(len(pairs) for pairs in cleaned.values())
        message = f"{replaced} of {total} documents of {name!r} have bytes that aren't UTF-8, replaced by U+FFFD"
        warnings.warn(message, stacklevel=stacklevel)
    return {split: [text for text, _ in pairs] for split, pairs in cleaned.items()}


def _utf8(text):
    """(the text in UTF-8, whether some of it had to be replaced)."""
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    good = raw.decode(errors="replace").encode()
    return good, good != raw


def _texts(examples, split):
    if isinstance(examples, str | bytes):
        raise InputError(f"split {split!r} is one text: give a list of texts")
    texts = list(examples if isinstance(examples, list | tuple) else np.asarray(examples))
    odd = next((i for i, each in enumerate(texts) if not isinstance(each, str | bytes)), None)
    if odd is not None:
        raise InputError(f"example {odd} of split {split!r} is of type {type(texts[odd]).__name__}: texts are str")
    if not texts:
        raise InputError(f"split {split!r} has no texts")
    return texts
