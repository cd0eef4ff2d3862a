"""The figures of a zoo entry: how well it does its pretext task, and what its encoder is worth, beside baselines.

tools/evaluate.py is the one writer of zoo/NAME/metrics.json, and writes what `evaluate` returns.
"""

import hashlib
import json
import pathlib

import numpy as np

from . import modalities, zoo
from .errors import unknown
from .recipes import Recipe
from .transfer.encoders import open_both, some_examples, untrained
from .transfer.extraction import frozen
from .transfer.linear import probe_features
from .transfer.neighbours import knn_of_features
from .transfer.scores import MAIN


def evaluate(name, sample=False, seed=0, split="test", kept=None):
    """Figures of the entry `name` on the official test split, or on the bundled sample's.

    split: "validation" instead, for choices: of an entry that was trained with split="fit".
    kept: a JSON file that keeps the random networks' figures, which entries of one network share, between calls.

    Returns {"data", "images", "seed", "figures": {name: {"value": ..., baseline: ...}}}: the method's own `measure`,
    then "probe" and "knn": accuracies, or of several labels mean average precisions, of a linear probe and of 200
    nearest neighbours on the entry's `probe_block`, beside the same network with random weights.
    """
    from . import architectures, methods

    info = zoo.info(name)
    recipe = Recipe.from_dict(info["recipe"])
    model = zoo.load(name)
    modality = modalities.of(recipe.method)

    def source(name):
        return modality.SAMPLES.get(name, name) if sample else name

    own_set = modality.open(recipe, source(recipe.dataset))
    probed_on = source(modality.PROBED_ON.get(recipe.dataset, recipe.dataset))
    encoder, probed = open_both(architectures.encoder_of(model), probed_on)
    if split == "validation":
        own_set, probed = own_set.for_choosing(), probed.for_choosing()
    elif split != "test":
        raise unknown("split", split, ["test", "validation"])
    figures = dict(methods.get(recipe.method).measure(model, own_set))
    found = _worth(encoder, probed, recipe)
    baseline = _once(
        json.dumps([network_of(encoder), recipe.probe_block, probed.name, split, seed]), kept,
        lambda: _worth(random_encoder(recipe, encoder, modality.known(probed, encoder), probed, seed), probed, recipe),
    )  # fmt: skip
    figures.update({figure: {"value": found[figure], "random": baseline[figure]} for figure in found})
    return {
        "data": own_set.name,
        "split": split,
        "probed_on": probed.name,
        # Word vectors learn from all texts, and are measured on lists of words.
        "images": own_set.count("test" if "test" in own_set.splits else "train"),
        **({} if own_set.kind == "image" else {"kind": own_set.kind}),
        "seed": seed,
        "figures": {k: {n: _plain(v) for n, v in values.items()} for k, values in figures.items()},
    }


def random_encoder(recipe, trained, known, dataset, seed=0):
    """The recipe's encoder before training: random weights, its first layer whitened like the trained one's was.

    trained: the trained one, whose network it is where the recipe's differs: it starts from another entry's, or sees a
        part of a clip. known: what it is built for. dataset: whose examples the first layer is whitened for.
    """
    import keras

    from . import architectures, training

    keras.utils.set_random_seed(seed)
    options = {name: value for name, value in recipe.options.items() if name != "start"}  # weights that were learned
    encoder = architectures.encoder_of(training.build(recipe.replace(options=options), known))
    if network_of(encoder) != network_of(trained):
        return untrained(trained, dataset, seed)
    architectures.adapt(encoder, some_examples(dataset, seed))
    return encoder


def network_of(model):
    """A hexadecimal sum of a model's layers: the same for two that differ in weights and names alone."""
    return hashlib.sha256(json.dumps(_described(model), default=str).encode()).hexdigest()


def _described(layer):
    if hasattr(layer, "layers"):
        return [_described(inner) for inner in layer.layers]
    return [type(layer).__name__, {key: value for key, value in layer.get_config().items() if key != "name"}]


def _worth(encoder, dataset, recipe):
    data, main = frozen(encoder, dataset, block=recipe.probe_block or None), MAIN[dataset.task]
    near = knn_of_features(data)  # before the probe, which standardises the features
    return {"probe": probe_features(data)[0][main], "knn": near[main]}


def _once(key, file, function):
    """function() for a key, or what `file` keeps of it."""
    if file is None:
        return function()
    file = pathlib.Path(file)
    known = zoo.read_json(file) if file.exists() else {}
    if key not in known:
        known[key] = function()
        file.parent.mkdir(parents=True, exist_ok=True)
        zoo.write_json(file, known)
    return known[key]


def _plain(value):
    """A number as JSON takes it, to six figures; anything else as it is."""
    if isinstance(value, (np.floating, np.integer, float, int)):
        return float(f"{float(value):.6g}")
    return value
