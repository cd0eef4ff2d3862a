"""Checkpoints that resume to the same weights: one file an epoch, written whole or not at all.

Keras's BackupAndRestore forgets the seeds of random layers and optimizers that aren't built yet, and may leave half a
file when it is killed.
"""

import csv
import json
import os
import pathlib
import re

import keras
import numpy as np

from .errors import InputError


def optimizers(model):
    """Every optimizer of a compiled model: a model with more than one lists them as `optimizers`."""
    return getattr(model, "optimizers", None) or [model.optimizer]


def _variables(model):
    return [*model.weights, *(v for optimizer in optimizers(model) for v in optimizer.variables)]


class EpochCheckpoint(keras.callbacks.Callback):
    """Writes `folder/epoch-0007.npz` after seven epochs, keeps the last `keep`, and seeds random layers by epoch.

    folder: None writes nothing.

    A SeedGenerator's state isn't part of a checkpoint: it is set from (seed, epoch) as an epoch begins, so that a
    resumed run draws what an uninterrupted one would have drawn.
    """

    def __init__(self, folder, seed=0, keep=2, write=True):
        super().__init__()
        self.folder, self.seed, self.keep = folder and pathlib.Path(folder), seed, keep
        self.write = write and folder is not None

    def on_epoch_begin(self, epoch, logs=None):
        generators = [g for layer in self.model._flatten_layers() for g in layer._seed_generators]
        for i, generator in enumerate(generators):
            generator.state.assign(np.random.SeedSequence([self.seed, epoch, i]).generate_state(2).astype("uint32"))

    def on_epoch_end(self, epoch, logs=None):
        if not self.write:
            return
        save(self.model, file_of(self.folder, epoch + 1))
        for old in epochs_in(self.folder)[: -self.keep]:
            file_of(self.folder, old).unlink()


def file_of(folder, epoch):
    """The checkpoint after so many epochs."""
    return folder / f"epoch-{epoch:04d}.npz"


def epochs_in(folder):
    """The epochs for which `folder` holds a checkpoint, ascending."""
    found = (re.fullmatch(r"epoch-(\d+)\.npz", p.name) for p in pathlib.Path(folder).glob("epoch-*.npz"))
    return sorted(int(m[1]) for m in found if m)


def epochs_done(folder):
    """How many epochs the last checkpoint in `folder` holds; 0 without one."""
    return max(epochs_in(folder), default=0)


def save(model, path):
    """Write weights and optimizer states to `path`, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    variables = _variables(model)
    arrays = {f"v{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
    try:
        with open(temporary, "wb") as file:
            np.savez(file, shapes=json.dumps([list(v.shape) for v in variables]), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def restore(model, path):
    """Set weights and optimizer states of a built, compiled model from `path`. Raises InputError if they don't fit."""
    variables = _variables(model)
    try:
        with np.load(path, allow_pickle=False) as file:
            shapes = json.loads(str(file["shapes"]))
            arrays = [file[f"v{i}"] for i in range(len(shapes))]
    except Exception as error:  # NumPy and zipfile raise nearly anything, by which byte is wrong
        raise InputError(
            f"the checkpoint {path} is damaged ({error}); delete it to resume from the one before"
        ) from error
    if shapes != [list(v.shape) for v in variables]:
        raise InputError(f"the checkpoint {path} is of another model or optimizer")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def read_history(path):
    """{name: list of values per epoch} of a CSVLogger's file."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    # CSVLogger adds columns of validation, "NA" where there was none.
    return {k: [float(row[k]) for row in rows] for k in rows[0] if rows[0][k] != "NA"} if rows else {}


def trim_history(path, epochs):
    """Drop the rows of epochs after the checkpoint: the log of an epoch is written before or after its checkpoint."""
    if path.exists():
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[: epochs + 1]))
