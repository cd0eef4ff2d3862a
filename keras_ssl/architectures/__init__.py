"""Encoders and decoders as functional builders, each opened by name.

Every encoder takes natural images (uint8 or float in 0..255), rescales them inside, is a `keras.Model` named "encoder",
and names its blocks, for probes and skips.
"""

import inspect
import pathlib

import keras

from ..errors import InputError, unknown
from ..models import ImageModel
from ..saving import open_keras_file
from .applications import application
from .boltzmann import boltzmann
from .convnet import convnet
from .dcgan import dcgan_encoder
from .mlp import mlp
from .residual import residual_encoder
from .vit import vit

ENCODERS = {
    "boltzmann": boltzmann,
    "convnet": convnet,
    "dcgan": dcgan_encoder,
    "mlp": mlp,
    "residual": residual_encoder,
    "vit": vit,
}


def build(name, shape=(None, None, 3), pretrained=False, **options):
    """An encoder by name.

    name: an architecture of ours (`ENCODERS`), "keras.applications:NAME", a path of a `.keras` file, or a `keras.Model`
        or a function (shape) -> keras.Model of your own.
    shape: (height, width, channels) of the images, None where it varies.
    pretrained: for keras.applications, load ImageNet's weights, which Keras downloads.
    options: the architecture's own keyword arguments.

    Raises InputError for an unknown name or option, or an unreadable file.
    """
    if not isinstance(name, keras.Model) and callable(name):
        name = name(shape)
    if isinstance(name, keras.Model):
        return name if name.name == "encoder" and not isinstance(name, keras.Sequential) else encoder_of(name)
    name = str(name)
    if name.startswith("keras.applications:"):
        return application(name.split(":", 1)[1], shape, pretrained=pretrained, **options)
    if name.endswith(".keras"):
        return encoder_of(open_keras_file(pathlib.Path(name)))
    if name not in ENCODERS:
        raise unknown("architecture", name, [*ENCODERS, "keras.applications:NAME"])
    builder = ENCODERS[name]
    known = list(inspect.signature(builder).parameters)[1:]
    for option in options:
        if option not in known:
            raise unknown(f"option of {name}", option, known)
    return builder(shape, **options)


def adapt(model, images):
    """Fit every fresh layer of `model` that starts from data (it has `adapt`) to images (N, H, W, C).

    Such are PatchWhitening and VectorQuantizer; those of a trained model stay.
    """
    models = [m for m in model._flatten_layers() if isinstance(m, keras.Model) and m.inputs]
    for sub in reversed(models):  # the inner ones first: what they give is what the outer ones' layers are fitted to
        for layer in sub.layers:
            if getattr(layer, "adapted", True):
                continue
            before = keras.Model(sub.input, layer.input)
            layer.adapt(keras.tree.map_structure(keras.ops.convert_to_numpy, before(images)))


def encoder_of(model):
    """The encoder inside a model of ours, or the model itself, as an ImageModel: pictures -> its last output.

    Raises InputError for a model whose graph isn't known: a subclass with its own `call`, or a Sequential not built.
    """
    inner = next((layer for layer in model.layers if layer.name == "encoder" and isinstance(layer, keras.Model)), model)
    if not getattr(inner, "inputs", None):
        raise InputError(f"{inner.name} can't be an encoder: build it of layers, from a keras.Input on")
    return ImageModel(inner.inputs[0] if len(inner.inputs) == 1 else inner.inputs, inner.outputs[-1], name="encoder")


def with_skips(encoder, blocks):
    """The same encoder giving [each block's output, ..., its own output], for decoders that look at earlier maps too.

    One model with several outputs and not a second model beside it: saving would write shared layers twice.
    """
    return keras.Model(encoder.input, [*(encoder.get_layer(b).output for b in blocks), encoder.output], name="encoder")


def maps_of(encoder, names):
    """Those of the names that are blocks of the encoder and maps (N, h, w, C): a transformer's blocks are tokens."""
    known = {layer.name: layer for layer in encoder.layers}
    return [name for name in names if name in known and len(known[name].output.shape) == 4]


def pooled(features, pooling="avg"):
    """Feature map (N, H, W, C) -> vector (N, C) by "avg" or "max"; a vector stays as it is."""
    if len(features.shape) == 2:
        return features
    layer = {"avg": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}.get(pooling)
    if layer is None:
        raise unknown("pooling", pooling, ["avg", "max"])
    return layer(name="pool")(features)
