"""Makes the bundled samples of images from the full data sets, which tensorflow_datasets must have or be able to
download, that of spoken digits likewise (which needs soundfile), and that of sentences with translations from a few
words.

Run from the repository's root: python -m tools.make_samples
"""

import json
import random
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

FOLDER = Path("keras_ssl/data/samples")
EACH = {"train": 200, "test": 100}  # images of each class
COLUMNS = 50
ABOUT = {
    "cifar10": {
        "origin": "CIFAR-10, collected from the 80 million tiny images; https://www.cs.toronto.edu/~kriz/cifar.html",
        "licence": "none stated by the author",
        "citation": "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    },
    "fashion_mnist": {
        "origin": "Fashion-MNIST; https://github.com/zalandoresearch/fashion-mnist",
        "licence": "MIT, Copyright (c) 2017 Zalando SE",
        "citation": "H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine "
        "Learning Algorithms, 2017, arXiv:1708.07747",
    },
    "mnist": {
        "origin": "MNIST; http://yann.lecun.com/exdb/mnist/",
        "licence": "CC BY-SA 3.0, as commonly given",
        "citation": "Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits",
    },
}


# English, German, whether they are several
WHO = [
    ("a man", "ein Mann", 0), ("a woman", "eine Frau", 0), ("a boy", "ein Junge", 0), ("a girl", "ein Mädchen", 0),
    ("a child", "ein Kind", 0), ("an old man", "ein alter Mann", 0), ("a young woman", "eine junge Frau", 0),
    ("a dog", "ein Hund", 0), ("a brown dog", "ein brauner Hund", 0), ("two men", "zwei Männer", 1),
    ("two women", "zwei Frauen", 1), ("three children", "drei Kinder", 1), ("two dogs", "zwei Hunde", 1),
    ("the people", "die Leute", 1), ("a group of people", "eine Gruppe von Menschen", 0),
]  # fmt: skip
# English, German of one and of several, what it is done to
DOES = [
    ("running", "rennt", "rennen", ""), ("sitting", "sitzt", "sitzen", ""), ("standing", "steht", "stehen", ""),
    ("sleeping", "schläft", "schlafen", ""), ("waiting", "wartet", "warten", ""), ("playing", "spielt", "spielen", ""),
    ("walking", "geht", "gehen", ""), ("jumping", "springt", "springen", ""),
    ("riding a bike", "fährt", "fahren", "Fahrrad"), ("playing football", "spielt", "spielen", "Fußball"),
    ("reading a book", "liest", "lesen", "ein Buch"), ("eating an apple", "isst", "essen", "einen Apfel"),
    ("holding a ball", "hält", "halten", "einen Ball"), ("wearing a red hat", "trägt", "tragen", "einen roten Hut"),
    ("playing the guitar", "spielt", "spielen", "Gitarre"), ("drinking water", "trinkt", "trinken", "Wasser"),
]  # fmt: skip
WHERE = [
    ("on a bench", "auf einer Bank"), ("in the park", "im Park"), ("on the beach", "am Strand"),
    ("in front of a house", "vor einem Haus"), ("next to a car", "neben einem Auto"),
    ("under a tree", "unter einem Baum"), ("in the snow", "im Schnee"), ("on the street", "auf der Straße"),
    ("near the water", "am Wasser"), ("in a kitchen", "in einer Küche"), ("", ""),
]  # fmt: skip


def caption_pairs():
    """Writes the sample of English sentences like captions with their German translations."""
    pairs = []
    for who, wer, several in WHO:
        for does, one, many, what in DOES:
            if what and "dog" in who:
                continue
            for where, wo in WHERE:
                english = [who, "are" if several else "is", does, where]
                german = [wer, many if several else one, what, wo]
                said = [" ".join(filter(None, words)) + "." for words in (english, german)]
                pairs.append("\t".join(each[0].upper() + each[1:] for each in said))
    random.Random(0).shuffle(pairs)
    folder = FOLDER / "caption_pairs_sample"
    folder.mkdir(parents=True, exist_ok=True)
    for split, part in (("train", pairs[:600]), ("test", pairs[600:700])):
        (folder / f"{split}.txt").write_text("".join(f"{pair}\n" for pair in part), encoding="utf-8")
    about = {
        "kind": "text", "classes": [], "licence": "CC0 1.0", "citation": "",
        "origin": "Written for keras_ssl: sentences like captions of photos, English and German, put together from 15 "
        "subjects, 16 predicates and 10 places.",
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about) + "\n", encoding="utf-8")


def spoken_digits(each=3):
    """Writes the sample of spoken digits: recordings 0 to each - 1 of every digit by every speaker, in split order."""
    import soundfile

    from keras_ssl.data import speakers

    stored = tfds.load("spoken_digit", split="train", batch_size=1, shuffle_files=False)
    found = {}
    for example in stored.as_numpy_iterator():
        digit, speaker, number = example["audio/filename"][0].decode().removesuffix(".wav").split("_")
        if int(number) < each:
            split = "test" if speaker == speakers.HELD_OUT["spoken_digit"]["test"] else "train"
            found[split, int(number), speaker, int(digit)] = example["audio"][0].astype("int16")
    folder = FOLDER / "spoken_digit_sample"
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "kind": "audio", "classes": list("0123456789"), "licence": "CC BY-SA 4.0",
        "origin": "Free Spoken Digit Dataset v1.0.9, of Z. Jackson and contributors, recordings 0 to "
        f"{each - 1} of each digit and speaker, as FLAC; https://github.com/Jakobovski/free-spoken-digit-dataset",
        "citation": "Z. Jackson et al., Free Spoken Digit Dataset, 2016, https://doi.org/10.5281/zenodo.1342401",
        "labels": {}, "lengths": {}, "speakers": {},
    }  # fmt: skip
    for split in EACH:
        keys = sorted(key for key in found if key[0] == split)
        soundfile.write(folder / f"{split}.flac", np.concatenate([found[key] for key in keys]), 8000, subtype="PCM_16")
        about["labels"][split] = [key[3] for key in keys]
        about["speakers"][split] = [key[2] for key in keys]
        about["lengths"][split] = [len(found[key]) for key in keys]
    (folder / "about.json").write_text(json.dumps(about) + "\n", encoding="utf-8")


def first_of_each(labels, each):
    """Returns the indices of the first `each` images of every class, the classes taking turns."""
    by_class = [np.flatnonzero(labels == value)[:each] for value in np.unique(labels)]
    return np.stack(by_class, axis=1).ravel()


def mosaic(images):
    """Returns images (n, side, side, C) as one picture of COLUMNS columns, (H, W, C), or (H, W) for grey."""
    side, channels = images.shape[1], images.shape[3]
    grid = images.reshape(-1, COLUMNS, side, side, channels).swapaxes(1, 2)
    return grid.reshape(-1, COLUMNS * side, channels).squeeze()


def make(name):
    """Writes the sample of the data set `name`."""
    folder = FOLDER / f"{name}_sample"
    folder.mkdir(parents=True, exist_ok=True)
    info = tfds.builder(name).info
    about = {"classes": info.features["label"].names, "side": info.features["image"].shape[0], **ABOUT[name]}
    about["labels"] = {}
    config = tfds.ReadConfig(interleave_cycle_length=1)
    for split, each in EACH.items():
        stored = tfds.load(name, split=split, batch_size=-1, shuffle_files=False, read_config=config)
        images, labels = stored["image"].numpy(), stored["label"].numpy()
        chosen = first_of_each(labels, each)
        Image.fromarray(mosaic(images[chosen])).save(folder / f"{split}.png", optimize=True)
        about["labels"][split] = labels[chosen].tolist()
    (folder / "about.json").write_text(json.dumps(about) + "\n", encoding="utf-8")


if __name__ == "__main__":
    caption_pairs()
    spoken_digits()
    for each in ABOUT:
        make(each)
