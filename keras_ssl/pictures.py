"""Pictures for a person to look at: rows of images with captions, and curves of a training history."""

import pathlib

import numpy as np


def _pyplot():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


LEGEND = 5  # inches of pictures at least, where there is a legend below


def grid(rows, path, title=None, legend=None):
    """Write rows of (title, images (N, H, W, C) in 0..255, captions or None) as one PNG.

    legend: {name: (red, green, blue) in 0..255}, written below them.
    """
    plt = _pyplot()
    columns = max(len(images) for _, images, _ in rows)
    cell = max(1.0, min(3.0, LEGEND / columns)) if legend else 1.0  # inches, as are the sizes below
    tall = min(1.0, max(np.shape(image)[0] / np.shape(image)[1] for _, images, _ in rows for image in images))
    beside = int(cell * columns + 1.2)  # names of the legend
    below = 0.25 * -(-len(legend) // beside) + 0.1 if legend else 0.0
    size = (cell * columns + 1.2, (cell * tall + 0.15) * len(rows) + 0.4 + below)
    fig, axes = plt.subplots(len(rows), columns, figsize=size, squeeze=False)
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
    top = max(0.9, 1 - 0.5 / fig.get_figheight())  # the title's half inch, however many rows there are
    bottom = 0.02 + below / fig.get_figheight()
    fig.subplots_adjust(left=1.1 / size[0], right=0.99, top=top, bottom=bottom, wspace=0.05, hspace=0.25)
    if legend:
        patches = [
            plt.Rectangle((0, 0), 1, 1, facecolor=np.array(colour) / 255, edgecolor="gray")
            for colour in legend.values()
        ]
        fig.legend(patches, list(legend), loc="lower center", ncols=beside, fontsize=7, frameon=False)
    for line, text in zip(axes, fig.texts, strict=True):
        box = line[0].get_position()
        text.set_y((box.y0 + box.y1) / 2)
    if title:
        fig.suptitle(title, fontsize=9)
    _write(fig, path, plt)


def animation(rows, path, scale=3, pause=150):
    """Write rows of (title, frames (T, H, W, C) in 0..255, captions or None) as an animated GIF.

    As many clips stand beside each other as there are titles. A frame with a caption has a red border.

    scale: pixels of the picture a pixel; pause: milliseconds a frame.
    """
    from PIL import Image, ImageDraw

    steps, border = max(len(frames) for _, frames, _ in rows), 2
    pages = []
    for step in range(steps):
        tiles = []
        for title, frames, captions in rows:
            at = min(step, len(frames) - 1)
            frame = np.clip(np.asarray(frames[at], "float32"), 0, 255).astype("uint8")
            frame = np.repeat(np.repeat(frame, scale, axis=0), scale, axis=1)
            colour = (220, 40, 40) if captions is not None and captions[at] else (120, 120, 120)
            tile = Image.new("RGB", (frame.shape[1] + 2 * border, frame.shape[0] + 2 * border), colour)
            tile.paste(Image.fromarray(frame.squeeze(-1) if frame.shape[-1] == 1 else frame), (border, border))
            ImageDraw.Draw(tile).text((border + 3, border + 1), title, fill=(255, 200, 60))
            tiles.append(tile)
        columns = max(1, len({title for title, *_ in rows}))
        lines = [tiles[at : at + columns] for at in range(0, len(tiles), columns)]
        page = Image.new("RGB", (columns * tiles[0].width, len(lines) * tiles[0].height))
        for row, line in enumerate(lines):
            for column, tile in enumerate(line):
                page.paste(tile, (column * tile.width, row * tile.height))
        pages.append(page)
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pages[0].save(path, format="GIF", save_all=True, append_images=pages[1:], duration=pause, loop=0)


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


def lines(ticks, series, path, title, across, up):
    """Write a PNG of series {name: [(mean, half an interval or None), ...]} over named ticks.

    across, up: what the axes are called; up is in 0..1, drawn in percent.
    """
    plt = _pyplot()
    fig, ax = plt.subplots(figsize=(8, 5))
    for name, values in series.items():
        means, halves = [100 * m for m, _ in values], [100 * (h or 0) for _, h in values]
        ax.errorbar(range(len(means)), means, halves, label=name, marker="o", capsize=3)
    ax.set_xticks(range(len(ticks)), ticks)
    ax.set(xlabel=across, ylabel=f"{up}, %")
    ax.set_title(title, parse_math=False)
    ax.grid(alpha=0.3)
    ax.legend()
    _write(fig, path, plt)


def answers(rows, path, title=None):
    """Write rows of (text, answers [(answer, number or None), ...]) as a PNG: the numbers as bars, the others below."""
    import textwrap

    plt = _pyplot()
    numbered = [[(str(name), number) for name, number in found if number is not None] for _, found in rows]
    said = ["\n".join(textwrap.fill(str(name), 90) for name, number in found if number is None) for _, found in rows]
    asked = ["\n".join(textwrap.wrap(text, 90)) for text, _ in rows]
    lines = [f"{text}\n{more}\n".count("\n") for text, more in zip(asked, said, strict=True)]
    heights = [0.3 + 0.17 * count + 0.24 * len(found) for count, found in zip(lines, numbered, strict=True)]
    fig, axes = plt.subplots(
        len(rows), 1, figsize=(8, sum(heights) + 0.5), squeeze=False, layout="constrained",
        gridspec_kw={"height_ratios": [max(0.05, 0.24 * len(found)) for found in numbered]},
    )  # fmt: skip
    for axis, text, more, found in zip(axes[:, 0], asked, said, numbered, strict=True):
        axis.set_title(text, fontsize=9, loc="left", fontweight="bold", parse_math=False)
        if more:
            axis.set_xlabel(more, fontsize=9, loc="left", parse_math=False)
        for side in ("top", "right") if found else ("top", "right", "bottom", "left"):
            axis.spines[side].set_visible(False)
        if not found:
            axis.set(xticks=[], yticks=[])
            continue
        names, numbers = zip(*found, strict=True)
        axis.barh(np.arange(len(names)), numbers, color="tab:blue", height=0.7)
        axis.set_yticks(np.arange(len(names)), names, fontsize=8, parse_math=False)
        for place, number in enumerate(numbers):
            axis.text(max(number, 0), place, f" {number:.3f}", va="center", fontsize=7)
        axis.invert_yaxis()
        axis.set_xlim(min(0, *numbers), 1.12 * max(*numbers, 1e-6))
        axis.tick_params(axis="x", labelsize=7)
    if title:
        fig.suptitle(title, fontsize=10)
    _write(fig, path, plt)


MOST = 20  # groups that get a colour of their own


def scatter(panels, path, title=None):
    """Write points as a PNG, panels side by side, each with a legend of its groups below it.

    panels: (title, points (N, 2), groups: ints (N,), their names, names of the two axes). Of more than `MOST` groups,
    the largest get a colour, the rest are grey.
    """
    plt = _pyplot()
    longest = max(len(_shortened(name, 18)) for panel in panels for name in panel[3])
    columns = min(5, 80 // (longest + 7))  # of legends, which are as wide as their panel at most
    lines = -(-min(MOST + 1, max(len(panel[3]) for panel in panels)) // columns)
    sides = (6.2 * len(panels), 6.2 + 0.2 * lines)
    fig, axes = plt.subplots(1, len(panels), figsize=sides, squeeze=False, layout="constrained")
    for axis, (name, points, groups, names, labels) in zip(axes[0], panels, strict=True):
        sizes = np.bincount(groups, minlength=len(names))
        shown = sorted(np.argsort(-sizes, kind="stable")[:MOST])
        others = ~np.isin(groups, shown)
        size = float(np.clip(15_000 / len(points), 4, 40))
        if others.any():
            axis.scatter(*points[others].T, s=size, color="0.8", linewidths=0)
            axis.scatter([], [], s=30, color="0.8", label="others")
        colours = plt.get_cmap("tab10" if len(shown) <= 10 else "tab20")
        # All at once and in their own order: drawn group by group, the last ones would cover the first.
        drawn = np.flatnonzero(~others)
        place = np.searchsorted(shown, groups[drawn])
        axis.scatter(*points[drawn].T, s=size, color=colours(place), linewidths=0, alpha=0.8)
        for i, group in enumerate(shown):
            axis.scatter([], [], s=30, color=colours(i), label=_shortened(names[group], 18))
        axis.set(title=name, xticks=[], yticks=[], xlabel=labels[0], ylabel=labels[1])
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=columns, fontsize=8, frameon=False)
    if title:
        fig.suptitle(title)
    _write(fig, path, plt)


def trust(curve, threshold, rounds, path, title="Pseudo-labels"):
    """Write how far pseudo-labels can be trusted as a PNG: the curve over thresholds, and what became of each round.

    Arguments as `transfer.semi_supervised.teach` records them.
    """
    plt = _pyplot()
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
    place = np.arange(len(curve["threshold"]))  # evenly, for most thresholds lie near 1
    for key, label in (("coverage", "images that reach it"), ("accuracy", "of these, right")):
        left.plot(place, [np.nan if v is None else 100 * v for v in curve[key]], marker="o", ms=4, label=label)
    left.axvline(np.interp(threshold, curve["threshold"], place), color="0.5", ls="--", label=f"chosen: {threshold:g}")
    left.set_xticks(place, [f"{t:g}" for t in curve["threshold"]], fontsize=8, rotation=30)
    left.set(title="held-out labelled images", xlabel="threshold of probability", ylabel="%", ylim=(0, 105))
    numbers = np.arange(1, len(rounds) + 1)
    for key, label in (("coverage", "accepted, of the unlabelled"), ("right", "right, of the accepted"),
                       ("accuracy", "accuracy on test")):  # fmt: skip
        right.plot(numbers, [np.nan if r[key] is None else 100 * r[key] for r in rounds], marker="o", ms=5, label=label)
    right.set_xticks(numbers)
    right.set(title="unlabelled images, round by round", xlabel="round", ylabel="%", ylim=(0, 105))
    right.set_xlim(0.5, len(rounds) + 0.5)
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False)
    fig.suptitle(title)
    _write(fig, path, plt)


def spectrograms(rows, path, title=None):
    """Write sounds as spectrograms, a row of them for each (title, waveforms, captions or None), as a PNG.

    Each is drawn over its own time, from the loudest of its column down by 70 dB.
    """
    from scipy import signal

    plt = _pyplot()
    columns = len(rows[0][1])
    fig, axes = plt.subplots(
        len(rows), columns, figsize=(2.6 * columns + 0.6, 1.8 * len(rows) + 0.4), squeeze=False, layout="constrained"
    )
    for column in range(columns):
        found = []
        for _, waveforms, _ in rows:
            padded = np.pad(waveforms[column], (0, max(0, 256 - len(waveforms[column]))))
            found.append(np.abs(signal.stft(padded, window="hann", nperseg=256, noverlap=192)[2]))
        decibels = [20 * np.log10(np.maximum(each, 1e-7)) for each in found]
        loudest = max(each.max() for each in decibels)
        for row, (each, (name, _, captions)) in enumerate(zip(decibels, rows, strict=True)):
            ax = axes[row, column]
            ax.imshow(each, origin="lower", aspect="auto", cmap="magma", vmin=loudest - 70, vmax=loudest)
            ax.set_xticks([])
            ax.set_yticks([])
            if captions is not None:
                ax.set_title(_shortened(str(captions[column]), 28), fontsize=8)
            if not column:
                ax.set_ylabel(name, fontsize=9)
    if title:
        fig.suptitle(title, fontsize=10)
    _write(fig, path, plt)


def _shortened(name, length):
    return name if len(name) <= length else name[: length - 1] + "…"


def _write(fig, path, plt):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=110, format="png")
    plt.close(fig)
