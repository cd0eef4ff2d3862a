"""A data set as the rest of the library sees it: named splits that count, stream and load their examples."""

from dataclasses import dataclass, field, replace

import numpy as np
import tensorflow as tf

from keras_ssl.data.label_choice import held_out
from keras_ssl.data.order import ordered
from keras_ssl.errors import InputError, unknown

MANY = {"image": "images", "text": "texts", "video": "clips", "audio": "sounds"}  # what messages call each kind
VALIDATION_FRACTION = 0.1
CUT_SEED = 0


@dataclass
class DataSet:
    """Images, texts, clips or waveforms in named splits, with labels where there are any.

    Attributes:
        name: what the data set is called.
        task: "classification", "multilabel", "regression", "segmentation", or None when there are no labels.
        classes: the class names in the order of the label values; [] for regression and without labels.
        colours: (red, green, blue) in 0..255 to draw each class of a segmentation in; [] where none are given.
        shape: (H, W, C) of the images; H and W are None where they vary, C is 1 or 3. (T, H, W, C) of clips, () of
            texts, (None,) of waveforms.
        origin, licence, citation: where the examples come from, as text; "" where that isn't known.
        skipped: (file, reason) for each file that couldn't be read.
        stored: the official splits by name. Each has `count()`, `labels()` and `stream(keep, shuffle, labels)`.
        kind: what the examples are, "image", "text", "video" or "audio".
        rate: samples a second of waveforms; None of others.

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
    kind: str = "image"
    rate: int | None = None
    colours: list = field(default_factory=list, repr=False)
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
        """Returns how many examples `split` holds.

        Raises:
            InputError: there is no such split.
        """
        stored, cut = self._locate(split)
        return stored.count() if cut is None else len(cut)

    def labels(self, split):
        """Returns the labels of `split` in stored order, without decoding examples; None when there are none.

        int64 (n,) for a classification; float32 (n, K) of 0 and 1 for multilabel; float32 (n,) or (n, K) for a
        regression. The masks of a segmentation are all decoded: uint8 (n, H, W), 255 for pixels without a class.

        Raises:
            InputError: there is no such split, or it is of masks that vary in size.
        """
        stored, cut = self._locate(split)
        labels = self._stored_labels(stored)
        return labels if cut is None or labels is None else labels[cut]

    @tf.autograph.experimental.do_not_convert
    def stream(self, split, *, labels=True, keep=None, shuffle=None):
        """Returns an unbatched tf.data.Dataset of `split`, whose memory doesn't grow with the split.

        Its elements are uint8 images (H, W, C) or clips (T, H, W, C) in [0, 255], scalar tf.string texts in UTF-8, or
        float32 waveforms (T,) in -1..1; pairs (example, label) when `labels` is true and the set has labels. Its
        cardinality is known.

        Args:
            split: a name from `splits`.
            labels: whether to give the labels too.
            keep: indices into the split; the rest is left out before it is decoded. They are taken as a set: the
                order stays the stored one.
            shuffle: None for the stored order, or a seed: an int or a scalar integer tensor. The same seed gives
                the same order. Files, arrays and texts in memory are shuffled whole; TFDS sets in a buffer of 16,384
                undecoded examples; tf.data sets in a buffer of at most 256 MB.

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
        """Returns (examples, labels) of `split` in memory, in stored order, labels None where there are none.

        Images are uint8 (n, H, W, C), clips (n, T, H, W, C); texts are an object array (n,) of str, waveforms one of
        float32 arrays (T,).

        Args:
            split: a name from `splits`.
            keep: indices into the split, taken as a set; None for all.
            limit: at most this many examples, the first ones.

        Raises:
            InputError: the images vary in size, there is no such split, or `keep` has indices outside it.
        """
        if None in self.shape and self.kind == "image":
            raise InputError(f"the images of {self.name!r} differ in size: open it with size=, such as size=64")
        keep = np.arange(self.count(split)) if keep is None else self._checked(keep, split)
        keep = keep[:limit]
        labels = self.labels(split)
        if self.kind == "audio":  # of different lengths
            examples = np.empty(len(keep), object)
            for i, waveform in enumerate(self.stream(split, labels=False, keep=keep).as_numpy_iterator()):
                examples[i] = waveform
            return examples, None if labels is None else labels[keep]
        examples = np.empty((len(keep), *self.shape), object if self.kind == "text" else np.uint8)
        if self.task == "segmentation":
            masks = np.empty((len(keep), *self.shape[:2]), np.uint8)
            for i, (image, mask) in enumerate(self.stream(split, keep=keep).as_numpy_iterator()):
                examples[i], masks[i] = image, mask
            return examples, masks
        done = 0
        for batch in self.stream(split, labels=False, keep=keep).batch(256).as_numpy_iterator():
            if self.kind == "text":
                batch = [text.decode(errors="replace") for text in batch]
            examples[done : done + len(batch)] = batch
            done += len(batch)
        return examples, None if labels is None else labels[keep]

    def for_choosing(self):
        """Returns the set for choosing settings: its "train" is this set's "fit", its "test" the "validation"."""
        cuts = {"train": "fit", "test": "validation"}
        return replace(self, stored={new: Subset(self, old, np.arange(self.count(old))) for new, old in cuts.items()})

    def with_validation(self, held):
        """Returns the set with its "validation" cut from "train" as wished, such as by speakers.

        Args:
            held: which of the examples of "train" are held out, bool (n,).
        """
        found = replace(self)
        found._cuts = {"fit": np.flatnonzero(~held), "validation": np.flatnonzero(held)}
        return found

    def joined(self, splits):
        """Returns the set whose "train" is several stored splits one after the other, and which has the others too.

        It has labels where all of the joined splits have: not where some of a classification are -1, for unknown.

        Args:
            splits: their names, such as "train+unsupervised"; "train" gives the set itself.

        Raises:
            InputError: there is no such stored split.
        """
        names = list(dict.fromkeys(name.strip() for name in splits.split("+")))
        for name in names:
            if name not in self.stored:
                raise unknown("split", name, self.stored)
        if names == ["train"]:
            return self
        parts = [self.stored[name] for name in names]
        others = {name: each for name, each in self.stored.items() if name not in [*names, "train"]}
        joined = replace(self, stored={"train": Joined(parts), **others})
        if self.task == "classification" and any((self._stored_labels(part) < 0).any() for part in parts):
            joined.task, joined.classes = None, []
        return joined

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
            self._labels[id(stored)] = self._masks(stored) if self.task == "segmentation" else stored.labels()
        return self._labels[id(stored)]

    def _masks(self, stored):
        """All masks of a stored split, uint8 (n, H, W)."""
        if None in self.shape:
            raise InputError(f"the images of {self.name!r} differ in size: open it with size=, such as size=64")
        stream = stored.stream(None, None, True).map(lambda image, mask: mask)
        return np.stack(list(stream.as_numpy_iterator()))

    def _checked(self, keep, split):
        count = self.count(split)
        keep = np.unique(np.asarray(keep, np.int64))
        if len(keep) and (keep[0] < 0 or keep[-1] >= count):
            raise InputError(f"keep has indices outside 0 to {count - 1}, the {MANY[self.kind]} of split {split!r}")
        return keep


class Subset:
    """A stored split of some examples, the indices `keep`, of a DataSet's split."""

    def __init__(self, dataset, split, keep):
        self._dataset, self._split, self._keep = dataset, split, keep

    def count(self):
        return len(self._keep)

    def labels(self):
        return self._dataset.labels(self._split)[self._keep]

    def stream(self, keep, shuffle, labels):
        keep = self._keep if keep is None else self._keep[keep]
        return self._dataset.stream(self._split, labels=labels, keep=keep, shuffle=shuffle)


class Joined:
    """Several stored splits as one."""

    def __init__(self, parts):
        self._parts = parts

    def count(self):
        return sum(part.count() for part in self._parts)

    def labels(self):
        return np.concatenate([part.labels() for part in self._parts])

    def stream(self, keep, shuffle, labels):
        """In a random order the parts take turns as their examples would in a shuffle of the whole."""
        parts = range(len(self._parts))
        starts = np.cumsum([0, *(part.count() for part in self._parts)])
        whole = np.arange(starts[-1]) if keep is None else keep
        turns = np.searchsorted(starts, whole, side="right") - 1
        rows = [None if keep is None else keep[turns == i] - starts[i] for i in parts]
        # Seeds of their own, lest the same rows of two parts meet in each epoch.
        seeds = [None if shuffle is None else tf.cast(shuffle, tf.int64) * len(parts) + i for i in parts]
        streams = [part.stream(rows[i], seeds[i], labels) for i, part in enumerate(self._parts)]
        order = tf.data.Dataset.from_tensor_slices(ordered(turns, shuffle))
        return tf.data.Dataset.choose_from_datasets(streams, order, stop_on_empty_dataset=False)
