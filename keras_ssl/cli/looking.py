"""The commands that look at the zoo: list, info, show."""

import contextlib
import os
import pathlib
import sys
from typing import Annotated

import typer

from ..errors import InputError
from .guard import guarded, import_tensorflow


@guarded
def list_entries():
    """List every pretrained model with its figures, and the recipes that aren't trained yet."""
    from rich.console import Console
    from rich.table import Table

    from .. import recipes, zoo

    table = Table("name", "what it learned", "data", "figures on the test split", "MB", box=None, header_style="bold")
    for name in zoo.names():
        about = zoo.info(name)
        recipe = about["recipe"]
        figures = "\n".join(f"{key} {values}" for key, values in _figures(about["metrics"]))
        table.add_row(
            name, recipe.get("summary", ""), recipe.get("dataset", ""), figures, f"{about['bytes'] / 1e6:.1f}"
        )
    for name in sorted(set(recipes.RECIPES) - set(zoo.names())):
        table.add_row(name, recipes.get(name).summary, recipes.get(name).dataset, f"keras-ssl pretrain {name}", "")
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@guarded
def info(name: Annotated[str, typer.Argument(help="A model's name, as `list` shows it.")]):
    """Say what is known of a pretrained model: recipe, figures, data, licence, size."""
    from .. import zoo

    about = zoo.info(name)
    print(f"{name}: {about['recipe'].get('summary', '')}")
    for title, rows in (
        ("trained with", [(k, v) for k, v in about["recipe"].items() if k != "summary" and v not in ({}, "", None)]),
        ("figures on the test split", _figures(about["metrics"])),
        ("data", [(k, v) for k, v in about["data"].items() if v]),
        ("versions", about.get("versions", {}).items()),
        ("files", [("folder", about["path"]), ("size", f"{about['bytes'] / 1e6:.1f} MB")]),
    ):
        print(f"\n{title}", *(f"  {key.replace('_', ' '):<18} {value}" for key, value in rows), sep="\n")


def _figures(metrics):
    """[(name, "value (baseline value, ...)"), ...] of an entry's metrics: on the full test split where measured."""
    measured = metrics.get("full") or metrics.get("sample") or {}
    rows = []
    for key, values in measured.get("figures", {}).items():
        beside = ", ".join(f"{k.replace('_', ' ')} {_short(v)}" for k, v in values.items() if k != "value")
        rows.append((key.replace("_", " "), _short(values["value"]) + (f" ({beside})" if beside else "")))
    return rows


def _short(value):
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value)


@guarded
def show(
    name: Annotated[str, typer.Argument(help="A model's name, as `list` shows it.")],
    given: Annotated[
        list[str] | None,
        typer.Argument(help="Picture or sound files, or texts in quotes; else some like those of its data."),
    ] = None,
    out: Annotated[pathlib.Path | None, typer.Option(help="The PNG to write; of sounds also a .wav.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Bring the images to this height and width.")] = None,
):
    """Show what a model does: reconstructions, samples, colourings, turns; likely words, similar words."""
    from .. import zoo

    recipe = zoo.info(name)["recipe"]
    if "method" not in recipe:
        raise InputError(f"{name} isn't the model of a method: nothing to show")
    if out is None and not recipe["method"].startswith("text."):
        raise InputError("say where the picture is to go, such as --out picture.png")
    import_tensorflow()
    from .. import methods, modalities

    model, modality = zoo.load(name), modalities.of(recipe["method"])
    method, asked = methods.get(recipe["method"]), modality.asked(model, recipe, given or [], size)
    if out is None:
        rows = method.show(model, asked)
    else:
        with _whole(out) as temporary:
            playable = out.suffix.lower() == ".wav" and hasattr(modality, "write")
            rows = (
                modality.write(method, model, asked, temporary)
                if playable
                else modalities.picture(method, model, asked, temporary, title=name)
            )
    for line in modality.said(rows):
        print(line)
    if out is not None:
        print(f"wrote {out}")


@contextlib.contextmanager
def _whole(path):
    """A temporary path, moved to `path` once what is written there is whole."""
    temporary = path.with_name(f".partial-{path.name}")  # its ending says what is to be written
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
