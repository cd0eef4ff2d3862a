"""A sample for segmentation: garments of the bundled Fashion-MNIST sample laid on canvases, with their masks."""

import numpy as np

SIDE = 64  # of a canvas
COUNT = {"train": 400, "test": 100}  # canvases
MOST = 4  # garments on one
FAINT = 16  # brightness up to which a garment's pixel is taken for black


def canvases(garments, labels, count, seed):
    """Returns (canvases uint8 (count, 64, 64, 3), masks uint8 (count, 64, 64)).

    Each canvas is a slope of two random colours, on which one to four garments lie, each dyed in a random colour; later
    ones cover earlier ones. A mask has 0 where the background shows, 1 + the label of the garment that shows elsewhere.

    Args:
        garments: uint8 (n, h, w, 1), black where there is none.
        labels: ints (n,).
        count: how many to make.
        seed: an int; the same seed gives the same canvases.
    """
    from scipy.ndimage import binary_fill_holes

    rng = np.random.default_rng(seed)
    images, masks = np.empty((count, SIDE, SIDE, 3), np.uint8), np.zeros((count, SIDE, SIDE), np.uint8)
    slope = np.linspace(0, 1, SIDE)
    for canvas, mask in zip(images, masks, strict=True):
        first, second = rng.uniform(0, 160, (2, 3))
        along = np.broadcast_to(slope[:, None] if rng.random() < 0.5 else slope, (SIDE, SIDE))[..., None]
        canvas[:] = np.rint(first + (second - first) * along + rng.normal(0, 6, (SIDE, SIDE, 1))).clip(0, 255)
        for i in rng.integers(0, len(garments), rng.integers(1, MOST + 1)):
            garment = garments[i, ..., 0]
            shown = binary_fill_holes(garment > FAINT)
            top, left = (rng.integers(0, SIDE - side + 1) for side in garment.shape)
            place = np.s_[top : top + garment.shape[0], left : left + garment.shape[1]]
            canvas[place][shown] = np.rint(garment[shown][:, None] * rng.uniform(0.35, 1, 3))
            mask[place][shown] = 1 + labels[i]
    return images, masks


def splits(source):
    """Returns {"train": (canvases, masks), "test": ...} of garments of the same split of a DataSet, Fashion-MNIST's."""
    return {split: canvases(*source.arrays(split), count, seed) for seed, (split, count) in enumerate(COUNT.items())}
