"""How a labelled training runs, and the network that it trains."""

import dataclasses
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from .. import saving
from ..architectures import pooled, trunk
from ..architectures.fcn import UP
from ..errors import InputError, unknown
from ..segmenters import segmenter
from .classifier import OF, Answer
from .encoders import blocks, cut
from .extraction import AdaptiveAveragePooling

SEMI_SUPERVISED = ("pseudo-label", "label-spreading")
MODES = ("full", "probe", "gradual", "discriminative", *SEMI_SUPERVISED)
# About how many examples a training sees unless it is told its epochs, and the fewest epochs then.
SEEN = {"image": 25_000, "text": 10_000, "audio": 25_000, "video": 10_000}
LEAST = {"image": 8, "text": 2, "audio": 8, "video": 2}
BATCH = {"image": 64, "text": 64, "audio": 32, "video": 16, "segmentation": 16}
VIEWS = {"image": "flip,shift", "text": "drop", "audio": "shift", "video": "", "segmentation": "flip,crop"}
DECODER = ("up", "skips", "width", "balance")  # settings of a segmentation alone


@dataclass(frozen=True)
class Plan:
    """How a labelled training runs.

    mode: "full": all weights; "probe": the encoder frozen, its batch norm too; "gradual": the head alone first, then
        one block of the encoder after another from the top, evenly over the first half of the epochs (Howard and
        Ruder, ACL 2018, arXiv:1801.06146); "discriminative": all weights, each block at `depth_factor` of the learning
        rate of what lies above it (the same paper); "pseudo-label" and "label-spreading": all weights, also on images
        without labels (see `semi_supervised.teach`).
    epochs: None for about 25,000 images or sounds in all, in 8 to 100 epochs; 10,000 texts or clips in 2 to 100.
    batch_size: None for 64, of sounds 32, of clips and of a segmentation 16.
    learning_rate, optimizer, weight_decay, warmup, schedule, momentum, beta_1, beta_2: as in a
        Recipe.
    block, grid: the head stands on this block ("" for the encoder's output), averaged over grid x grid cells.
    augment: as `augmentation` takes it, of texts as `cut_up`, of sounds as `sounds.filled`; None for "flip,shift",
        "drop", "shift"; of clips for "", since many a movement has a direction.
    longest: words of a text that training looks at, half of them from its end.
    depth_factor: of "discriminative", in (0, 1]; 1 is "full".
    precision: "float32" or "mixed_bfloat16", in which the encoder's layers count (its weights stay float32).
    rounds, threshold, right, unlabelled: of the semi-supervised modes, see `semi_supervised.teach`.
    up, skips, width: of a segmentation's decoder, see `architectures.fcn.fcn_decoder`.
    balance: of a segmentation, classes weigh by their share of the pixels to the power of -balance in the loss.
    """

    mode: str = "full"
    epochs: int | None = None
    learning_rate: float = 1e-3
    batch_size: int | None = None
    optimizer: str = "adam"
    weight_decay: float = 1e-2
    warmup: float = 0.1
    schedule: str = "cosine"
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    block: str = ""
    grid: int = 1
    augment: str | None = None
    longest: int = 256
    depth_factor: float = 0.7
    rounds: int = 3
    threshold: float | None = None
    right: float = 0.9
    unlabelled: int = 20_000
    precision: str = "float32"
    up: str = "nearest"
    skips: bool = True
    width: int = 32
    balance: float = 0.5  # on CamVid's validation split that gave ten points of mean IoU over 0, in six epochs

    def __post_init__(self):
        if self.mode not in MODES:
            raise unknown("mode", self.mode, MODES)
        if self.precision not in saving.PRECISIONS:
            raise unknown("precision", self.precision, saving.PRECISIONS)
        if self.up not in UP:
            raise unknown("way up", self.up, UP)
        if not isinstance(self.skips, bool) or not isinstance(self.balance, int | float):
            raise InputError(f"skips is true or false and balance a number, got {self.skips!r} and {self.balance!r}")
        for name in ("width", "batch_size"):
            if (value := getattr(self, name)) is not None and (not isinstance(value, int) or value < 1):
                raise InputError(f"{name} is a whole number from 1 on, got {value!r}")
        for name in ("epochs", "rounds", "unlabelled"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InputError(f"{name} is 1 or more, got {getattr(self, name)}")
        if not 0 < self.depth_factor <= 1:
            raise InputError(f"depth_factor is more than 0 and at most 1, got {self.depth_factor}")
        for name in ("threshold", "right"):
            if getattr(self, name) is not None and not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a number in 0..1, got {getattr(self, name)}")

    def replace(self, **changes):
        """A copy with some fields changed; None changes nothing. Raises InputError for a field that doesn't exist."""
        changes = {name: value for name, value in changes.items() if value is not None}
        names = [field.name for field in dataclasses.fields(self)]
        for name in changes:
            if name not in names:
                raise unknown("setting of fine-tuning", name, names)
        return dataclasses.replace(self, **changes)

    def for_count(self, count, kind="image", task=None):
        """The plan with what it leaves open decided for `count` images, or texts, and maybe a task.

        Raises InputError for a semi-supervised mode of what has none.
        """
        if self.mode in SEMI_SUPERVISED and kind in ("audio", "video"):
            others = ", ".join(mode for mode in MODES if mode not in SEMI_SUPERVISED)
            raise InputError(f"mode {self.mode} is for images and texts; sounds and clips have {others}")
        plan = self if self.augment is not None else self.replace(augment=VIEWS.get(task, VIEWS[kind]))
        plan = plan if plan.batch_size else plan.replace(batch_size=BATCH.get(task, BATCH[kind]))
        if plan.epochs:
            return plan
        return plan.replace(epochs=int(np.clip(round(SEEN[kind] / count), LEAST[kind], 100)))

    def settings(self, task=None):
        """The fields that count in this mode, and for this task, as a dictionary."""
        only = {
            "depth_factor": ["discriminative"], "threshold": SEMI_SUPERVISED, "right": SEMI_SUPERVISED,
            "unlabelled": SEMI_SUPERVISED, "rounds": ["pseudo-label"],
        }  # fmt: skip
        other = ("block", "grid", "longest") if task == "segmentation" else DECODER
        fields = {name: value for name, value in dataclasses.asdict(self).items() if name not in other}
        return {name: value for name, value in fields.items() if self.mode in only.get(name, MODES)}


def build(encoder, plan, dataset):
    """(network, model): the network that trains, from images to logits or standardised values; and what users get.

    Of texts, both take ids of words.

    Both share their layers; the encoder in them is a copy. A regression learns its labels with mean 0 and deviation 1.
    """
    copy = cut(saving.plain_copy(encoder, plan.precision), plan.block)
    if dataset.task == "segmentation":
        return _segmentation(copy, plan, dataset)
    if dataset.kind == "text":
        copy = trunk(copy)
    x = copy(copy.input)
    if len(x.shape) == 4 and plan.grid > 1:
        x = layers.Flatten(name="cells")(AdaptiveAveragePooling(plan.grid, name="pool")(x))
    else:
        x = pooled(x)
    labels = dataset.labels("train")
    outputs = len(dataset.classes) or int(np.prod(labels.shape[1:], dtype=int))
    x = layers.Dense(outputs, dtype="float32", name="head")(x)
    network = keras.Model(copy.input, x)
    mean, deviation = standard(labels) if dataset.task == "regression" else (0.0, 1.0)
    answer = Answer(dataset.task, dataset.classes, deviation, mean, dtype="float32", name="answer")
    return network, OF[dataset.kind](copy.input, answer(x), name="classifier")


def _segmentation(encoder, plan, dataset):
    """(network, model), which are one: a segmenter on the encoder itself. Images are as large as in training."""
    side = None if None in dataset.shape else min(dataset.shape[:2])
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(plan.precision)
    try:
        model = segmenter(encoder, dataset.classes, dataset.colours, side, plan.up, plan.skips, plan.width)
    finally:
        keras.config.set_dtype_policy(before)
    return model, model


def standard(labels):
    """(mean, deviation) of a regression's labels (N,) or (N, K), as lists of one or K numbers; a deviation 0 is 1."""
    columns = labels.reshape(len(labels), -1).astype("float64")
    deviation = columns.std(axis=0)
    return columns.mean(axis=0).tolist(), np.where(deviation > 0, deviation, 1).tolist()


def stages(encoder, plan):
    """[(first epoch, number of the encoder's blocks that train, counted from the top), ...]; None trains all of it."""
    if plan.mode == "probe":
        return [(0, 0)]
    if plan.mode != "gradual":
        return [(0, None)]
    count = len(blocks(encoder))
    starts = {round(i * plan.epochs / 2 / count): i for i in range(count)}  # where stages coincide, the later one
    starts[plan.epochs // 2] = None
    return list(starts.items())


def set_trainable(encoder, top):
    """Let only the encoder's upper `top` blocks train, None for all of it. Frozen batch norm keeps its statistics."""
    unfreeze(encoder)
    if top is None:
        return
    names, order = blocks(encoder), [layer.name for layer in encoder.layers]
    frozen = names[: len(names) - top]
    last = order.index(frozen[-1]) if frozen and top else len(order) if frozen else -1
    for layer in encoder.layers[: last + 1]:
        layer.trainable = False


def unfreeze(model):
    """Let every layer train. Keras's `model.trainable = True` does nothing where that flag is True already."""
    for layer in model._flatten_layers():
        layer.trainable = True
