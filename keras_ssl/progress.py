"""What a person sees of a long training: a bar with the time left on a terminal, a line an epoch in a log."""

import time

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from .errors import InputError

QUIET = 120  # seconds after which a log gets a line within an epoch


class Progress(keras.callbacks.Callback):
    """One bar over all epochs from `done`, with the loss and the time left; in a log, lines."""

    def __init__(self, name, steps, epochs, done=0):
        super().__init__()
        self.name, self.steps, self.epochs, self.done = name, steps, epochs, done
        self.console = Console()

    def on_train_begin(self, logs=None):
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"),
                   TimeRemainingColumn(), TextColumn("{task.fields[state]}"))  # fmt: skip
        self.bar = Bar(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task(
            self.name, total=self.steps * self.epochs, completed=self.steps * self.done, state=""
        )
        self.bar.start()
        self.began = self.said = time.time()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(self.task, advance=1, state=f"epoch {self.epoch + 1}/{self.epochs} loss {_short(logs, 'loss')}")
        if not self.console.is_terminal and time.time() - self.said > QUIET:
            self.say(f"step {batch + 1}/{self.steps} of epoch {self.epoch + 1}/{self.epochs}", logs)

    def on_epoch_end(self, epoch, logs=None):
        # In a log, about ten lines however many epochs there are.
        if not self.console.is_terminal and (epoch + 1 == self.epochs or (epoch + 1) % max(1, self.epochs // 10) == 0):
            self.say(f"epoch {epoch + 1}/{self.epochs}", logs)

    def say(self, where, logs):
        self.said = time.time()
        values = "  ".join(f"{k} {_short(logs, k)}" for k in logs or {})
        print(f"{self.name} {where}  {self.said - self.began:.0f} s  {values}", flush=True)

    def on_train_end(self, logs=None):
        self.bar.stop()


def _short(logs, key):
    value = (logs or {}).get(key)
    return "" if value is None else f"{float(np.mean(value)):.4g}"


class StopOnNaN(keras.callbacks.Callback):
    """Raises InputError as soon as the loss isn't a finite number: what follows would be lost time."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not np.isfinite(np.mean(value)):
                raise InputError(
                    f"{name} became {float(np.mean(value))} in epoch {self.epoch + 1}, step {batch + 1}: lower the "
                    "learning rate, or train in float32; the checkpoints before stay"
                )


class WarnOfCollapse(keras.callbacks.Callback):
    """Prints a line as soon as an epoch's embeddings are nearly all alike: such a model tells nothing from anything.

    Watches the metric `embedding_std` (see pair_losses.py), 1 where embeddings spread evenly, where there is one.
    """

    LIMIT = 0.1

    def __init__(self, name):
        super().__init__()
        self.name, self.collapsed = name, False

    def on_epoch_end(self, epoch, logs=None):
        spread = float(np.mean((logs or {}).get("embedding_std", 1.0)))
        if spread < self.LIMIT and not self.collapsed:
            print(
                f"{self.name} epoch {epoch + 1}: the embeddings have collapsed, nearly all are alike (embedding_std "
                f"{spread:.2g} of 1): lower the learning rate, or use batch norm in projector and predictor",
                flush=True,
            )
        self.collapsed = spread < self.LIMIT
