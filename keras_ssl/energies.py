"""Energy: how badly two inputs, or an input and what a model knows, go together. Low for what fits.

LeCun, Chopra, Hadsell, Ranzato, Huang, "A tutorial on energy-based learning", 2006. Each model that has an energy says
what it is by its verb `energy`: reconstruction error, distance of two embeddings, free energy.
"""

import inspect

import numpy as np

from .errors import InputError


def energy(model, x, y=None):
    """The energy of inputs, or of pairs: (N,) float32, or a number for one input.

    model: of the zoo or your own, with a verb `energy`; or the name of a zoo entry.
    x, y: what its `predict` takes, one or a batch; y for an energy of two inputs, as many as x.

    Raises InputError for a model without an energy, and for one input where it takes two or the other way round.
    """
    if isinstance(model, str):
        from . import zoo

        model = zoo.load(model)
    if not hasattr(model, "energy"):
        raise InputError(f"{getattr(model, 'name', model)} has no energy")
    takes = len(inspect.signature(model.energy).parameters)
    if takes == 2 and y is None:
        raise InputError(f"the energy of {model.name} is one of two inputs: give y too")
    if takes == 1 and y is not None:
        raise InputError(f"the energy of {model.name} is one of a single input: leave y out")
    return model.energy(x) if y is None else model.energy(x, y)


def auc(fitting, unfitting):
    """Chance that one of the energies `fitting` is below one of `unfitting`: 1 tells all apart, 0.5 none."""
    from sklearn.metrics import roc_auc_score

    energies = np.concatenate([np.ravel(fitting), np.ravel(unfitting)])
    return float(roc_auc_score(np.arange(len(energies)) >= np.size(fitting), energies))
