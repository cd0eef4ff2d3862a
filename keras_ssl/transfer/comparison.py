"""Is the pretrained encoder worth it? The same few labels by three ways: from scratch, a linear probe, fine-tuning."""

import dataclasses
import pathlib
import time

import numpy as np

from .. import distribution, training
from ..sound_baselines import log_mel_probe
from .bag import bag_of_words
from .encoders import open_both, recipe_of, untrained
from .intervals import interval, merged, over_seeds
from .linear import probe
from .pixels import without_network
from .plans import SEMI_SUPERVISED, Plan
from .reporting import check_folder, write_folder
from .scores import MAIN, classified, parts
from .semi_supervised import teach
from .subset import subset
from .tuning import score, train

# Both ways get two schedules to choose from on held-out labels, and the better one of each then trains on all of them.
SCRATCH = ({"learning_rate": 1e-3}, {"learning_rate": 3e-3})
TUNED = ({"learning_rate": 1e-3}, {"learning_rate": 3e-3})
# What stands first: no network at all.
SIMPLE = {"text": ("bag of words", bag_of_words), "audio": ("log-mel energies", log_mel_probe)}


def compare(
    encoder, dataset="cifar10_sample", labels="all", mode="full", *, task=None, size=None, labels_file=None, seed=0,
    seeds=1, strategy="auto", replicas=None, out=None, overwrite=False, verbose=1, say=None, **changes,
):  # fmt: skip
    """Fine-tune an encoder, and set beside it a linear probe of it and the same network trained from scratch.

    Of texts, "bag of words" stands first, see `bag_of_words`: no network at all. Of sounds, "log-mel energies" with a
    linear classifier. Of a segmentation, "class by position" takes the place of the linear probe: the class that
    training masks have most often at each pixel.

    "scratch": the encoder's network with fresh weights, adapted to the unlabelled training images; the same head,
    images and augmentation. "linear probe": see `probe`, on the block that the zoo entry names. "fine-tuned": see
    `finetune`. Scratch and fine-tuning each choose the better of two schedules (`SCRATCH`, `TUNED`) on labelled images
    held out from those chosen, then train on all of these; what is given among the `changes` isn't searched.

    In a semi-supervised mode, "fine-tuned" is on the labels alone, mode "full". Below it stands "pseudo-label" with the
    same settings; or "label spreading" over frozen features, and "label-spreading", the network that it taught.

    Arguments as for `finetune`; say: a function that is called with a line of text after each training.

    Returns (model, report): the `Classifier` of the last row, of the first seed; a dictionary with "results" {way:
    {figures, "labels", "seconds", ...}} and "gain", the fine-tuned main figure minus scratch's (accuracy in 0..1). In a
    semi-supervised mode also "gain_unlabelled", the last row's minus the fine-tuned one's, and "pseudo_labels". Of
    several seeds, figures are means, and "gain_interval", "gain_unlabelled_interval" and the rows' "interval" are half
    the widths of 95 % intervals; gains are taken seed by seed.
    Raises InputError for anything that can't be used.
    """
    if out is not None:
        check_folder(out, overwrite)
    plan = Plan(mode=mode).replace(**changes)
    if isinstance(strategy, str):
        strategy = distribution.strategy(strategy, replicas)
    block, named = recipe_of(encoder).get("probe_block") or None, training.noted(encoder)

    def once(seed):
        opened, images = open_both(encoder, dataset, seed, labels_file=labels_file, size=size, task=task)
        if plan.mode in SEMI_SUPERVISED:
            classified(images)
        part = parts(images, labels, seed)
        said = say or (lambda line: None)
        run = Run(images, part, seed, strategy, verbose, said if seeds == 1 else lambda line: said(f"{seed}: {line}"))
        model, results, history, record = _ways(run, opened, plan, labels, block, changes)
        metric = MAIN[images.task]
        gains = {"gain": results["fine-tuned"][metric] - results["scratch"][metric]}
        if record:
            gains["gain_unlabelled"] = results[plan.mode][metric] - results["fine-tuned"][metric]
        report = {
            "encoder": named, "dataset": images.name, "task": images.task, "labels": len(part.keep),
            "test_images": images.count(part.test), "seed": seed, "replicas": strategy.num_replicas_in_sync,
            "metric": metric, **gains, "results": results, **record,
        }  # fmt: skip
        return model, report, history, images

    model, report, history, images = over_seeds(once, seed, seeds, _merged)
    if out is not None and distribution.is_chief(strategy):
        write_folder(pathlib.Path(out), model, report, history, images)
    return model, report


def _ways(run, encoder, plan, labels, block, changes):
    """(model of the last way, {way: row}, its history, {} or {"pseudo_labels": record})."""
    metric, semi = MAIN[run.dataset.task], plan.mode in SEMI_SUPERVISED
    full = plan.replace(mode="full")
    _, scratch, _, _ = run.best("scratch", untrained(encoder, run.dataset, run.seed), full, SCRATCH, changes)
    name, simple = _without_network(run, encoder, labels, block)
    run.say(f"{name}: {metric.replace('_', ' ')} {simple[metric]:.3f} on test ({simple['seconds']:.0f} s)")
    model, tuned, history, chosen = run.best("fine-tuned", encoder, full if semi else plan, TUNED, changes)
    results = {"scratch": scratch, name: simple, "fine-tuned": tuned}
    if run.dataset.kind in SIMPLE:
        name, way = SIMPLE[run.dataset.kind]
        simple = way(run.dataset, labels, run.seed)
        run.say(f"{name}: {metric.replace('_', ' ')} {simple[metric]:.3f} on test ({simple['seconds']:.0f} s)")
        results = {name: simple, **results}
    if not semi:
        return model, results, history, {}
    began = time.perf_counter()
    chosen = chosen.replace(mode=plan.mode)
    model, history, record = teach(
        encoder, run.dataset, run.part, chosen, teacher=model, block=block, seed=run.seed, strategy=run.strategy,
        name=plan.mode if run.verbose else None,
    )  # fmt: skip
    if "spread" in record:
        results["label spreading"] = {**record["spread"], "labels": len(run.part.keep)}
    results[plan.mode] = run.row(plan.mode, model, chosen, began)
    return model, results, history, {"pseudo_labels": record}


def _without_network(run, encoder, labels, block):
    """(what stands beside the networks, its row): a linear probe; of masks the most frequent class at each place."""
    if run.dataset.task != "segmentation":
        return "linear probe", probe(encoder, run.dataset, labels, block=block, seed=run.seed)
    began, part = time.perf_counter(), run.part
    found = without_network(run.dataset, part.train, part.keep, part.test)
    seconds = round(time.perf_counter() - began, 1)
    return "class by position", {**found, "labels": len(part.keep), "seconds": seconds}


def _merged(reports):
    """One report of several seeds': means, and half the widths of their 95 % intervals."""
    first, metric = reports[0], reports[0]["metric"]
    results = {way: merged([each["results"][way] for each in reports], metric) for way in first["results"]}
    gains = {}
    for name in ("gain", "gain_unlabelled"):
        if name in first:
            gains[name], gains[f"{name}_interval"] = interval([each[name] for each in reports])
    return {**first, **gains, "results": results}


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
        """(model, row, history, plan) of the schedule that is best on held-out labels, trained on all chosen labels."""
        began = time.perf_counter()
        plan, tried = self.chosen(way, encoder, plan, schedules, given)
        model, history = self._train(way, encoder, plan, self.part.keep)
        return model, self.row(way, model, plan, began, tried=tried), history, plan

    def chosen(self, way, encoder, plan, schedules, given):
        """(the plan with the schedule that is best on held-out labels, what was tried)."""
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
        return plan.replace(**chosen), tried

    def row(self, way, model, plan, began, **more):
        """What the table tells of a trained model: figures on the test split, labels, seconds since `began`, ..."""
        metric, figures = MAIN[self.dataset.task], score(model, self.dataset, self.part.test)
        count, seconds = len(self.part.keep), round(time.perf_counter() - began, 1)
        self.say(f"{way}: {metric.replace('_', ' ')} {figures[metric]:.3f} on test ({seconds:.0f} s)")
        return {
            **figures,
            "labels": count,
            "seconds": seconds,
            **more,
            "settings": plan.for_count(count, self.dataset.kind, self.dataset.task).settings(self.dataset.task),
        }

    def _train(self, name, encoder, plan, rows):
        images = subset(self.dataset, self.part.train, rows)
        name = name if self.verbose else None
        return train(encoder, images, plan, seed=self.seed, strategy=self.strategy, name=name)


def _words(schedule):
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in schedule.items())
