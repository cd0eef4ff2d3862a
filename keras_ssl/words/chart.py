"""Pictures of word vectors: a map of words, and occupations between she and he before and after debiasing."""

import numpy as np

from ..errors import InputError
from ..pictures import _pyplot, _write
from . import bias

REACH = (7, 14, 24, 36, 50)  # points between a dot and its name, the nearest that is free


def map_of(vectors, words, path, title=None):
    """Write a PNG map of words: the first two principal components of their unit vectors.

    vectors: WordVectors. words: three or more, or {group: words} for a colour each. Those that aren't known are left
    out; names are set apart from each other, which up to a hundred are.

    Returns how many were left out. Raises InputError where fewer than three are known.
    """
    from sklearn.decomposition import PCA

    groups = {name: vectors.known(some)[0] for name, some in _grouped(words).items()}
    names = list(dict.fromkeys(word for some in groups.values() for word in some))
    if len(names) < 3:
        raise InputError(f"a map needs three words that the vocabulary has, got {len(names)}")
    pca = PCA(2, random_state=0)
    points = pca.fit_transform(vectors.units[[vectors.index[word] for word in names]].astype("float64"))
    place = dict(zip(names, points, strict=True))
    plt = _pyplot()
    side = float(np.clip(5 + 0.06 * len(names), 6, 12))
    # The dots per inch of the file: at others text has other widths, and names set apart could touch.
    fig, axis = plt.subplots(figsize=(1.25 * side, side), dpi=110, layout="constrained")
    colours = plt.get_cmap("tab10" if len(groups) <= 10 else "tab20")
    for i, (group, some) in enumerate(groups.items()):
        axis.scatter(*np.reshape([place[word] for word in some], (-1, 2)).T, s=16, color=colours(i), label=group)
    shares = [f"component {i} ({share:.0%} of variance)" for i, share in enumerate(pca.explained_variance_ratio_, 1)]
    axis.set(xlabel=shares[0], ylabel=shares[1], xticks=[], yticks=[], title=title or "")
    axis.margins(0.08)
    if isinstance(words, dict):
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.05), ncols=min(5, len(groups)), frameon=False)
    _name(fig, axis, points, names)
    _write(fig, path, plt)
    return sum(len(list(some)) for some in _grouped(words).values()) - sum(len(some) for some in groups.values())


def occupations(before, after, path, direction=None, k=12, title="Occupations between he and she"):
    """Write a PNG of where occupations lie on the axis from he to she in vectors before and after debiasing.

    The k that lay most to either side, and below them up to k that are gendered by definition, which debiasing leaves.

    before, after: WordVectors of the same words. direction: `bias.gender_direction(before)` unless given.

    Returns the words drawn, from above. Raises InputError where none is known.
    """
    direction = bias.gender_direction(before) if direction is None else direction
    extremes = bias.extreme_occupations(before, direction=direction, k=k)
    ranked = [word for word, _ in extremes["she"]]
    ranked += [word for word, _ in extremes["he"][::-1] if word not in ranked]
    gendered = before.known(bias.occupations(gendered=True))[0][:k]
    gendered.sort(key=lambda word: -bias.projections(before, [word], direction)[0])
    words = [*ranked, *gendered]
    if not words:
        raise InputError("of the occupations the vocabulary has none")
    places = [bias.projections(vectors, words, direction) for vectors in (before, after)]
    heights = -np.arange(len(words)) - (np.arange(len(words)) >= len(ranked))
    plt = _pyplot()
    fig, axis = plt.subplots(figsize=(8, 1.6 + 0.23 * len(words)), layout="constrained")
    axis.axvline(0, color="0.6", lw=1)
    axis.hlines(heights, *places, color="0.8", lw=1.5, zorder=1)
    for x, colour, label in zip(places, ("tab:orange", "tab:blue"), ("before", "after debiasing"), strict=True):
        axis.scatter(x, heights, s=28, color=colour, label=label, zorder=2)
    axis.set_yticks(heights, words, fontsize=9)
    if ranked and gendered:
        axis.axhline(-len(ranked), color="0.6", lw=0.8, ls="--")
        axis.text(1, -len(ranked) - 0.15, "gendered by definition  ", fontsize=8, color="0.4", ha="right", va="top",
                  transform=axis.get_yaxis_transform())  # fmt: skip
    reach = 1.08 * max(np.abs(places).max(), 0.05)
    axis.set(xlim=(-reach, reach), ylim=(heights[-1] - 0.8, 0.8), title=title)
    axis.set_xlabel("← he     cosine with the gender direction     she →")
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.65 / fig.get_figheight()), ncols=2, frameon=False)
    _write(fig, path, plt)
    return words


def _grouped(words):
    return words if isinstance(words, dict) else {"words": words}


def _name(fig, axis, points, names):
    """Write names beside their dots, each at the nearest place that is clear of dots and of the names before it."""
    fig.canvas.draw()  # the layout is settled then, and pixels mean what they will
    dots, scale = axis.transData.transform(points), fig.dpi / 72
    frame = axis.get_window_extent()
    turns = np.arange(12) * np.pi / 6
    around = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    taken = np.concatenate([dots - 3 * scale, dots + 3 * scale], axis=1)  # left, bottom, right, top
    for dot, point, name in zip(dots, points, names, strict=True):
        text = axis.annotate(
            name, point, (0, 0), textcoords="offset points", ha="center", va="center", fontsize=9, parse_math=False
        )
        box = text.get_window_extent()
        half = np.array([box.width, box.height]) / 2
        shifts = np.concatenate([around * (reach * scale) + np.round(around, 3) * half for reach in REACH])
        boxes = np.concatenate([dot + shifts - half, dot + shifts + half], axis=1)
        overlap = np.minimum(boxes[:, None, 2:], taken[:, 2:]) - np.maximum(boxes[:, None, :2], taken[:, :2])
        cost = np.prod(np.maximum(overlap, 0), axis=2).sum(axis=1)
        outside = (boxes[:, :2] < frame.p0).any(axis=1) | (boxes[:, 2:] > frame.p1).any(axis=1)
        best = int(np.argmin(cost + 1e6 * outside))  # the first of equals is the nearest
        text.set_position(shifts[best] / scale)
        taken = np.concatenate([taken, boxes[best : best + 1]])
        if best >= len(around):  # too far to be told by nearness
            end = axis.transData.inverted().transform(dot + shifts[best] * (1 - 6 * scale / np.hypot(*shifts[best])))
            axis.plot(*zip(point, end, strict=True), color="0.7", lw=0.6, zorder=0)
