"""Encoders and decoders as functional builders, each opened by name.

Every encoder is a `keras.Model` named "encoder", and names its blocks, for probes and skips. One of images takes
natural ones (uint8 or float in 0..255) and rescales them inside; one of sounds takes waveforms in -1..1; one of texts
takes ids of words, and has a `layers.Vocabulary` that `encoder_of` puts before it, so that it takes texts.
"""

import inspect
import pathlib
import re

import keras

from ..errors import InputError, unknown
from ..layers import MaskedPooling, Vocabulary
from ..models import AudioModel, ClipModel, ImageModel, TextModel
from ..saving import open_keras_file
from .applications import application
from .boltzmann import boltzmann
from .clips import clip_convnet, clip_recurrent
from .convnet import convnet
from .dcgan import dcgan_encoder
from .fcn import fcn
from .language import language_model
from .mlp import mlp
from .residual import residual_encoder
from .spectrogram import spectrogram_net
from .text import text_transformer, word_vectors
from .vit import vit

ENCODERS = {
    "boltzmann": boltzmann,
    "clip_convnet": clip_convnet,
    "clip_recurrent": clip_recurrent,
    "convnet": convnet,
    "dcgan": dcgan_encoder,
    "fcn": fcn,
    "language_model": language_model,
    "mlp": mlp,
    "residual": residual_encoder,
    "spectrogram_net": spectrogram_net,
    "text_transformer": text_transformer,
    "vit": vit,
    "word_vectors": word_vectors,
}

BLOCKS = r"stem|block\d+[a-z]?"  # how ours name theirs
OF = {  # what encoders take that don't take images
    "clips": {"clip_convnet", "clip_recurrent"},
    "sounds": {"spectrogram_net"},
    "texts": {"language_model", "text_transformer", "word_vectors"},
}


def build(name, shape=(None, None, 3), pretrained=False, **options):
    """An encoder by name.

    name: an architecture of ours (`ENCODERS`), "keras.applications:NAME", a path of a `.keras` file, or a `keras.Model`
        or a function (shape) -> keras.Model of your own.
    shape: (height, width, channels) of the images, None where it varies; (frames, height, width, channels) of clips;
        (None,) of waveforms; for texts the words that are to be known.
    pretrained: for keras.applications, load ImageNet's weights, which Keras downloads.
    options: the architecture's own keyword arguments.

    Raises InputError for an unknown name or option, or an unreadable file.
    """
    if not isinstance(name, keras.Model) and callable(name):
        name = name(shape)
    if isinstance(name, keras.Model):
        plain = name.name == "encoder" and not isinstance(name, keras.Sequential) and name.inputs[0].dtype != "string"
        return name if plain else _as_encoder(name)
    name = str(name)
    if name.startswith("keras.applications:"):
        return application(name.split(":", 1)[1], shape, pretrained=pretrained, **options)
    if name.endswith(".keras"):
        return _as_encoder(open_keras_file(pathlib.Path(name)))
    if name not in ENCODERS:
        raise unknown("architecture", name, [*ENCODERS, "keras.applications:NAME"])
    takes = next((kind for kind, names in OF.items() if name in names), "images")
    words = any(isinstance(each, str) for each in shape)
    wanted = "texts" if words else {1: "sounds", 4: "clips"}.get(len(shape), "images")
    if takes != wanted:
        raise InputError(f"{name} is an encoder of {takes}, not of {wanted}")
    for option in options:
        if option not in options_of(name):
            raise unknown(f"option of {name}", option, options_of(name))
    return ENCODERS[name](shape, **options)


def options_of(name):
    """The names of an architecture's options; none of what isn't an architecture's name."""
    return list(inspect.signature(ENCODERS[name]).parameters)[1:] if name in ENCODERS else []


def build_for(name, seen, known, **options):
    """`build` for a shape as a network may see it, with None where it varies, or else for one size, that is `known`."""
    try:
        return build(name, seen, **options)
    except InputError:
        if None in known or None not in seen:
            raise
        return build(name, tuple(k if s is None else s for s, k in zip(seen, known, strict=True)), **options)


def adapt(model, examples):
    """Fit every fresh layer of `model` that starts from data (it has `adapt`) to examples, such as images (N, H, W, C).

    Such are PatchWhitening and VectorQuantizer; those of a trained model stay.
    """
    models = [m for m in model._flatten_layers() if isinstance(m, keras.Model) and m.inputs]
    for sub in reversed(models):  # the inner ones first: what they give is what the outer ones' layers are fitted to
        for layer in sub.layers:
            if getattr(layer, "adapted", True):
                continue
            before = keras.Model(sub.input, layer.input)
            layer.adapt(keras.tree.map_structure(keras.ops.convert_to_numpy, before(examples)))


def encoder_of(model):
    """The encoder inside a model of ours, or the model itself: pictures, or texts -> its last output.

    An ImageModel, AudioModel or TextModel. Raises InputError for a model whose graph isn't known: a subclass with its
    own `call`, or a Sequential not built.
    """
    inner = trunk(model)
    if not getattr(inner, "inputs", None):
        raise InputError(f"{inner.name} can't be an encoder: build it of layers, from a keras.Input on")
    if inner.inputs[0].dtype == "string":
        return inner
    given = inner.inputs[0] if len(inner.inputs) == 1 else inner.inputs
    vocabulary = next((layer for layer in inner.layers if isinstance(layer, Vocabulary)), None)
    if vocabulary is None:
        kind = {2: AudioModel, 5: ClipModel}.get(len(inner.inputs[0].shape), ImageModel)
        return kind(given, inner.outputs[-1], name="encoder")
    if len(inner.outputs) > 1:
        inner = keras.Model(given, inner.outputs[-1], name="encoder")
    # A vocabulary of its own: Keras's files keep a layer one only within one functional model.
    texts = keras.Input((), dtype="string", name="texts")
    ids = Vocabulary.from_config({**vocabulary.get_config(), "name": "texts_to_ids"})(texts)
    return TextModel(texts, inner(ids), name="encoder")


def trunk(model):
    """The part named "encoder" of a model, whose layers are its blocks, or the model itself."""
    return next((layer for layer in model.layers if layer.name == "encoder" and isinstance(layer, keras.Model)), model)


def _as_encoder(model):
    """A model that is somebody's own, as builders give encoders: one of texts takes ids."""
    inner = trunk(model)
    if not any(isinstance(layer, Vocabulary) for layer in getattr(inner, "layers", [])):
        return encoder_of(model)
    if inner.name == "encoder":
        return inner
    return keras.Model(inner.input, inner.outputs if len(inner.outputs) > 1 else inner.outputs[0], name="encoder")


def lexicon_of(encoder):
    """The words that an encoder of one's own knows, a keras.Model's or a `.keras` file's; None for any other."""
    if isinstance(encoder, (str, pathlib.Path)) and str(encoder).endswith(".keras"):
        encoder = open_keras_file(pathlib.Path(encoder))
    layers = encoder._flatten_layers() if isinstance(encoder, keras.Model) else []
    return next((layer.lexicon for layer in layers if isinstance(layer, Vocabulary)), None)


def with_skips(encoder, blocks):
    """The same encoder giving [each block's output, ..., its own output], for decoders that look at earlier maps too.

    One model with several outputs and not a second model beside it: saving would write shared layers twice.
    """
    return keras.Model(encoder.input, [*(encoder.get_layer(b).output for b in blocks), encoder.output], name="encoder")


def maps_of(encoder, names):
    """Those of the names that are blocks of the encoder and maps (N, h, w, C): a transformer's blocks are tokens."""
    known = {layer.name: layer for layer in encoder.layers}
    return [name for name in names if name in known and len(known[name].output.shape) == 4]


def to_maps(encoder):
    """The encoder up to its last map (N, h, w, C), or a copy of that for images of any size where its layers let it.

    An encoder without maps, as one of texts, stays as it is.
    """
    if len(encoder.outputs) == 1 and len(encoder.output.shape) != 4:
        maps = [layer for layer in encoder.layers if len(getattr(layer.output, "shape", ())) == 4]
        blocks = [layer for layer in maps if re.fullmatch(BLOCKS, layer.name)]
        blocks = blocks or [layer for layer in maps if layer.weights]
        if not blocks or len(encoder.inputs[0].shape) != 4:
            return encoder
        encoder = keras.Model(encoder.input, blocks[-1].output, name="encoder")
    if encoder.input_shape[1:3] == (None, None):
        return encoder
    images = keras.Input((None, None, encoder.input_shape[-1]), name=encoder.inputs[0].name)
    try:
        free = keras.models.clone_model(encoder, input_tensors=images)
        free.set_weights(encoder.get_weights())
    except (ValueError, TypeError):  # of layers that count places
        return encoder
    for own, layer in zip(free.layers, encoder.layers, strict=True):
        if hasattr(layer, "adapted"):
            own.adapted = layer.adapted
    return ImageModel(free.input, free.output, name="encoder")


def pooled(features, pooling="avg"):
    """Feature map (N, H, W, C), of each frame too, or sequence (N, T, C) -> vector (N, C) by "avg" or "max".

    A vector stays as it is. Of a sequence, what its mask leaves out doesn't count.
    """
    if pooling not in ("avg", "max"):
        raise unknown("pooling", pooling, ["avg", "max"])
    if len(features.shape) == 2:
        return features
    if len(features.shape) == 3:
        return MaskedPooling(pooling, name="pool")(features)
    kinds = {
        4: {"avg": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D},
        5: {"avg": keras.layers.GlobalAveragePooling3D, "max": keras.layers.GlobalMaxPooling3D},
    }
    return kinds[len(features.shape)][pooling](name="pool")(features)
