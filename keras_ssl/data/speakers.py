"""Sets of speech in which one named speaker is held out altogether, as "test", and another one to choose by.

What a model is worth for a voice that it has never heard can't be told from other recordings of voices that it has.
"""

import numpy as np

from keras_ssl.data.dataset import DataSet, Subset

# name of the set -> {split: speaker}; all others are "train". "validation" is cut from it.
HELD_OUT = {"spoken_digit": {"test": "jackson", "validation": "nicolas"}}


def by_speaker(dataset, speakers, held_out):
    """Returns a DataSet whose "test" is one speaker of another's "train", and whose "train" the other ones.

    Its "validation" is a speaker of "train", and "fit" the rest of that, so that what is chosen is chosen for a voice
    not heard either.

    Args:
        dataset: a DataSet with a "train" alone.
        speakers: the speaker of each of its examples (n,).
        held_out: {"test": name, "validation": name}.
    """
    speakers = np.asarray(speakers)
    rows = {"train": np.flatnonzero(speakers != held_out["test"]), "test": np.flatnonzero(speakers == held_out["test"])}
    stored = {split: Subset(dataset, "train", each) for split, each in rows.items()}
    held = speakers[rows["train"]] == held_out["validation"]
    fields = ("name", "task", "classes", "shape", "origin", "licence", "citation", "kind", "rate")
    found = DataSet(stored=stored, **{field: getattr(dataset, field) for field in fields})
    return found.with_validation(held)


def of_recordings(names):
    """Returns the speakers of files named DIGIT_SPEAKER_NUMBER.wav, as the Free Spoken Digit Dataset does."""
    return np.array([name.split("_")[1] for name in names])
