"""Opening encoders: from the zoo, from files, from keras.applications, or untrained."""

import re

import keras

from .. import architectures, data, modalities, zoo
from ..errors import InputError, unknown

ADAPTED_TO = 512  # images that an untrained encoder's first layer is fitted to


def open_encoder(name, dataset=None, seed=0):
    """An encoder, a `keras.Model` from images (N, H, W, C) in 0..255 to a feature map or features (N, D).

    Or of texts (N,) to a vector for each word (N, T, D).

    name: a zoo name; a path of a `.keras` file; "keras.applications:NAME" with its ImageNet weights, which Keras
        downloads; "random:ARCHITECTURE" for an untrained one, where ARCHITECTURE is what `architectures.build` takes;
        a `keras.Model`, whose part named "encoder" is taken if it has one; or a function (shape) -> keras.Model.
    dataset: the DataSet at hand. An untrained encoder is built for its shape and adapted to its images.
    seed: of an untrained encoder's weights.

    Raises InputError for an unknown name, a damaged file, and weights that can't be downloaded.
    """
    if isinstance(name, keras.Model):
        return architectures.encoder_of(name)
    if callable(name):
        return architectures.build(name, (None, None, 3) if dataset is None else dataset.shape)
    name = str(name)
    if name.startswith("random:"):
        keras.utils.set_random_seed(seed)
        architecture = name.split(":", 1)[1]
        kind = modalities.of(dataset.kind if dataset is not None else "image")
        known = (None, None, 3) if dataset is None else kind.known(dataset)
        encoder = architectures.build_for(architecture, kind.network_shape(known, None), known)
        encoder = architectures.encoder_of(encoder)
        if dataset is not None:
            architectures.adapt(encoder, some_examples(dataset, seed))
        return encoder
    if name.startswith("keras.applications:"):
        return architectures.build(name, pretrained=True)
    return zoo.encoder(name)


def untrained(encoder, dataset, seed=0):
    """The same network with fresh weights, adapted to the unlabelled training images as a pretrained one once was."""
    keras.utils.set_random_seed(seed)
    copy = keras.models.clone_model(encoder)
    architectures.adapt(copy, some_examples(dataset, seed))
    return copy


def some_examples(dataset, seed=0):
    """Some hundreds of the training examples of a DataSet, without labels: images are uint8 (n, H, W, C)."""
    if None in dataset.shape and dataset.kind == "image":
        raise InputError(f"the images of {dataset.name} differ in size: open it with size=, such as size=64")
    stream = dataset.stream("train", labels=False, shuffle=seed)
    if dataset.kind == "audio":  # of different lengths
        return next(iter(stream.padded_batch(ADAPTED_TO).as_numpy_iterator()))
    return next(iter(stream.batch(ADAPTED_TO).as_numpy_iterator()))


def blocks(encoder):
    """The names of an encoder's blocks, in order, for probes and for unfreezing.

    Ours name theirs "stem", "block1a", "block1", ...; of another network, the last layer at each resolution.
    """
    named = [layer.name for layer in encoder.layers if re.fullmatch(r"stem|block\d+[a-z]?", layer.name)]
    if named:
        return named
    maps = [layer for layer in encoder.layers if len(getattr(layer.output, "shape", ())) == 4]
    if not maps:
        return [layer.name for layer in encoder.layers if layer.weights]
    sides = [side or 224 for side in encoder.input_shape[1:3]]
    shapes = keras.Model(encoder.input, [layer.output for layer in maps]).compute_output_shape(
        (1, *sides, encoder.input_shape[-1])
    )
    last = {tuple(shape[1:3]): layer.name for shape, layer in zip(shapes, maps, strict=True)}
    last.pop(tuple(sides), None)  # mere preprocessing
    return list(last.values())


def cut(encoder, block=None):
    """The encoder up to and with a block; the whole for None. Raises InputError for an unknown block."""
    if not block:
        return encoder
    if block not in [layer.name for layer in encoder.layers]:
        raise unknown("block", block, blocks(encoder))
    return keras.Model(encoder.input, encoder.get_layer(block).output, name="encoder")


def open_both(encoder, dataset, seed=0, *, labels_file=None, size=None, task=None):
    """(encoder, DataSet), the images brought to the channels and, where it is fixed, the size that the encoder takes.

    encoder, seed: as for `open_encoder`. dataset: a DataSet, which stays as it is, or whatever `keras_ssl.data.open`
    takes. labels_file, size, task: as its `labels`, `size` and `task`.
    """
    if isinstance(dataset, data.DataSet):
        if dataset.task == "segmentation":
            encoder = architectures.to_maps(open_encoder(encoder, dataset, seed))
        if task not in (None, dataset.task):
            raise InputError(f"{dataset.name} is opened for {dataset.task}, not {task}; open it with task={task!r}")
        return open_encoder(encoder, dataset, seed), dataset
    choices = {"labels": labels_file, "task": task}
    built = isinstance(encoder, str) and encoder.startswith("random:")
    if built or (callable(encoder) and not isinstance(encoder, keras.Model)):
        dataset = data.open(dataset, size=size, mixed_size=data.MIXED_SIZE, **choices)
        encoder = open_encoder(encoder, dataset, seed)
        return architectures.to_maps(encoder) if dataset.task == "segmentation" else encoder, dataset
    trained_size = recipe_of(encoder).get("size")
    encoder = open_encoder(encoder)
    opening = modalities.of_encoder(encoder).opening(encoder, size, trained_size)
    opened = data.open(dataset, **opening, **choices)
    if opened.task != "segmentation":
        return encoder, opened
    # A class for each pixel: images keep their own size where the encoder's maps can have any.
    encoder = architectures.to_maps(encoder)
    own = modalities.of_encoder(encoder).opening(encoder, size)
    return encoder, opened if own == opening else data.open(dataset, **own, **choices)


def recipe_of(encoder):
    """The recipe of a zoo entry as a dictionary; {} for any other encoder."""
    return zoo.info(encoder)["recipe"] if isinstance(encoder, str) and encoder in zoo.names() else {}


def check_fits(encoder, shape, kind="image"):
    """Raises InputError where images of `shape` (H, W, C), clips of (T, H, W, C), or texts can't go into it."""
    takes = encoder.input_shape[1:]
    wanted = modalities.of_encoder(encoder).__name__.rsplit(".", 1)[-1]
    if kind != wanted:
        raise InputError(f"the encoder takes {data.MANY[wanted]}, not {data.MANY[kind]}")
    if any(want is not None and want != have for want, have in zip(takes, shape, strict=True)):
        said = "x".join("any" if side is None else str(side) for side in takes)
        given = "x".join("any" if side is None else str(side) for side in shape)
        raise InputError(
            f"the encoder takes {data.MANY[kind]} of {said}, these are {given}; open them with a fitting size and "
            "channels"
        )
