"""Pictures for a person to look at: rows of images with captions, and curves of a training history."""

import pathlib

import numpy as np


def _pyplot():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def grid(rows, path, title=None):
    """Write rows of (title, images (N, H, W, C) in 0..255, captions or None) as one PNG."""
    plt = _pyplot()
    columns = max(len(images) for _, images, _ in rows)
    fig, axes = plt.subplots(len(rows), columns, figsize=(1.0 * columns + 1.2, 1.15 * len(rows) + 0.4), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for (name, images, captions), line in zip(rows, axes, strict=True):
        for i, image in enumerate(images):
            picture = np.clip(np.asarray(image, "float32"), 0, 255).astype("uint8")
            line[i].imshow(picture.squeeze(-1) if picture.shape[-1] == 1 else picture, cmap="gray", vmin=0, vmax=255)
            if captions is not None:
                line[i].set_title(captions[i], fontsize=7, pad=2)
        box = line[0].get_position()
        fig.text(0.01, (box.y0 + box.y1) / 2, name, va="center", fontsize=8)
    fig.subplots_adjust(left=1.1 / (columns + 1.2), right=0.99, top=0.9, bottom=0.02, wspace=0.05, hspace=0.25)
    for line, text in zip(axes, fig.texts, strict=True):
        box = line[0].get_position()
        text.set_y((box.y0 + box.y1) / 2)
    if title:
        fig.suptitle(title, fontsize=9)
    _write(fig, path, plt)


def curves(history, path, title=None):
    """Write a history {name: values per epoch} as a PNG, one panel for each quantity, validation beside training."""
    plt = _pyplot()
    names = [n for n in history if not n.startswith("val_") and n != "epoch" and n != "learning_rate"]
    fig, axes = plt.subplots(1, len(names), figsize=(4 * len(names), 3), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in history:
                axis.plot(range(1, len(history[key]) + 1), history[key], marker=".", label=label)
        axis.set_xlabel("epoch")
        axis.set_title(name.replace("_", " "))
        axis.grid(alpha=0.3)
        axis.legend()
    if title:
        fig.suptitle(title)
    fig.tight_layout()
    _write(fig, path, plt)


def bars(names, series, path, title=None, label=""):
    """Write horizontal bars as a PNG: for each name one bar of each series {title: (values, half widths or None)}."""
    plt = _pyplot()
    fig, axis = plt.subplots(figsize=(7, 0.9 + 0.42 * len(names)))
    thick = 0.8 / len(series)
    for i, (key, (values, halves)) in enumerate(series.items()):
        places = np.arange(len(names)) + (i - (len(series) - 1) / 2) * thick
        axis.barh(places, values, thick * 0.9, xerr=halves, label=key, error_kw={"capsize": 2, "lw": 1})
    axis.set_yticks(np.arange(len(names)), names)
    axis.set_xlabel(label)
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.9 / fig.get_figheight()), ncols=len(series), frameon=False)
    if title:
        axis.set_title(title)
    fig.tight_layout()
    _write(fig, path, plt)


def _write(fig, path, plt):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=110, format="png")
    plt.close(fig)
