"""The context encoder's losses on one data set, beside each other and beside the nearest patch of a training image."""

import pathlib

import numpy as np

from . import training, zoo
from .methods.image import context_encoder

LOSSES = ("l2", "joint", "adversarial")
EPOCHS = 8  # of those that don't come with the package
SHOWN = 8  # test images in the picture
FIGURES = ("mse_in_hole", "psnr_in_hole", "sharpness")


def trained(loss, dataset, folder="runs/inpainting"):
    """The zoo name of the inpainter of a loss: the entry, or one of your own, trained where it isn't there yet."""
    name, out = "inpainter" if loss == "l2" else f"inpainter_{loss}", pathlib.Path(folder) / loss
    return training.trained_once("inpainter", name, out, dataset=dataset, options={"loss": loss}, epochs=EPOCHS)


def measure(name, dataset):
    """{"value" and each way without a network: its `FIGURES`} of an inpainter on the test split."""
    figures = context_encoder.measure(zoo.load(name), dataset)
    return {who: {key: float(figures[key][who]) for key in FIGURES} for who in figures["mse_in_hole"]}


def markdown(found):
    """A table of {loss: what `measure` returned}."""
    rows = {f"loss={loss}": figures["value"] for loss, figures in found.items()}
    rows |= {who.replace("_", " "): row for who, row in next(iter(found.values())).items() if who != "value"}
    lines = ["| filled by | squared error | PSNR, dB | sharpness, of the truth's |", "|---|---|---|---|"]
    for who, row in rows.items():
        lines.append(f"| {who} | {row['mse_in_hole']:.4f} | {row['psnr_in_hole']:.2f} | {row['sharpness']:.2f} |")
    return "\n".join(lines)


def rows(names, dataset):
    """Rows for a picture of the first test images: their holes, what fills them by {loss: zoo name}, what is true."""
    images, _ = dataset.arrays("test", limit=SHOWN)
    models = {loss: zoo.load(name) for loss, name in names.items()}
    hole = next(iter(models.values())).hole((1, *images.shape[1:])).numpy()[0, ..., 0] > 0.5
    nearest = images.copy()
    patches = context_encoder.guessed(dataset, images, hole)["nearest_neighbour"]
    nearest[:, hole] = np.rint(255 * patches.reshape(len(images), hole.sum(), -1))
    filled = [(loss, model.predict(images), None) for loss, model in models.items()]
    return [
        ("hole", np.where(hole[..., None], 128, images), None), ("nearest patch", nearest, None), *filled,
        ("true", images, None),
    ]  # fmt: skip
