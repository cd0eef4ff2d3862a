"""Models to files and back: `.keras` files that are opened without running anybody's code, and SavedModels.

TensorFlow is imported by what needs it.
"""

import contextlib
import importlib
import json
import os
import pathlib
import re
import tempfile
import zipfile

from .errors import InputError

PRECISIONS = ("float32", "mixed_bfloat16")  # in which layers count; weights stay float32
LARGE = 1024  # numbers in a weight from which on it may be kept in half precision


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

    from . import shared_weights

    try:
        for module in ("layers", "models"):
            importlib.import_module(f"keras_ssl.{module}")
        for module in sorted(set(re.findall(r'"module": "(keras_ssl\.[\w.]+)"', config))):
            with contextlib.suppress(ModuleNotFoundError):  # moved: classes are found by registered name
                importlib.import_module(module)
        if shared_weights.is_left(file):
            with tempfile.TemporaryDirectory() as place:
                whole = pathlib.Path(place, "whole.keras")
                shared_weights.fetch(file, whole)
                return keras.saving.load_model(whole, compile=False, safe_mode=True)
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    except InputError:
        raise
    except Exception as error:  # Keras raises whatever the broken part raises, and tells its cause last
        reason = (str(error).strip() or type(error).__name__).rsplit("Exception encountered: ", 1)[-1]
        reason = reason.splitlines()[0].split(". ")[0].rstrip(".")
        raise InputError(f"the model file {file} can't be opened: {reason}") from error


def plain_copy(model, precision="float32"):
    """An uncompiled copy, free of optimizer state, its layers in float32 or another policy, "mixed_bfloat16".

    By way of a file: some layers keep more than weights, such as a vocabulary or the constants of a Normalization.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole, plain = pathlib.Path(folder, "whole.keras"), pathlib.Path(folder, "plain.keras")
        model.save(whole)
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(plain, "w") as target:
            for name in source.namelist():
                content = source.read(name)
                target.writestr(name, _plain_config(content, precision) if name == "config.json" else content)
        return open_keras_file(plain)


def _plain_config(content, precision):
    policies = rb'("class_name": "DTypePolicy", "config": {"name": ")(?:mixed_bfloat16|mixed_float16|float32)"'
    config = json.loads(re.sub(policies, rb"\1" + precision.encode() + b'"', content))
    config.pop("compile_config", None)
    return json.dumps(config)


def round_to_half(model):
    """Round large weights to half precision, in place; they stay float32."""
    import numpy as np

    for weight in model.weights:
        value = weight.numpy()
        if value.dtype == np.float32 and value.size >= LARGE and np.abs(value).max() < 6e4:
            weight.assign(value.astype("float16").astype("float32"))


def write_keras_file(model, file):
    """Save a model as a `.keras` file whose parts are compressed, which Keras only stores."""
    model.save(file)
    smaller = file.with_suffix(".smaller")
    with (
        zipfile.ZipFile(file) as source,
        zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target,
    ):
        for item in source.infolist():
            target.writestr(item.filename, source.read(item))
    os.replace(smaller, file)


def write_saved_model(model, folder):
    """Write a SavedModel with the model's endpoints, readable without this package.

    Large weights whose values half precision holds exactly (`round_to_half`) are stored in it, and widened when used.
    """
    import logging

    import keras
    import tensorflow as tf

    from .layers import Vocabulary

    # The endpoints' variables are found by themselves; `track(model)` would write each a second time. Tables of words
    # aren't variables.
    archive = keras.export.ExportArchive()
    for layer in model._flatten_layers():
        if isinstance(layer, Vocabulary):
            archive.track(layer)
    endpoints = model.endpoints() if hasattr(model, "endpoints") else _plain_endpoints(model)
    absl, level = logging.getLogger("absl"), logging.getLogger("absl").level
    absl.setLevel(logging.ERROR)
    try:
        with _stored_in_half(model), _traced_once(model):
            for name, (function, signature) in endpoints.items():
                archive.add_endpoint(name, function, signature)
            archive.write_out(folder, options=tf.saved_model.SaveOptions(), verbose=False)
    finally:
        absl.setLevel(level)


@contextlib.contextmanager
def _traced_once(model):
    """While it lasts, endpoints share one graph of each network that they call, and don't hold one each."""
    import keras

    networks = [layer for layer in model._flatten_layers() if isinstance(layer, keras.Model) and layer.inputs]
    try:
        for network in networks:
            network.__dict__["call"] = _traced(network.call)
        yield
    finally:
        for network in networks:
            network.__dict__.pop("call", None)


def _traced(call):
    """A network's call as one graph, which gives its outputs' masks, too: attributes that a graph would lose."""
    import keras
    import tensorflow as tf

    @tf.function
    def with_masks(*args, **kwargs):
        outputs = call(*args, **kwargs)
        return outputs, [getattr(each, "_keras_mask", None) for each in keras.tree.flatten(outputs)]

    def traced(*args, **kwargs):
        outputs, masks = with_masks(*args, **kwargs)
        for each, mask in zip(keras.tree.flatten(outputs), masks, strict=True):
            if mask is not None:
                each._keras_mask = mask
        return outputs

    return traced


@contextlib.contextmanager
def _stored_in_half(model):
    """While it lasts, large weights that lose nothing by it are half-precision variables that give float32 values."""
    import keras
    import numpy as np
    import tensorflow as tf

    class Half(keras.Variable):
        @property
        def value(self):
            return self._maybe_autocast(tf.cast(self._value, "float32"))

    before = {}
    for weight in model.weights:
        value = weight.numpy()
        with np.errstate(over="ignore"):
            small = value.astype("float16") if value.dtype == np.float32 and value.size >= LARGE else None
        if small is not None and np.array_equal(small, value):
            before[id(weight)] = weight, type(weight), weight._value
            weight._value = tf.Variable(small, name=weight.name)
            weight.__class__ = Half
    try:
        yield
    finally:
        for weight, kind, value in before.values():
            weight.__class__ = kind
            weight._value = value


def _plain_endpoints(model):
    import tensorflow as tf

    signature = [tf.TensorSpec(i.shape, i.dtype, i.name) for i in model.inputs]
    return {
        "serve": (lambda *inputs: model(inputs[0] if len(inputs) == 1 else list(inputs), training=False), signature)
    }
