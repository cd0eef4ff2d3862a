"""How the commands end: in one line on stderr and an exit code where it isn't the program's fault."""

import functools
import os
import pathlib
import shlex
import sys

import typer

from ..errors import InputError


def guarded(command):
    """What a person's input, the disk or ctrl-C can cause ends in one line on stderr and an exit code."""

    @functools.wraps(command)
    def run(**arguments):
        try:
            command(**arguments)
        except BrokenPipeError:
            raise  # `keras-ssl list | head`: typer ends quietly
        except (InputError, OSError) as error:
            _fail(error)
        except KeyboardInterrupt:
            _stopped(arguments)
        except Exception as error:
            if not _ran_out(error):
                raise
            _fail(error)

    return run


def _fail(error):
    line = " ".join(str(error).split()) or type(error).__name__
    print(f"keras-ssl: {line}", file=sys.stderr)
    raise typer.Exit(2)


def _ran_out(error):
    """Whether TensorFlow says that disk or memory is full: its errors aren't OSErrors."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(error, (MemoryError, tensorflow.errors.ResourceExhaustedError))


def _stopped(arguments):
    words = [word for word in sys.argv[1:] if word != "--resume"]
    again = "run the same command again"
    if "resume" in arguments and (_begun(arguments) / "run.json").exists():
        again = f"go on with: {shlex.join(['keras-ssl', *words, '--resume'])}"
    print(f"keras-ssl: stopped; {again}", file=sys.stderr)
    raise typer.Exit(130)


def _begun(arguments):
    """Where a command that takes --resume keeps what it has done."""
    if "name" in arguments:
        return run_folder(arguments["name"], arguments["out"])
    out = arguments["out"] or tuning_folder(arguments["encoder"], arguments["labels"])
    return pathlib.Path(f"{out}.partial")


def tuning_folder(encoder, labels):
    """The folder of a fine-tuning that was given none."""
    return f"runs/finetune-{file_stem(encoder)}-{labels}"


def run_folder(name, out):
    """The folder of a pretraining: `out`, or runs/NAME."""
    return out or pathlib.Path("runs") / name


def file_stem(encoder):
    """What stands for an encoder in a folder's name."""
    return encoder.removesuffix(".keras").replace(":", "-").rstrip("/").rsplit("/", 1)[-1]


def import_tensorflow():
    """Import TensorFlow without the notes on the processor that it writes before it reads any setting."""
    import logging
    import warnings

    # A corrupt file is a line for a person, not a place in our code.
    warnings.formatwarning = lambda message, *place, **more: f"keras-ssl: {message}\n"
    saved = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    for name in ("tensorflow", "absl", "h5py"):
        logging.getLogger(name).setLevel(logging.ERROR)  # errors come as exceptions
