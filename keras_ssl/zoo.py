"""The zoo: pretrained models by name, those bundled with the package and those that a user saved.

An entry is a folder: recipe.json, model.keras, saved_model/, checksums.json, metrics.json, README.md, preview.png.
Bundled entries lie in the installed package (`keras_ssl/_zoo`) or, in a checkout, in `zoo/`; a user's own under
$KERAS_SSL_ZOO (default ~/.keras_ssl/zoo). TensorFlow is imported by what needs it, not by `names` and `info`.
"""

import hashlib
import importlib
import json
import os
import pathlib
import re
import shutil
import tempfile
import zipfile

from .errors import InputError, unknown

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
    """The pretrained model of an entry: a trainable `keras.Model` that takes natural input.

    Raises InputError for an unknown name and for a file that is damaged.
    """
    folder = path(name)
    _check(folder, "model.keras")
    return open_keras_file(folder / "model.keras")


def encoder(name, pooling=None):
    """The pretrained encoder of an entry (or of a `.keras` file), ready for a head of your own.

    pooling: None for the encoder's own output (a feature map (N, h, w, C) or features (N, C)), "avg" or "max" for one
        vector (N, C) an image.

    Raises InputError for an unknown name or pooling, and for a file that is damaged.
    """
    from . import architectures

    model = open_keras_file(pathlib.Path(name)) if str(name).endswith(".keras") else load(name)
    inner = architectures.encoder_of(model)
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


def open_keras_file(file):
    """A model from a `.keras` file, in safe mode: no pickles, no Lambda code, no classes but Keras's and ours.

    Raises InputError for a file that is missing, damaged, or needs code that isn't safe to run.
    """
    file = pathlib.Path(file)
    if not file.is_file():
        raise InputError(f"there is no model file {file}")
    try:
        with zipfile.ZipFile(file) as archive:
            config = archive.read("config.json").decode()
            broken = archive.testzip()
        if broken:
            raise InputError(f"the model file {file} is damaged (in {broken}); fetch or train it again")
    except InputError:
        raise
    except Exception as error:  # zipfile raises nearly anything, by which byte is wrong
        raise InputError(f"the model file {file} is damaged ({error}); fetch or train it again") from error
    import keras

    try:
        for module in ("layers", "models"):
            importlib.import_module(f"keras_ssl.{module}")
        for module in sorted(set(re.findall(r'"module": "(keras_ssl\.[\w.]+)"', config))):
            importlib.import_module(module)
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever the broken part raises, and tells its cause last
        reason = (str(error).strip() or type(error).__name__).rsplit("Exception encountered: ", 1)[-1]
        reason = reason.splitlines()[0].split(". ")[0].rstrip(".")
        raise InputError(f"the model file {file} can't be opened: {reason}") from error


def check_free(name, overwrite=False):
    """Raises InputError if a user's own entry can't take this name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise InputError(f"a zoo name is made of letters, digits, '_', '-' and '.', got {name!r}")
    if name in _entries(bundled()) and own().resolve() != bundled().resolve():
        raise InputError(f"{name} comes with keras_ssl; save yours under another name, such as my_{name}")
    if name in _entries(own()) and not overwrite:
        raise InputError(
            f"the zoo in {own()} has an entry {name!r} already; replace it with overwrite, or use another name"
        )


def plain_copy(model):
    """An uncompiled copy in float32, free of optimizer state."""
    import keras

    config = json.dumps(keras.saving.serialize_keras_object(model)).replace("mixed_bfloat16", "float32")
    config = json.loads(config.replace("mixed_float16", "float32"))
    config.pop("compile_config", None)
    copy = keras.saving.deserialize_keras_object(config, safe_mode=True)
    copy.set_weights(model.get_weights())
    return copy


def save(model, name, *, recipe=None, dataset=None, picture=None, overwrite=False, folder=None, half=False):
    """Save a model as a zoo entry: written beside its place and moved there whole, or not at all.

    recipe: the Recipe it was trained by; dataset: the keras_ssl.data.DataSet it was trained on (origin, licence).
    picture: a PNG to keep as preview.png. folder: the zoo to save in (default: the user's own).
    half: round large weights to half precision; they stay float32, and the file is compressed to half the size.

    Returns the entry's folder. Raises InputError for a name that is taken or isn't one.
    """
    if folder is None:
        check_free(name, overwrite)
    zoo_folder = pathlib.Path(folder or own())
    zoo_folder.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{name}.", dir=zoo_folder))
    try:
        copy = plain_copy(model)
        if half:
            _round_to_half(copy)
        copy.save(temporary / "model.keras")
        _deflate(temporary / "model.keras")
        _export(copy, temporary / "saved_model")
        about = {f: getattr(dataset, f, "") for f in ("origin", "licence", "citation")}
        record = {"recipe": recipe.to_dict() if recipe else {}, "data": about, "half_precision": half, **_versions()}
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


def _round_to_half(model):
    import numpy as np

    for weight in model.weights:
        value = weight.numpy()
        if value.dtype == np.float32 and value.size >= 1024 and np.abs(value).max() < 6e4:
            weight.assign(value.astype("float16").astype("float32"))


def _deflate(file):
    """Compress the parts of a .keras file, which Keras only stores."""
    smaller = file.with_suffix(".smaller")
    with (
        zipfile.ZipFile(file) as source,
        zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target,
    ):
        for item in source.infolist():
            target.writestr(item.filename, source.read(item))
    os.replace(smaller, file)


def _export(model, folder):
    """A SavedModel with the model's endpoints, readable without this package."""
    import logging

    import keras
    import tensorflow as tf

    # The endpoints' variables are found by themselves; `track(model)` would write each a second time.
    archive = keras.export.ExportArchive()
    endpoints = model.endpoints() if hasattr(model, "endpoints") else _plain_endpoints(model)
    for name, (function, signature) in endpoints.items():
        archive.add_endpoint(name, function, signature)
    absl, level = logging.getLogger("absl"), logging.getLogger("absl").level
    absl.setLevel(logging.ERROR)
    try:
        archive.write_out(folder, options=tf.saved_model.SaveOptions(), verbose=False)
    finally:
        absl.setLevel(level)


def _plain_endpoints(model):
    import tensorflow as tf

    signature = [tf.TensorSpec(i.shape, i.dtype, i.name) for i in model.inputs]
    return {
        "serve": (lambda *inputs: model(inputs[0] if len(inputs) == 1 else list(inputs), training=False), signature)
    }


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
