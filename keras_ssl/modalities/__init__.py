"""What images, texts, sounds, ... differ in; all else is written once. A modality is a module with these names:

open(recipe, source, labels) -> DataSet    `source`, or else the recipe's data set, as the recipe's examples need it
prepare(dataset, recipe, encoder)          what networks learn of the data before training, and the training examples, a
                                           Prepared; encoder: one of a person's own instead of the recipe's
known(dataset, encoder) -> known           what networks are built for: images' shape (H, W, C), texts' words
network_shape(known, method)               what of that an encoder is built for
opening(encoder, size, trained_size)       arguments of `data.open` for a labelled set that an encoder is to take
asked(model, recipe, given, size, sample)  what a method's `show` is asked of: what a person gives, or else examples
said(rows) -> lines                        what `show` answered, as text; [] where only a picture tells it
draw(rows, path, title)                    the same as a PNG
write(method, model, asked, path)          (only of sounds) what a model makes of what it is asked, as a file to play
ENDPOINTS                                  the SavedModel's endpoints that each of its models has
SAMPLES                                    {data set: the bundled sample that stands for it where seconds count}
PROBED_ON                                  {data set: the labelled one that its encoders are measured on instead}
"""

import dataclasses
import importlib

from ..data import MANY
from ..errors import InputError

KINDS = {2: "audio", 5: "video"}  # of what isn't strings, by the axes of a batch


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What a training needs of its data.

    known: what networks are built for. examples: what has `count(split)` and `stream(split, labels, shuffle)`, whose
    elements make the batches that pretexts get. sample: some elements. shown: what the method's `show` is asked of.
    counts: how often each word occurs, for pretexts with an argument of that name. begin: what is done with the fresh
    model before its first step, a function of it.
    """

    known: object
    examples: object
    sample: object
    shown: object
    counts: object = None
    begin: object = None


def of(name):
    """The modality of a method, named such as "image.rotation", or of a DataSet's kind."""
    return importlib.import_module(f"{__name__}.{name.split('.', 1)[0]}")


def of_encoder(encoder):
    """The modality that an encoder takes."""
    given = encoder.inputs[0]
    return of("text" if getattr(given, "dtype", "") == "string" else KINDS.get(len(given.shape), "image"))


def of_its_kind(dataset, recipe):
    """A DataSet as it is. Raises InputError for one of another kind than a recipe's method learns from."""
    kind = recipe.method.split(".")[0]
    if dataset.kind != kind:
        raise InputError(f"{dataset.name} holds {MANY[dataset.kind]}, {recipe.method} learns from {MANY[kind]}")
    return dataset


def picture(method, model, asked, path, title=None):
    """Write what a method's `show` answers as a PNG, by its own `picture` where it has one; returns the answer."""
    rows = method.show(model, asked)
    if hasattr(method, "picture"):
        method.picture(model, asked, path, title)
    else:
        of(method.__name__.split(".methods.", 1)[1]).draw(rows, path, title)
    return rows
