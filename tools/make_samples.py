"""Makes the bundled samples from the full data sets, which tensorflow_datasets must have or be able to download.

Run from the repository's root: python -m tools.make_samples
"""

import json
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
    for each in ABOUT:
        make(each)
