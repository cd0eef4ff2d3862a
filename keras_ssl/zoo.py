"""The zoo: pretrained models by name, those bundled with the package and those that a user saved.

An entry is a folder: recipe.json, model.keras, saved_model/, checksums.json, metrics.json, README.md, preview.png.
Bundled entries lie in the installed package (`keras_ssl/_zoo`) or, in a checkout, in `zoo/`; a user's own under
$KERAS_SSL_ZOO (default ~/.keras_ssl/zoo). TensorFlow is imported by what needs it, not by `names` and `info`.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import tempfile

from . import saving
from .errors import InputError, unknown
from .recipes import RECIPES

_PACKAGE = pathlib.Path(__file__).parent


def bundled():
    """The folder of the entries that come with the package."""
    inside = _PACKAGE / "_zoo"
    return inside if inside.is_dir() else _PACKAGE.parent / "zoo"


def own():
    """The folder of the user's own entries."""
    return pathlib.Path(os.environ.get("KERAS_SSL_ZOO") or pathlib.Path.home() / ".keras_ssl" / "zoo")


def _entries(folder):
    # Hidden folders are what a save that was killed leaves behind.
    found = (p.parent.name for p in folder.glob("*/recipe.json")) if folder.is_dir() else ()
    return sorted(name for name in found if not name.startswith("."))


def bundled_names():
    """The names of the entries that come with the package, sorted."""
    return _entries(bundled())


def reserved_names():
    """The names that a user's own entry can't take: those of bundled entries and of recipes, sorted."""
    return sorted({*bundled_names(), *RECIPES})


def names():
    """All entries' names, the user's own included, sorted."""
    return sorted({*_entries(bundled()), *_entries(own())})


def path(name):
    """The folder of an entry. A bundled name can't be taken by a user's own. Raises InputError for an unknown name."""
    for folder in (bundled(), own()):
        if name in _entries(folder):
            return folder / name
    raise unknown("zoo entry", name, names())


def info(name):
    """What is known of an entry, without TensorFlow: recipe, metrics, data set, licence, size in bytes, path."""
    folder = path(name)
    record = read_json(folder / "recipe.json")
    metrics = read_json(folder / "metrics.json") if (folder / "metrics.json").exists() else {}
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    return {"name": name, **record, "metrics": metrics, "bytes": size, "path": str(folder)}


def read_json(file):
    """The value in a JSON file. Raises InputError for a file that isn't JSON."""
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise InputError(f"{file} is damaged ({error})") from error


def load(name):
    """The pretrained model of an entry, or of a `.keras` file of ours: a trainable `keras.Model` of natural input.

    Raises InputError for an unknown name and for a file that is damaged.
    """
    from . import shared_weights

    if str(name).endswith(".keras"):
        return saving.open_keras_file(name)
    folder = path(name)
    _check(folder, "model.keras")
    if shared_weights.is_left(folder / "model.keras"):
        for file in sorted((folder / "saved_model" / "variables").iterdir()):
            _check(folder, str(file.relative_to(folder)))
    return saving.open_keras_file(folder / "model.keras")


def encoder(name, pooling=None):
    """The pretrained encoder of an entry (or of a `.keras` file), ready for a head of your own.

    pooling: None for the encoder's own output (a feature map (N, h, w, C) or features (N, C)), "avg" or "max" for one
        vector (N, C) an image.

    Raises InputError for an unknown name or pooling, and for a file that is damaged.
    """
    from . import architectures

    inner = architectures.encoder_of(load(name))
    return (
        inner
        if pooling is None
        else type(inner)(inner.input, architectures.pooled(inner.output, pooling), name="encoder")
    )


def saved_model(name):
    """The entry's SavedModel: its signatures, and its verbs as endpoints. Needs none of this package's classes.

    Keep it in a variable while you call its endpoints: they don't keep it alive.
    """
    import tensorflow as tf

    folder = path(name)
    for file in sorted((folder / "saved_model").rglob("*")):
        if file.is_file():
            _check(folder, str(file.relative_to(folder)))
    return tf.saved_model.load(folder / "saved_model")


def check_free(name, overwrite=False):
    """Raises InputError if a user's own entry can't take this name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise InputError(f"a zoo name is made of letters, digits, '_', '-' and '.', got {name!r}")
    if name in reserved_names() and own().resolve() != bundled().resolve():
        raise InputError(f"{name} is a name of keras_ssl's own; save yours under another, such as my_{name}")
    if name in _entries(own()) and not overwrite:
        raise InputError(
            f"the zoo in {own()} has an entry {name!r} already; replace it with overwrite, or use another name"
        )


def save(
    model, name, *, recipe=None, dataset=None, picture=None, overwrite=False, folder=None, half=False, made=None,
):  # fmt: skip
    """Save a model as a zoo entry: written beside its place and moved there whole, or not at all.

    recipe: the Recipe it was trained by; dataset: the keras_ssl.data.DataSet it was trained on (origin, licence).
    picture: a PNG to keep as preview.png. folder: the zoo to save in (default: the user's own).
    half: round large weights to half precision, and keep them in the SavedModel alone, see `shared_weights`: what goes
        with the package. They are float32 once loaded.
    made: a sentence on how the weights were made, where that wasn't by `pretrain`; the card has it.

    Returns the entry's folder. Raises InputError for a name that is taken or isn't one.
    """
    from . import methods, shared_weights

    if folder is None:
        check_free(name, overwrite)
    zoo_folder = pathlib.Path(folder or own())
    zoo_folder.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{name}.", dir=zoo_folder))
    try:
        copy = saving.plain_copy(model)
        if half:
            saving.round_to_half(copy)
        saving.write_keras_file(copy, temporary / "model.keras")
        saving.write_saved_model(copy, temporary / "saved_model")
        if half:
            shared_weights.leave(temporary / "model.keras", temporary / "saved_model")
        about = {f: getattr(dataset, f, "") for f in ("origin", "licence", "citation")}
        if recipe and getattr(methods.get(recipe.method), "LABELLED", False):
            about["classes"] = list(getattr(dataset, "classes", []))  # which output is which
        record = {"recipe": recipe.to_dict() if recipe else {}, "data": about, "half_precision": half, **_versions()}
        record |= {"made": made} if made else {}
        write_json(temporary / "recipe.json", record)
        if picture:
            shutil.copyfile(picture, temporary / "preview.png")
        write_checksums(temporary)
        temporary.chmod(0o755)
        _swap(temporary, zoo_folder / name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return zoo_folder / name


def _swap(new, place):
    """Move `new` to `place`; what stood there before is gone only once `new` stands, and comes back if it can't."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        os.replace(place, old)
    try:
        os.replace(new, place)
    except BaseException:
        if old.exists():
            os.replace(old, place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _versions():
    import keras
    import tensorflow as tf

    from . import __version__

    return {"versions": {"keras_ssl": __version__, "keras": keras.__version__, "tensorflow": tf.__version__}}


def fingerprint(name):
    """A SHA-256 of an entry's weights: another one once it is trained anew. Raises InputError as `path` does."""
    folder = path(name)
    files = [folder / "model.keras", *sorted((folder / "saved_model" / "variables").glob("variables.data*"))]
    return hashlib.sha256("".join(_sha256(file) for file in files).encode()).hexdigest()


def _sha256(file):
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def write_checksums(folder):
    """Note the SHA-256 of an entry's model.keras and SavedModel in its checksums.json."""
    files = [folder / "model.keras", *sorted(p for p in (folder / "saved_model").rglob("*") if p.is_file())]
    write_json(folder / "checksums.json", {f.relative_to(folder).as_posix(): _sha256(f) for f in files})


def _check(folder, file):
    sums = read_json(folder / "checksums.json") if (folder / "checksums.json").exists() else {}
    if not (folder / file).is_file():
        raise InputError(f"{folder / file} is missing: install keras_ssl again, or train the entry again")
    if sums.get(pathlib.Path(file).as_posix()) != _sha256(folder / file):
        raise InputError(f"{folder / file} is damaged (its SHA-256 isn't the noted one): install or train it again")


def write_json(file, value):
    """Write a value as JSON, whole or not at all."""
    temporary = file.with_suffix(".partial")
    temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    os.replace(temporary, file)
