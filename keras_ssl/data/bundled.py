"""The small samples of public data sets that come with the library and need no network."""

import json
from importlib import resources

import numpy as np
from PIL import Image

from keras_ssl.data.array_sets import open_arrays

FOLDER = resources.files("keras_ssl.data") / "samples"


def samples():
    """Returns the names of the bundled samples, each of which `open` takes."""
    return sorted(each.name for each in FOLDER.iterdir() if (each / "about.json").is_file())


def about_sample(name):
    """Returns what is noted of a bundled sample: classes, origin, licence, citation, labels, the images' side."""
    return json.loads((FOLDER / name / "about.json").read_text(encoding="utf-8"))


def open_sample(name, **choices):
    """Returns the DataSet of a bundled sample; `choices` are those of `open_arrays`.

    A split is one PNG mosaic, its images in rows from the top left, and a list of labels in about.json.
    """
    about = about_sample(name)
    labels = {split: np.array(values) for split, values in about["labels"].items()}
    splits = {split: (_tiles(name, split, about["side"]), values) for split, values in labels.items()}
    described = {key: about[key] for key in ("classes", "origin", "licence", "citation")}
    return open_arrays(splits, name=name, **described, **choices)


def _tiles(name, split, side):
    with (FOLDER / name / f"{split}.png").open("rb") as file, Image.open(file) as mosaic:
        pixels = np.asarray(mosaic)
    rows, columns = pixels.shape[0] // side, pixels.shape[1] // side
    tiles = pixels.reshape(rows, side, columns, side, -1).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(rows * columns, side, side, -1))
