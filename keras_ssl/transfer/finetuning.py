"""Fine-tuning: from an encoder and some labels to a classifier, its figures, and a folder with both."""

import dataclasses
import pathlib
import time

from .. import distribution, training
from ..errors import InputError
from .encoders import open_both, recipe_of
from .intervals import merged, over_seeds
from .plans import SEMI_SUPERVISED, Plan
from .reporting import check_folder, write_folder
from .scores import MAIN, parts
from .semi_supervised import teach
from .subset import subset
from .tuning import score, train
from .unfinished import Unfinished


def finetune(
    encoder, dataset="cifar10_sample", labels="all", mode="full", *, task=None, size=None, labels_file=None, seed=0,
    seeds=1, strategy="auto", replicas=None, out=None, overwrite=False, resume=False, verbose=1, callbacks=(),
    **changes,
):  # fmt: skip
    """Fine-tune an encoder on a labelled task.

    encoder: a zoo name, a `.keras` file, "keras.applications:NAME", "random:ARCHITECTURE", a `keras.Model`, or a
        function (shape) -> keras.Model; it stays as it is.
    dataset: a DataSet, or what `keras_ssl.data.open` takes; task, size, labels_file: as its `task`, `size`, `labels`.
    labels: how many of the training labels to use: a fraction, a number, or "all".
    mode: "full", "probe", "gradual", "discriminative", "pseudo-label" or "label-spreading", see `Plan`.
    seed: of the choice of labels, the head's weights, the order of the images and their augmentation.
    seeds: do it for this many seeds, `seed` the first.
    strategy, replicas: as `keras_ssl.distribution.strategy`; `strategy` may also be a tf.distribute strategy.
    out: a folder to write: report.json, history.csv, curve.png, model.keras, saved_model/, for the semi-supervised
        modes pseudo_labels.png, for a segmentation overlay.png; overwrite: replace it. Until it is finished,
        OUT.partial keeps a checkpoint after each epoch, but for the semi-supervised modes.
    resume: go on with an interrupted run, to the weights that it would have had.
    verbose: 0 for silence. callbacks: Keras callbacks for `fit`.
    changes: fields of `Plan`, such as epochs=20, learning_rate=3e-4, augment="shift".

    Returns (model, report). model: a `Classifier` in float32, as it is after the last epoch, of the first seed: from
    images in 0..255 to probabilities (N, K) of its `classes`, or, for a regression, to values in the labels' units.
    A segmentation gives a `Segmenter` instead: probabilities (N, H, W, K), and `segment`.
    report: a dictionary of the figures on the test split ("accuracy" in 0..1; or "mean_average_precision" and
    "accuracy"; or "r2"; or "mean_iou", "global_accuracy" and "class_iou"), "labels", "seconds", "history" {name: values
    per epoch}, and the settings; in a semi-supervised mode also "pseudo_labels", the record of `semi_supervised.teach`.
    Of several seeds, figures are means; "interval" is half the width of the 95 % interval of the main one, "values" are
    those of the seeds, "seeds" the seeds, and "runs" all their reports.
    Raises InputError for anything that can't be used.
    """
    if out is not None:
        check_folder(out, overwrite)
    plan = Plan(mode=mode).replace(**changes)
    if resume and (out is None or mode in SEMI_SUPERVISED):
        raise InputError(f"resume takes the run's folder, `out`, and another mode than {' and '.join(SEMI_SUPERVISED)}")
    if isinstance(strategy, str):
        strategy = distribution.strategy(strategy, replicas)
    unfinished = None
    if out is not None and mode not in SEMI_SUPERVISED:
        began = {**dataclasses.asdict(plan), "encoder": training.noted(encoder), "dataset": training.noted(dataset),
                 "labels": labels, "seed": seed, "seeds": seeds, "task": task, "size": size,
                 "labels_file": None if labels_file is None else training.noted(labels_file)}  # fmt: skip
        chief = distribution.is_chief(strategy)
        unfinished = Unfinished(out, began, resume=resume, overwrite=overwrite, write=chief)
    block, named = recipe_of(encoder).get("probe_block") or None, training.noted(encoder)

    def once(seed):
        opened, images = open_both(encoder, dataset, seed, labels_file=labels_file, size=size, task=task)
        part = parts(images, labels, seed)
        settings = plan.for_count(len(part.keep), images.kind, images.task).settings(images.task)
        began = time.perf_counter()
        common = {"seed": seed, "strategy": strategy, "callbacks": callbacks}
        record = {}
        if plan.mode in SEMI_SUPERVISED:
            name = plan.mode if verbose else None
            model, history, found = teach(opened, images, part, plan, block=block, name=name, **common)
            record = {"pseudo_labels": found}
        else:
            labelled = subset(images, part.train, part.keep)
            folder = unfinished and unfinished.of_seed(seed)
            name = "fine-tuning" if verbose else None
            model, history = train(opened, labelled, plan, name=name, folder=folder, resume=resume, **common)
        seconds = round(time.perf_counter() - began, 1)
        report = {
            **score(model, images, part.test), "labels": len(part.keep), "seconds": seconds, "encoder": named,
            "dataset": images.name, "task": images.task, "seed": seed, "replicas": strategy.num_replicas_in_sync,
            **settings, **record, "history": history,
        }  # fmt: skip
        return model, report, history, images

    model, report, history, images = over_seeds(once, seed, seeds, lambda each: merged(each, MAIN[each[0]["task"]]))
    if out is not None and distribution.is_chief(strategy):
        write_folder(pathlib.Path(out), model, report, history, images)
        if unfinished:
            unfinished.remove()
    return model, report


def pseudo_label(encoder, dataset="cifar10_sample", labels="10%", **settings):
    """`finetune` in the mode "pseudo-label": few labels, and confident answers for the unlabelled images.

    The rest of the training split is the unlabelled images; rounds, threshold, right and unlabelled (see
    `semi_supervised.teach`) are among the settings. Returns (model, report) as `finetune` does.
    """
    return finetune(encoder, dataset, labels, "pseudo-label", **settings)
