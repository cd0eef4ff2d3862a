"""Few labels, many images without: what can be told of these with confidence teaches the network too."""

import numpy as np

from .scores import classified, left_over
from .spreading import figures, spread
from .subset import held as held_in_memory
from .subset import subset
from .tuning import score, train

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
COVERED = 0.05  # what a threshold must leave of the images to be chosen for its accuracy alone
SEEN = 100_000  # about how many images the network sees in a round unless it is told its epochs
SHARE = 0.25  # of these are at least labelled ones, however few there are
MEMORY = 512 << 20  # bytes of images without labels at most


def teach(encoder, dataset, part, plan, *, teacher=None, block=None, seed=0, strategy=None, name=None, callbacks=()):
    """Train a copy of an encoder with a head on a DataSet's labelled images and on pseudo-labels of others.

    plan.mode "pseudo-label": a network trained on the labels alone labels the other images by its most probable class
    (Lee, ICML workshop on challenges in representation learning, 2013); those that it is sure of join the training of
    the next network, `rounds` times over, each from the pretrained encoder on. "label-spreading": the labels come from
    `spreading.spread` on the frozen features of `block`, once.

    Sure is what reaches a threshold of probability: the lowest of `THRESHOLDS` from which on pseudo-labels of labelled
    images held out (see `parts`) are `plan.right` right; where none is, the one that leaves them most accurate. Or
    `plan.threshold`. Classes are balanced, and labelled images repeated to about a quarter of what is learned. At most
    `plan.unlabelled` images, and `MEMORY` bytes, are drawn by the seed.

    part: as `parts` gives it. teacher: a Classifier that was trained on the labels alone. name: of the progress bars.

    Returns (model, history, record): the last network, an uncompiled `Classifier`; its {name: values per epoch}; a
    dictionary of "unlabelled" (how many), "threshold", "curve" (see `threshold_curve`), "rounds": for each, what was
    "accepted" (how many), its "coverage" of the unlabelled, how many of it were "right" (in 0..1; from labels that
    nothing else here looks at), and the network's "accuracy" on the test split. Then "alone": {"accuracy"} of the
    teacher, or "spread": the figures of the spreading itself.
    Raises InputError for another task than classification, and where no image is left without a label.
    """
    classified(dataset)
    most = min(plan.unlabelled, MEMORY // int(np.prod(dataset.shape)))
    rest = left_over(dataset, part, max(1, most), seed)
    labels = dataset.labels(part.train)
    common = {"seed": seed, "strategy": strategy, "callbacks": callbacks}
    record, answers = {"unlabelled": len(rest)}, None
    if plan.mode == "label-spreading":
        found, _ = spread(encoder, dataset, part, rest, block)
        held, answers = found.held, found.images[len(part.keep) :]
        record["spread"] = {
            **figures(found, dataset, part, rest), "neighbours": found.neighbours, "alpha": found.alpha,
            "block": block or "",
        }  # fmt: skip
        rounds = 1
    else:
        held = out_of_fold(encoder, dataset, part, plan, name=name and f"{name}, held out", **common)
        if teacher is None:
            images = subset(dataset, part.train, part.keep)
            teacher, _ = train(encoder, images, plan, name=name and f"{name}, labels alone", **common)
        record["alone"] = score(teacher, dataset, part.test)
        rounds = plan.rounds
    asked = np.concatenate([out for _, out in part.folds])
    curve = threshold_curve(held[asked], labels[part.keep][asked])
    threshold = choose_threshold(curve, plan.right) if plan.threshold is None else plan.threshold
    record |= {"threshold": threshold, "curve": curve, "rounds": []}

    pool = np.union1d(part.keep, rest)
    images, _ = dataset.arrays(part.train, keep=pool)
    place = {which: np.searchsorted(pool, rows) for which, rows in (("keep", part.keep), ("rest", rest))}
    unlabelled = _pictures(dataset, images, place["rest"], labels[rest])
    for number in range(1, rounds + 1):
        if answers is None or number > 1:
            answers = teacher.predict(unlabelled.stream("train", labels=False).batch(256))
        order = np.argsort(-answers.max(axis=1), kind="stable")
        sure = order[answers.max(axis=1)[order] >= threshold]  # the surest first
        guessed = answers[sure].argmax(axis=1)
        repeats = max(1, round(SHARE / (1 - SHARE) * len(sure) / len(part.keep)))
        rows = np.concatenate([np.tile(place["keep"], repeats), place["rest"][sure]])
        known = np.concatenate([np.tile(labels[part.keep], repeats), guessed])
        even = balanced(known)
        learned = _pictures(dataset, images, rows[even], known[even])
        student = plan if plan.epochs else plan.replace(epochs=int(np.clip(round(SEEN / len(even)), 4, 100)))
        called = name and (f"{name}, round {number} of {rounds}" if rounds > 1 else name)
        teacher, history = train(encoder, learned, student, name=called, **common)
        record["rounds"].append({
            "accepted": len(sure), "coverage": len(sure) / len(rest),
            "right": float(np.mean(guessed == labels[rest[sure]])) if len(sure) else None,
            **score(teacher, dataset, part.test),
        })  # fmt: skip
    return teacher, history, record


def out_of_fold(encoder, dataset, part, plan, *, seed, strategy=None, name=None, callbacks=()):
    """Probabilities (n, K) of the labelled images, each by a network that was trained without it.

    Rows that no fold holds out stay 0.
    """
    found = np.zeros((len(part.keep), len(dataset.classes)), "float32")
    for i, (rows, held) in enumerate(part.folds, start=1):
        called = name and f"{name} {i} of {len(part.folds)}"
        images = subset(dataset, part.train, part.keep[rows])
        model, _ = train(encoder, images, plan, seed=seed, strategy=strategy, name=called, callbacks=callbacks)
        found[held] = model.predict(dataset.stream(part.train, labels=False, keep=part.keep[held]).batch(256))
    return found


def threshold_curve(probabilities, labels, thresholds=THRESHOLDS):
    """How far pseudo-labels can be trusted, over thresholds of their probability.

    probabilities (N, K), labels (N,): of images that the answers weren't learned from.

    Returns lists {"threshold", "coverage": the share of images that reach it, "accuracy": the share of these whose most
    probable class is right, None where there are none}.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    sure = [confidence >= threshold for threshold in thresholds]
    return {
        "threshold": list(thresholds),
        "coverage": [float(each.mean()) for each in sure],
        "accuracy": [float(right[each].mean()) if each.any() else None for each in sure],
    }


def choose_threshold(curve, right):
    """The lowest threshold of a curve at which accuracy reaches `right`; where none does, the most accurate one.

    The latter among those that cover a twentieth of the images, the lowest among equals.
    """
    rows = list(zip(curve["threshold"], curve["coverage"], curve["accuracy"], strict=True))
    for threshold, coverage, accuracy in rows:
        if coverage >= COVERED and accuracy >= right:
            return threshold
    covering = [row for row in rows if row[1] >= COVERED]
    return max(covering, key=lambda row: (row[2], -row[0]))[0] if covering else rows[0][0]


def balanced(labels):
    """Places in labels (N,) that give each class the same number of them, the mean: (about N,).

    Of a larger class the first ones, of a smaller one all, again and again. A network is surest of its easiest classes;
    learned from as they come, they would crowd out the others.
    """
    groups = [np.flatnonzero(labels == each) for each in np.unique(labels)]
    return np.concatenate([np.resize(group, len(labels) // len(groups)) for group in groups])


class _Rows:
    """Rows of an array of images, in any order and number, as an ArraySplit reads them: without a copy of them all."""

    def __init__(self, images, rows):
        self.images, self.rows, self.shape = images, rows, (len(rows), *images.shape[1:])

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        return self.images[self.rows[at]]


def _pictures(dataset, images, rows, labels):
    """A DataSet like the given one whose "train" has these rows of the images, with these labels."""
    return held_in_memory(dataset, _Rows(images, rows), labels)
