"""Reads text files as documents: bytes in UTF-8, as they stand there but for a byte order mark."""

import codecs
from pathlib import Path

import numpy as np

from keras_ssl.data.csv_labels import one_column
from keras_ssl.errors import InputError

SUFFIXES = (".txt",)  # of the files of a folder
LINE_SUFFIXES = (".txt", ".tsv")  # of files that hold a document a line
HEADER = b"label\ttext"


def read(path):
    """Returns the text of a file, a Path or one of importlib.resources."""
    return path.read_bytes().removeprefix(codecs.BOM_UTF8)


def check(path):
    """Returns the text of a file.

    Raises:
        OSError: it can't be read.
        ValueError: it is blank.
    """
    text = read(Path(path))
    if not text.strip():
        raise ValueError("it is blank")
    return text


def documents(content):
    """Returns the lines of a file's content that aren't blank."""
    return [line for _, line in _lines(content)]


def labelled_documents(content, name):
    """Returns (documents, array of raw labels) of a file's lines label<TAB>text, blank ones and a header left out.

    Raises:
        InputError: a line lacks a label or a text, or the labels stand in the wrong column.
    """
    lines = _lines(content)
    lines = lines[1:] if lines and lines[0][1].lower() == HEADER else lines
    texts, cells = [], []
    for number, line in lines:
        label, _, text = line.partition(b"\t")
        if not label.strip() or not text.strip():
            raise InputError(f"line {number} of {name} isn't label<TAB>text, as each line must be")
        texts.append(text)
        cells.append((number, [label.decode(errors="replace").strip()]))
    labels = one_column(cells, name)
    if labels.dtype.kind == "U" and len(set(texts)) < len(np.unique(labels)) == len(labels):
        raise InputError(f"no two lines of {name} have the same label: put the label first, then a tab, then the text")
    return texts, labels


def _lines(content):
    """[(number, line)] of the lines that aren't blank; other characters that Python ends lines at stand in texts."""
    lines = content.split(b"\n")
    return [(number, line.removesuffix(b"\r")) for number, line in enumerate(lines, 1) if line.strip()]
