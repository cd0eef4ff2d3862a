"""A data set as the rest of the library sees it: named splits that count, stream and load their images."""

from dataclasses import dataclass, field, replace

import numpy as np
import tensorflow as tf

from keras_ssl.data.label_choice import held_out
from keras_ssl.errors import InputError, unknown

VALIDATION_FRACTION = 0.1
CUT_SEED = 0


@dataclass
class DataSet:
    """Images in named splits, with labels where there are any.

    Attributes:
        name: what the data set is called.
        task: "classification", "multilabel", "regression", or None when there are no labels.
        classes: the class names in the order of the label values; [] for regression and without labels.
        shape: (H, W, C) of the images; H and W are None where they vary, C is 1 or 3.
        origin, licence, citation: where the images come from, as text; "" where that isn't known.
        skipped: (file, reason) for each file that couldn't be read.
        stored: the official splits by name. Each has `count()`, `labels()` and `stream(keep, shuffle, labels)`.

    Where there is a "train", there are also "fit" and "validation". They are cut from it, 90 % and 10 %, by class for a
    classification, always the same way; but a set with official validation and test splits keeps these, and its "fit"
    is all of "train". An official validation split without a test split is called "test".
    """

    name: str
    task: str | None
    classes: list
    shape: tuple
    stored: dict = field(repr=False)
    origin: str = ""
    licence: str = ""
    citation: str = ""
    skipped: list = field(default_factory=list, repr=False)
    _cuts: dict = field(default_factory=dict, init=False, repr=False)
    _labels: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        if "validation" in self.stored and "test" not in self.stored:
            self.stored = {"test" if name == "validation" else name: each for name, each in self.stored.items()}

    @property
    def splits(self):
        """The split names: the official ones in order, then "fit" and "validation"."""
        cut = ["fit", "validation"] if "train" in self.stored else []
        return list(dict.fromkeys([*self.stored, *cut]))

    def count(self, split):
        """Returns how many images `split` holds.

        Raises:
            InputError: there is no such split.
        """
        stored, cut = self._locate(split)
        return stored.count() if cut is None else len(cut)

    def labels(self, split):
        """Returns the labels of `split` in stored order, without decoding images; None when there are none.

        int64 (n,) for a classification; float32 (n, K) of 0 and 1 for multilabel; float32 (n,) or (n, K) for a
        regression.

        Raises:
            InputError: there is no such split.
        """
        stored, cut = self._locate(split)
        labels = self._stored_labels(stored)
        return labels if cut is None or labels is None else labels[cut]

    @tf.autograph.experimental.do_not_convert
    def stream(self, split, *, labels=True, keep=None, shuffle=None):
        """Returns an unbatched tf.data.Dataset of `split`, whose memory doesn't grow with the split.

        Its elements are uint8 images (H, W, C) in [0, 255], or pairs (image, label) when `labels` is true and the
        set has labels. Its cardinality is known.

        Args:
            split: a name from `splits`.
            labels: whether to give the labels too.
            keep: indices into the split; the rest is left out before it is decoded. They are taken as a set: the
                order stays the stored one.
            shuffle: None for the stored order, or a seed: an int or a scalar integer tensor. The same seed gives
                the same order. Files and arrays are shuffled whole; TFDS sets in a buffer of 16,384 undecoded
                images; tf.data sets in a buffer of at most 256 MB.

        Raises:
            InputError: there is no such split, or `keep` has indices outside it.
        """
        stored, cut = self._locate(split)
        if keep is not None:
            keep = self._checked(keep, split)
            cut = keep if cut is None else cut[keep]
        count = stored.count() if cut is None else len(cut)
        stream = stored.stream(cut, shuffle, labels and self.task is not None)
        options = tf.data.Options()
        options.deterministic = True
        return stream.apply(tf.data.experimental.assert_cardinality(count)).with_options(options)

    def arrays(self, split, *, keep=None, limit=None):
        """Returns (images, labels) of `split` in memory, in stored order: uint8 (n, H, W, C), and labels or None.

        Args:
            split: a name from `splits`.
            keep: indices into the split, taken as a set; None for all.
            limit: at most this many images, the first ones.

        Raises:
            InputError: the images vary in size, there is no such split, or `keep` has indices outside it.
        """
        if None in self.shape:
            raise InputError(f"the images of {self.name!r} differ in size: open it with size=, such as size=64")
        keep = np.arange(self.count(split)) if keep is None else self._checked(keep, split)
        keep = keep[:limit]
        images = np.empty((len(keep), *self.shape), np.uint8)
        done = 0
        for batch in self.stream(split, labels=False, keep=keep).batch(256).as_numpy_iterator():
            images[done : done + len(batch)] = batch
            done += len(batch)
        labels = self.labels(split)
        return images, None if labels is None else labels[keep]

    def for_choosing(self):
        """Returns the set for choosing settings: its "train" is this set's "fit", its "test" the "validation"."""
        cuts = {"train": "fit", "test": "validation"}
        return replace(self, stored={new: Subset(self, old, np.arange(self.count(old))) for new, old in cuts.items()})

    def _locate(self, split):
        """The stored split behind a name, and the indices of the cut from it (None for the whole)."""
        if split in self.stored:
            return self.stored[split], None
        if split not in self.splits:
            raise unknown("split", split, self.splits)
        train = self.stored["train"]
        if "validation" in self.stored:
            return train, None
        if not self._cuts:
            classes = self._stored_labels(train) if self.task == "classification" else None
            held = held_out(train.count(), VALIDATION_FRACTION, classes, CUT_SEED)
            self._cuts = {"fit": np.flatnonzero(~held), "validation": np.flatnonzero(held)}
        return train, self._cuts[split]

    def _stored_labels(self, stored):
        if self.task is None:
            return None
        if id(stored) not in self._labels:
            self._labels[id(stored)] = stored.labels()
        return self._labels[id(stored)]

    def _checked(self, keep, split):
        count = self.count(split)
        keep = np.unique(np.asarray(keep, np.int64))
        if len(keep) and (keep[0] < 0 or keep[-1] >= count):
            raise InputError(f"keep has indices outside 0 to {count - 1}, the images of split {split!r}")
        return keep


class Subset:
    """A stored split of some images, the indices `keep`, of a DataSet's split."""

    def __init__(self, dataset, split, keep):
        self._dataset, self._split, self._keep = dataset, split, keep

    def count(self):
        return len(self._keep)

    def labels(self):
        return self._dataset.labels(self._split)[self._keep]

    def stream(self, keep, shuffle, labels):
        keep = self._keep if keep is None else self._keep[keep]
        return self._dataset.stream(self._split, labels=labels, keep=keep, shuffle=shuffle)
