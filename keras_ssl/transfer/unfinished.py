"""What a fine-tuning has done so far, in OUT.partial beside the folder OUT that it will leave, to be gone on with."""

import json
import pathlib
import shutil

from .. import zoo
from ..errors import InputError


def folder_of(out):
    return pathlib.Path(f"{out}.partial")


class Unfinished:
    """The folder of an unfinished run: a new one, or with `resume` the one that is there. Nothing is written yet.

    settings: what has to be the same to go on, as json takes it. write: False for a worker that isn't the chief.

    Raises InputError where there is none to go on with, one of other settings, or one that would be lost.
    """

    def __init__(self, out, settings, *, resume=False, overwrite=False, write=True):
        self._place, self._settings, self._write = folder_of(out), json.loads(json.dumps(settings)), write
        self._begun = resume
        record = self._place / "run.json"
        if resume and not record.exists():
            raise InputError(
                f"{self._place} holds no interrupted run; leave out --resume, or give its folder with --out"
            )
        if resume:
            began = zoo.read_json(record)
            changed = [k for k in sorted({**began, **self._settings}) if began.get(k) != self._settings.get(k)]
            if changed:
                values = ", ".join(f"{key}={began.get(key)!r}" for key in changed)
                raise InputError(f"the run in {self._place} began with other values: {values}")
        elif any(self._place.glob("seed-*/*.npz")) and not overwrite:
            raise InputError(
                f"{self._place} holds an interrupted run; go on with --resume, replace it by --overwrite, or give "
                "another --out"
            )

    def of_seed(self, seed):
        """The folder for the checkpoints of one seed."""
        folder = self._place / f"seed-{seed}"
        if self._write and not self._begun:
            shutil.rmtree(self._place, ignore_errors=True)
        self._begun = True
        if self._write:
            folder.mkdir(parents=True, exist_ok=True)
            zoo.write_json(self._place / "run.json", self._settings)
        return folder

    def remove(self):
        shutil.rmtree(self._place, ignore_errors=True)
