"""One table of many encoders: each through the same work on one labelled set, beside random weights and labels.

For every encoder: the best block, chosen by a probe on validation; its linear probe and k-nearest neighbours with all
labels; and fine-tuning with few and with all labels, the better of two schedules chosen on held-out labels (for all
labels: the one that was chosen with a tenth of them, as choosing costs more than training). A network of random
weights, fine-tuned, is what training from scratch reaches.
"""

import time

from .. import data, distribution, zoo
from ..errors import InputError
from .comparison import SCRATCH, TUNED, Run
from .encoders import blocks, open_encoder, some_examples, untrained
from .intervals import interval, percent
from .linear import probe
from .neighbours import knn
from .plans import Plan
from .scores import parts

CHOOSING = 10_000  # labels that a block is chosen with
FEW, SOME = 0.01, 0.1
SEEDS = (0, 1, 2)  # of the fine-tunings with few labels; the others have one


def rows(dataset="cifar10"):
    """The zoo entries that the table compares, in two groups: {"shared": [...], "other": [...]}.

    "shared": those trained on photos with the shared encoder; "other": those on photos with a network of their own.
    """
    found = {"shared": [], "other": []}
    for name in zoo.bundled_names():
        recipe = zoo.info(name)["recipe"]
        if recipe["dataset"] in (dataset, "tiny_imagenet"):
            found["shared" if recipe["encoder"] == "convnet" else "other"].append(name)
    return found


def measure(name, dataset, kept, *, like=None, full=False, say=None):
    """All figures of one encoder.

    name: a zoo name, or "random" for untrained weights. dataset: a DataSet.
    kept: a JSON file {name: figures} that each figure goes into as soon as it is known, so that work can go on later;
        figures of other weights than the entry has now are measured anew.
    like: for "random", the zoo entry whose network it is. full: fine-tune with all labels too.

    Returns {"block", "probe", "knn": accuracies, "finetuned": {"0.01": [one a seed], "0.1": [...], "all": [...]}}.
    Raises InputError for anything that can't be used.
    """
    say = say or (lambda line: None)
    random = name == "random" or name.startswith("random-")
    if random and like is None:
        raise InputError("random weights of which network? name a zoo entry with like=")
    weights = "random" if random else zoo.fingerprint(name)
    known = kept_figures(kept).get(name, {})
    if known.get("weights") != weights:
        known = {"weights": weights}
    encoder = untrained(open_encoder(like), dataset) if random else open_encoder(name)

    def once(key, function):
        if key not in known:
            began = time.perf_counter()
            known[key] = function()
            zoo.write_json(kept, {**kept_figures(kept), name: known})
            say(f"{name}: {key} {known[key]} ({time.perf_counter() - began:.0f} s)")
        return known[key]

    def tuned(labels, seed, schedules=SCRATCH if random else TUNED):
        """(accuracy, the schedule that was chosen)."""
        run = Run(dataset, parts(dataset, labels, seed), seed, distribution.strategy("auto"), 0, lambda line: None)
        start = untrained(encoder, dataset, seed) if random else encoder
        _, figures, _, plan = run.best(name, start, Plan(precision="mixed_bfloat16"), schedules, {})
        return figures["accuracy"], {key: getattr(plan, key) for key in schedules[0]}

    def with_some():
        accuracy, known["schedule"] = tuned(SOME, 0)
        return accuracy

    block = once("block", lambda: best_block(encoder, dataset))
    found = {
        "block": block,
        "probe": once("probe", lambda: probe(encoder, dataset, block=block)["accuracy"]),
        "knn": once("knn", lambda: knn(encoder, dataset, block=block)["accuracy"]),
    }
    found["finetuned"] = {
        str(FEW): [once(f"finetuned {FEW} seed {seed}", lambda seed=seed: tuned(FEW, seed)[0]) for seed in SEEDS],
        str(SOME): [once(f"finetuned {SOME}", with_some)],
    }
    if full or "finetuned all" in known:
        found["finetuned"]["all"] = [once("finetuned all", lambda: tuned("all", 0, [known["schedule"]])[0])]
    return found


def kept_figures(file):
    """{name: figures} of a file that `measure` keeps them in; {} for none yet."""
    return zoo.read_json(file) if file.exists() else {}


def best_block(encoder, dataset):
    """The block, or the last layer, whose linear probe with `CHOOSING` labels is best on validation."""
    choosing = dataset.for_choosing()
    labels, names = min(CHOOSING, choosing.count("train")), dict.fromkeys([*blocks(encoder), encoder.layers[-1].name])
    reached = {name: probe(encoder, choosing, labels, block=name)["accuracy"] for name in names}
    return max(reached, key=reached.get)


def markdown(measured):
    """The table as Markdown. measured: {group title: {row title: what `measure` returned}}, rows by their probe."""
    columns = ["encoder", "block", "probe", "k-NN", f"fine-tuned, {FEW:.0%}", f"{SOME:.0%}", "all labels"]
    lines = ["| " + " | ".join(columns) + " |", "|---|---|---|---|---|---|---|"]
    for title, group in measured.items():
        if len(measured) > 1:
            lines.append(f"| *{title}* | | | | | | |")
        for name in sorted(group, key=lambda each: -group[each]["probe"]):
            found = group[name]
            tuned = [found["finetuned"].get(share) for share in (str(FEW), str(SOME), "all")]
            cells = [f"`{name}`", found["block"], f"{found['probe']:.1%}", f"{found['knn']:.1%}"]
            lines.append("| " + " | ".join(cells + ["" if t is None else percent(t) for t in tuned]) + " |")
    return "\n".join(lines)


def chart(group, path, title):
    """A PNG of bars: probe, and fine-tuned with few labels with the interval over seeds, of each encoder of a group."""
    from ..pictures import bars

    order = sorted(group, key=lambda each: group[each]["probe"])
    few = [interval(group[name]["finetuned"][str(FEW)]) for name in order]
    bars(
        order,
        {
            "linear probe, all labels": ([100 * group[name]["probe"] for name in order], None),
            f"fine-tuned, {FEW:.0%} of the labels": ([100 * m for m, _ in few], [100 * h for _, h in few]),
        },
        path, title=title, label="accuracy on the test images, %",
    )  # fmt: skip


def open_set(name="cifar10"):
    """The labelled set that encoders meet on, in colour; read once, so that an error comes before hours of work."""
    dataset = data.open(name, channels=3)
    some_examples(dataset)
    return dataset
