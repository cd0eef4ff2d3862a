"""Labels of image or text files from a CSV table."""

import csv
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_ssl.errors import InputError

FILE = "file"


@dataclass(frozen=True)
class Table:
    """A table of labels.

    Attributes:
        name: the name of the CSV file.
        files: the paths of the labelled files as written.
        names: the names of its K value columns.
        values: an array (n,) where K is 1, otherwise (n, K): int64, float64 or text.
    """

    name: str
    files: list
    names: list
    values: np.ndarray


def read_csv(path):
    """Returns the Table of a CSV file (UTF-8, commas) with a header line `file,VALUE[,VALUE...]`.

    Raises:
        InputError: it can't be read, lacks a column or rows, names a file twice, or has a value that is missing or
            isn't like the others.
    """
    name = Path(path).name
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the labels in {name} can't be read: {error}") from None
    columns = [each.strip() for each in lines[0][1]] if lines else []
    if FILE not in columns or len(columns) < 2:
        found = ", ".join(columns) or "nothing"
        raise InputError(f"{name} needs a header line 'file,VALUE' with one or more value columns; it has: {found}")
    if len(lines) == 1:
        raise InputError(f"{name} has a header line but no rows")
    at = columns.index(FILE)
    files, cells = [], []
    for line, row in lines[1:]:
        row = [each.strip() for each in row]
        if len(row) != len(columns) or not all(row):
            raise InputError(f"line {line} of {name} must have one value for each of {', '.join(columns)}")
        files.append(row.pop(at))
        cells.append((line, row))
    file, times = Counter(files).most_common(1)[0]
    if times > 1:
        raise InputError(f"{name} names {file} {times} times: give each file one line")
    values = one_column(cells, name) if len(columns) == 2 else _several_columns(cells, name)
    return Table(name, files, columns[:at] + columns[at + 1 :], values)


def one_column(cells, name):
    """Returns the array of one column of labels: int64, float64, or text where most aren't numbers.

    Args:
        cells: a list of (line number, [text]).
        name: the name of the file that they stand in.

    Raises:
        InputError: some aren't like the others.
    """
    texts = [row[0] for _, row in cells]
    numbers = [_number(each) for each in texts]
    odd = [line for (line, _), each in zip(cells, numbers, strict=True) if each is None]
    real = sum(isinstance(each, float) for each in numbers)
    if odd and 2 * real < len(texts):
        return np.array(texts)
    _refuse(odd, cells, name)
    return np.array(numbers, np.float64 if real else np.int64)


def _several_columns(cells, name):
    numbers = [[_number(each) for each in row] for _, row in cells]
    _refuse([line for (line, _), row in zip(cells, numbers, strict=True) if None in row], cells, name)
    whole = all(isinstance(each, int) for row in numbers for each in row)
    return np.array(numbers, np.int64 if whole else np.float64)


def _refuse(odd, cells, name):
    if odd:
        found = ",".join(dict(cells)[odd[0]])
        raise InputError(f"line {odd[0]} of {name} has {found!r} where the other lines have numbers")


def _number(text):
    """The int or float that a cell holds; None for other text and for NaN and infinity."""
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        return value if math.isfinite(value) else None
    return None
