"""How much a text encoder is worth with few labels and with many: accuracy over the number of labels, way by way.

Ways: a bag of words, without any network; a linear classifier on each encoder's mean features; one encoder fine-tuned;
and the same network from scratch. The two that train a network choose the better of two schedules on held-out labels,
once, with `CHOOSING` labels.
"""

import time

import numpy as np

from .. import distribution, zoo
from .bag import bag_of_words
from .comparison import SCRATCH, TUNED, Run
from .encoders import open_encoder, untrained
from .extraction import features
from .intervals import interval, percent
from .linear import fit_linear, standardise
from .plans import Plan
from .scores import parts
from .table import kept_figures

COUNTS = (100, 500, 2500, "all")
CHOOSING = 500  # labels that a schedule is chosen with
SEEDS = 3  # up to as many labels; one with more


def label_curve(dataset, names, tuned, kept, *, counts=COUNTS, say=None):
    """Accuracies on the test split: {way: {number of labels: [one a seed]}}.

    dataset: a DataSet of texts. names: zoo names whose features a linear classifier gets. tuned: the one to fine-tune,
    or None. kept: a JSON file that each figure goes into as soon as it is known, so that work can go on later; figures
    of other weights than an entry has now are measured anew.
    """
    say = say or (lambda line: None)

    def bag(count, seed):
        return bag_of_words(dataset, count, seed)["accuracy"]

    found = {"bag of words": _way("bag of words", "none", counts, kept, say, bag)}
    for name in names:
        gathered = []

        def linear(count, seed, name=name, gathered=gathered):
            if not gathered:
                gathered.append(_features(name, dataset))
            return _linear(*gathered[0], dataset, count, seed)

        found[f"{name}, linear"] = _way(f"{name}, linear", zoo.fingerprint(name), counts, kept, say, linear)
    if tuned:
        found[f"{tuned}, fine-tuned"] = _way(
            f"{tuned}, fine-tuned", zoo.fingerprint(tuned), counts, kept, say, _trained(dataset, tuned, TUNED, say)
        )
        scratch = f"{tuned}'s network from scratch"
        found[scratch] = _way(scratch, "random", counts, kept, say, _trained(dataset, tuned, SCRATCH, say, fresh=True))
    return found


def _trained(dataset, name, schedules, say, fresh=False):
    """A function (count, seed) -> accuracy of the network fine-tuned, or trained from fresh weights."""
    encoder, chosen = open_encoder(name), []

    def start(seed):
        return untrained(encoder, dataset, seed) if fresh else encoder

    def run_with(count, seed):
        return Run(dataset, parts(dataset, count, seed), seed, distribution.strategy("auto"), 0, say)

    def train(count, seed):
        if not chosen:
            chosen.append(run_with(CHOOSING, 0).chosen(name, start(0), Plan(), schedules, {})[0])
        run = run_with(count, seed)
        return run.best(name, start(seed), chosen[0], [{}], {})[1]["accuracy"]

    return train


def _way(way, weights, counts, kept, say, function):
    """{count: [accuracy of each seed]}: what is kept of a way, and else function(count, seed)."""
    known = kept_figures(kept).get(way, {})
    if known.get("weights") != weights:
        known = {"weights": weights}
    found = {}
    for count in counts:
        for seed in range(SEEDS if count != "all" and count <= CHOOSING else 1):
            key, began = f"{count} labels, seed {seed}", time.perf_counter()
            if key not in known:
                known[key] = function(count, seed)
                zoo.write_json(kept, {**kept_figures(kept), way: known})
                say(f"{way}: {key}: {known[key]:.4f} ({time.perf_counter() - began:.0f} s)")
            found.setdefault(count, []).append(known[key])
    return found


def _features(name, dataset):
    """Mean features of all training and all test texts, float32."""
    encoder, part = open_encoder(name), parts(dataset)
    return [features(encoder, dataset.stream(split, labels=False)) for split in (part.train, part.test)]


def _linear(x, test, dataset, count, seed):
    part = parts(dataset, count, seed)
    chosen, asked = x[part.keep], test.copy()
    standardise(chosen, asked)
    y, test_y = dataset.labels(part.train)[part.keep], dataset.labels(part.test)
    return fit_linear(dataset.task, chosen, y, asked, test_y, part.folds)[0]["accuracy"]


def markdown(found):
    """The table as Markdown, best with all labels first."""
    counts = list(next(iter(found.values())))
    lines = [f"| | {' | '.join(f'{count} labels' for count in counts)} |", "|---|" + "---|" * len(counts)]
    for way in sorted(found, key=lambda each: -np.mean(found[each][counts[-1]])):
        lines.append(f"| {way} | {' | '.join(percent(found[way][count]) for count in counts)} |")
    return "\n".join(lines)


def chart(found, path, title):
    """A PNG of accuracy over the number of labels, a line a way, with the interval over seeds."""
    from ..pictures import lines

    series = {way: [interval(values) for values in row.values()] for way, row in found.items()}
    ticks = [str(count) for count in next(iter(found.values()))]
    lines(ticks, series, path, title, "labels", "accuracy on the test split")
