"""The small samples of public data sets that come with the library and need no network."""

import json
from importlib import resources

import numpy as np
from PIL import Image

from keras_ssl.data import audio_files, garments, speakers, text_files
from keras_ssl.data.array_sets import open_arrays
from keras_ssl.data.audio_sets import open_waveforms
from keras_ssl.data.text_sets import open_texts

FOLDER = resources.files("keras_ssl.data") / "samples"


def samples():
    """Returns the names of the bundled samples, each of which `open` takes."""
    return sorted(each.name for each in FOLDER.iterdir() if (each / "about.json").is_file())


def about_sample(name):
    """Returns what is noted of a bundled sample: kind, classes, origin, licence, citation; images' labels and side."""
    return json.loads((FOLDER / name / "about.json").read_text(encoding="utf-8"))


def open_sample(name, rate=None, **choices):
    """Returns the DataSet of a bundled sample; `choices` are those of `open_arrays`, `rate` is for sounds.

    A split of images is one PNG mosaic, its images in rows from the top left, and a list of labels in about.json. A
    split of sounds is one FLAC file, one after the other, and a list of their lengths. A split of texts is one file of
    lines label<TAB>text, or, of texts without classes, of a text a line. Images with masks are made of another
    sample's.
    """
    about = about_sample(name)
    described = {key: about[key] for key in ("classes", "origin", "licence", "citation")}
    if about.get("kind") == "garments":
        splits = garments.splits(open_sample(about["of"], channels=1))
        return open_arrays(splits, name=name, colours=about["colours"], **described, **choices)
    if about.get("kind") == "text":
        kind = "tsv" if about["classes"] else "txt"
        files = {split: FOLDER / name / f"{split}.{kind}" for split in ("train", "test")}
        contents = {split: text_files.read(file) for split, file in files.items()}
        splits = {
            split: text_files.labelled_documents(content, files[split].name)
            if about["classes"]
            else (text_files.documents(content), None)
            for split, content in contents.items()
        }
        return open_texts(splits, name=name, **described, **choices)
    if about.get("kind") == "audio":
        return _sounds(name, about, rate, **described, **choices)
    labels = {split: np.array(values) for split, values in about["labels"].items()}
    splits = {split: (_tiles(name, split, about["side"]), values) for split, values in labels.items()}
    return open_arrays(splits, name=name, **described, **choices)


def _sounds(name, about, rate, **choices):
    splits = {}
    for split, labels in about["labels"].items():
        with resources.as_file(FOLDER / name / f"{split}.flac") as file:
            samples, own = audio_files.read_raw(file)
        waveforms = np.split(samples, np.cumsum(about["lengths"][split])[:-1])
        splits[split] = [audio_files.resample(each, own, rate or own) for each in waveforms], np.array(labels)
    found = open_waveforms(splits, name=name, rate=rate or own, **choices)
    held = np.array(about["speakers"]["train"]) == speakers.HELD_OUT["spoken_digit"]["validation"]
    return found.with_validation(held)


def _tiles(name, split, side):
    with (FOLDER / name / f"{split}.png").open("rb") as file, Image.open(file) as mosaic:
        pixels = np.asarray(mosaic)
    rows, columns = pixels.shape[0] // side, pixels.shape[1] // side
    tiles = pixels.reshape(rows, side, columns, side, -1).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(rows * columns, side, side, -1))
