"""Model cards and the table of entries, generated from recipe.json and metrics.json, nothing typed by hand."""

import shlex

from . import recipes, zoo
from .errors import InputError

UNCHANGED = ("summary", "options")  # of a recipe: the first is no setting, of the second each option is one
OF_TEXTS = ("splits", "words", "least", "punctuation")  # fields of a recipe that say nothing of other data


def card(name):
    """The README.md of an entry."""
    info = zoo.info(name)
    recipe, metrics = info["recipe"], info["metrics"]
    lines = [f"# {name}", "", recipe["summary"], ""]
    if (zoo.path(name) / "preview.png").exists():
        lines += [f"![what {name} does](preview.png)", ""]
    doc = _doc(recipe["method"])
    lines += [f"**Method** (`keras_ssl.methods.{recipe['method']}`): {doc}", ""]
    lines += ["```python", "import keras_ssl", f'model = keras_ssl.zoo.load("{name}")', "```", ""]
    lines += _figures("Measured on the official test split", metrics.get("full"))
    lines += _figures("Measured on the bundled sample", metrics.get("sample"))
    lines += [metrics["notes"], ""] if metrics.get("notes") else []
    lines += ["## Trained with", "", "| | |", "|---|---|"]
    kind = recipe["method"].split(".")[0]
    beside = {"text": (), "image": (*OF_TEXTS, "window")}.get(kind, OF_TEXTS)
    lines += [
        f"| {key.replace('_', ' ')} | {_text(value)} |"
        for key, value in recipe.items()
        if value not in ({}, "", None) and key not in beside
    ]
    versions = ", ".join(f"{k} {v}" for k, v in info["versions"].items())
    lines += [
        f"| versions | {versions} |",
        "",
        f"`keras-ssl pretrain {name}{_changes(name, recipe)} --out runs/my_{name}` trains it again."
        + (f" These weights: {info['made']}." if info.get("made") else ""),
        "",
    ]
    if info.get("half_precision"):
        lines += ["Large weights are rounded to half precision; the figures above were measured after that.", ""]
    about = info["data"]
    lines += ["## Data", "", f"{recipe['dataset']}. {about.get('origin', '')}".strip(), ""]
    unsaid = "not stated with the data; ask its authors before you pass them on"
    lines += [f"Licence of the data: {about.get('licence') or unsaid}.", ""]
    return "\n".join(lines)


def table():
    """All bundled entries with their main figures as a Markdown table."""
    lines = [
        "| name | what it learns | data | measured on the test split | probe (random) | MB |",
        "|---|---|---|---|---|---|",
    ]
    for name in zoo.bundled_names():
        info = zoo.info(name)
        figures = info["metrics"].get("full", {}).get("figures", {})
        probe = figures.get("probe", {})
        own = "; ".join(_short(k, v) for k, v in figures.items() if k not in ("probe", "knn"))
        compared = f"{probe['value']:.1%} ({probe['random']:.1%})" if probe else ""
        recipe = info["recipe"]
        lines.append(
            f"| [`{name}`](zoo/{name}/README.md) | {recipe['summary']} | {recipe['dataset']} | {own} | {compared} | "
            f"{info['bytes'] / 1e6:.1f} |"
        )
    return "\n".join(lines)


def put(readme, begin, end, text):
    """Write text between two marker lines of a README. Raises InputError where it hasn't both."""
    before, found, rest = readme.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise InputError(f"{readme} hasn't the lines {begin} and {end}: put them where the table is to stand")
    readme.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _figures(title, measured):
    if not measured:
        return []
    lines = [
        f"## {title}",
        "",
        f"{measured['data']}, {measured['images']} {measured.get('kind', 'image')}s; `{measured['command']}`",
        "",
    ]
    lines += ["| figure | value | beside it |", "|---|---|---|"]
    for key, values in measured["figures"].items():
        beside = ", ".join(f"{k.replace('_', ' ')} {_text(v)}" for k, v in values.items() if k != "value")
        where = f" ({measured['probed_on']})" if key in ("probe", "knn") else ""
        lines.append(f"| {key.replace('_', ' ')}{where} | {_text(values['value'])} | {beside} |")
    return [*lines, ""]


def _changes(name, recipe):
    """What an entry was trained with where the recipe of its name has something else, as options of the command."""
    if name not in recipes.RECIPES:
        return ""
    usual = recipes.get(name).to_dict()
    changed = {key: value for key, value in recipe.items() if usual.get(key) != value and key not in UNCHANGED}
    changed |= {key: value for key, value in recipe["options"].items() if usual["options"].get(key) != value}
    own = "".join(
        f" --{key.replace('_', '-')} {changed.pop(key)}" for key in ("epochs", "batch_size") if key in changed
    )
    return own + "".join(f" --set {shlex.quote(f'{key}={value}')}" for key, value in changed.items())


def _short(key, values):
    beside = [f"{k.replace('_', ' ')} {_text(v)}" for k, v in values.items() if k not in ("value",)][:1]
    return f"{key.replace('_', ' ')} {_text(values['value'])}" + (f" ({beside[0]})" if beside else "")


def _text(value):
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    return str(value)


def _doc(method):
    """The first paragraph and the source of a method's docstring, read without importing it (and TensorFlow)."""
    import ast
    import pathlib

    file = pathlib.Path(__file__).parent / "methods" / (method.replace(".", "/") + ".py")
    return " ".join(ast.get_docstring(ast.parse(file.read_text())).split())
