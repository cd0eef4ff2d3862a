"""Is the pretrained encoder worth it? The same few labels by three ways: from scratch, a linear probe, fine-tuning."""

import dataclasses
import pathlib
import time

import numpy as np

from .. import distribution, training
from .encoders import open_both, recipe_of, untrained
from .linear import probe
from .plans import Plan
from .reporting import check_folder, write_folder
from .scores import MAIN, parts
from .subset import subset
from .tuning import score, train

# Both ways get two schedules to choose from on held-out labels, and the better one of each then trains on all of them.
SCRATCH = ({"learning_rate": 1e-3}, {"learning_rate": 3e-3})
TUNED = ({"learning_rate": 1e-3}, {"learning_rate": 3e-3})


def compare(
    encoder, dataset="cifar10_sample", labels="all", mode="full", *, task=None, size=None, labels_file=None, seed=0,
    strategy="auto", replicas=None, out=None, overwrite=False, verbose=1, say=None, **changes,
):  # fmt: skip
    """Fine-tune an encoder, and set beside it a linear probe of it and the same network trained from scratch.

    "scratch": the encoder's network with fresh weights, adapted to the unlabelled training images; the same head,
    images and augmentation. "linear probe": see `probe`, on the block that the zoo entry names. "fine-tuned": see
    `finetune`. Scratch and fine-tuning each choose the better of two schedules (`SCRATCH`, `TUNED`) on labelled images
    held out from those chosen, then train on all of these; what is given among the `changes` isn't searched.

    Arguments as for `finetune`; say: a function that is called with a line of text after each training.

    Returns (model, report): the fine-tuned `Classifier`; a dictionary with "results" {way: {figures, "labels",
    "seconds", ...}} and "gain", the fine-tuned main figure minus scratch's (accuracy in 0..1).
    Raises InputError for anything that can't be used.
    """
    if out is not None:
        check_folder(out, overwrite)
    plan = Plan(mode=mode).replace(**changes)
    if isinstance(strategy, str):
        strategy = distribution.strategy(strategy, replicas)
    block, named = recipe_of(encoder).get("probe_block") or None, training.noted(encoder)
    encoder, dataset = open_both(encoder, dataset, seed, labels_file=labels_file, size=size, task=task)
    part = parts(dataset, labels, seed)
    run = Run(dataset, part, seed, strategy, verbose, say or (lambda line: None))

    metric = MAIN[dataset.task]
    _, scratch, _ = run.best("scratch", untrained(encoder, dataset, seed), plan.replace(mode="full"), SCRATCH, changes)
    linear = probe(encoder, dataset, labels, block=block, seed=seed)
    run.say(f"linear probe: {metric.replace('_', ' ')} {linear[metric]:.3f} on test ({linear['seconds']:.0f} s)")
    model, tuned, history = run.best("fine-tuned", encoder, plan, TUNED, changes)

    report = {
        "encoder": named, "dataset": dataset.name, "task": dataset.task, "labels": len(part.keep),
        "test_images": dataset.count(part.test), "seed": seed, "replicas": strategy.num_replicas_in_sync,
        "metric": metric, "gain": tuned[metric] - scratch[metric],
        "results": {"scratch": scratch, "linear probe": linear, "fine-tuned": tuned},
    }  # fmt: skip
    if out is not None and distribution.is_chief(strategy):
        write_folder(pathlib.Path(out), model, report, history, dataset)
    return model, report


@dataclasses.dataclass(frozen=True)
class Run:
    """What both ways of training share."""

    dataset: object
    part: object
    seed: int
    strategy: object
    verbose: int
    say: object

    def best(self, way, encoder, plan, schedules, given):
        """(model, results, history) of the schedule that is best on held-out labels, trained on all chosen labels."""
        began = time.perf_counter()
        metric = MAIN[self.dataset.task]
        # What a person sets isn't searched.
        schedules = [{k: v for k, v in each.items() if given.get(k) is None} for each in schedules]
        schedules = [each for i, each in enumerate(schedules) if each not in schedules[:i]]
        fit, held = (self.part.keep[rows] for rows in self.part.folds[0])
        tried = []
        for i, schedule in enumerate(schedules if len(schedules) > 1 else [], start=1):
            model, _ = self._train(f"{way}, choice {i} of {len(schedules)}", encoder, plan.replace(**schedule), fit)
            tried.append({**schedule, metric: score(model, self.dataset, self.part.train, held)[metric]})
            self.say(f"{way}, {_words(schedule)}: {tried[-1][metric]:.3f} on {len(held)} held-out images")
        chosen = schedules[int(np.argmax([each[metric] for each in tried]))] if tried else schedules[0]
        plan = plan.replace(**chosen)
        model, history = self._train(way, encoder, plan, self.part.keep)
        figures = score(model, self.dataset, self.part.test)
        count, seconds = len(self.part.keep), round(time.perf_counter() - began, 1)
        self.say(f"{way}: {metric.replace('_', ' ')} {figures[metric]:.3f} on test ({seconds:.0f} s)")
        settings = dataclasses.asdict(plan.for_count(count))
        return model, {**figures, "labels": count, "seconds": seconds, "tried": tried, "settings": settings}, history

    def _train(self, name, encoder, plan, rows):
        images = subset(self.dataset, self.part.train, rows)
        name = name if self.verbose else None
        return train(encoder, images, plan, seed=self.seed, strategy=self.strategy, name=name)


def _words(schedule):
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in schedule.items())
