"""The folder of a finished fine-tuning: report.json, history.csv, curve.png, and the model in both formats."""

import contextlib
import csv
import json
import os
import pathlib
import shutil
import sys
import tempfile

import numpy as np

from .. import pictures, zoo
from ..errors import InputError
from ..segmenters import overlaid
from .unfinished import folder_of

SHOWN = 6  # test images in a picture of a segmentation


def check_folder(out, overwrite=False):
    """Raises InputError where `out` can't become a run's folder."""
    out = pathlib.Path(out)
    if out.exists() and not (out.is_dir() and (overwrite or not any(out.iterdir()))):
        raise InputError(f"{out} exists already; replace it with overwrite, or give another folder with out (--out)")


def free_folder(stem):
    """`stem`, or the first of `stem`-2, `stem`-3, ... that isn't taken, by an interrupted run neither."""
    stem, number = pathlib.Path(stem), 1
    out = stem
    while out.exists() or folder_of(out).exists():
        number += 1
        out = stem.with_name(f"{stem.name}-{number}")
    return out


@contextlib.contextmanager
def whole_folder(out):
    """A new folder beside `out`, and of its name, to write into; once that went well, it becomes `out`."""
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = pathlib.Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        made = staging / out.name
        made.mkdir()
        yield made
        if out.exists():
            os.replace(out, staging / "replaced")  # deleted with it, once the new one stands
        os.replace(made, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_report(folder, report):
    """Write report.json, with the command that this process was started by."""
    report = {**report, "command": " ".join([pathlib.Path(sys.argv[0]).name, *sys.argv[1:]])}
    (folder / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def write_folder(out, model, report, history, dataset=None):
    """Write a run's folder, all at once: it is a zoo entry too (model.keras, saved_model/, checksums.json)."""
    with whole_folder(out) as made:
        zoo.save(model, made.name, dataset=dataset, folder=made.parent)
        write_report(made, report)
        with open(made / "history.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["epoch", *history])
            table.writerows([epoch, *row] for epoch, row in enumerate(zip(*history.values(), strict=True)))
        pictures.curves(history, made / "curve.png", title=made.name)
        if dataset is not None and dataset.task == "segmentation":
            overlay(model, dataset, made / "overlay.png", made.name)
        if "pseudo_labels" in report:
            record = report["pseudo_labels"]
            pictures.trust(record["curve"], record["threshold"], record["rounds"], made / "pseudo_labels.png")


def overlay(model, dataset, path, title):
    """A PNG of some test images under their true classes and those that a `Segmenter` gives them."""
    split = "test" if "test" in dataset.splits else "validation"
    some = np.linspace(0, dataset.count(split) - 1, min(SHOWN, dataset.count(split))).astype(int)
    images, masks = zip(*dataset.stream(split, keep=some).as_numpy_iterator(), strict=True)
    guesses = [model.segment(image) for image in images]
    colours = model.colours
    rows = [
        ("image", images, None),
        ("truth", [overlaid(i[None], m[None], colours)[0] for i, m in zip(images, masks, strict=True)], None),
        ("predicted", [overlaid(i[None], m[None], colours)[0] for i, m in zip(images, guesses, strict=True)], None),
    ]
    pictures.grid(rows, path, title, legend=dict(zip(model.classes, colours.tolist(), strict=True)))
