import numpy as np

from keras_ssl import data
from keras_ssl.data.garments import canvases


def test_a_garment_lies_where_its_mask_says():
    garment = np.zeros((1, 28, 28, 1), "uint8")
    garment[0, 4:20, 6:16] = 200
    garment[0, 8:12, 8:12] = 0  # a black print, which is still the garment
    images, masks = canvases(garment, np.array([6]), 20, seed=0)
    assert images.shape == (20, 64, 64, 3) and images.dtype == masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 7} and (masks > 0).sum(axis=(1, 2)).min() == 16 * 10
    alone = (masks > 0).sum(axis=(1, 2)) == 16 * 10
    for image, mask in zip(images[alone], masks[alone], strict=True):
        rows, columns = np.nonzero(mask)
        assert (rows.max() - rows.min(), columns.max() - columns.min()) == (15, 9)
        shown = image[rows.min() : rows.min() + 16, columns.min() : columns.min() + 10]
        assert (shown[4:8, 2:6] == 0).all() and len(np.unique(shown.reshape(-1, 3), axis=0)) == 2
    again, _ = canvases(garment, np.array([6]), 20, seed=0)
    np.testing.assert_array_equal(again, images)
    assert not np.array_equal(canvases(garment, np.array([6]), 20, seed=1)[0], images)


def test_the_sample():
    opened = data.open("garments_sample")
    assert (opened.task, opened.shape, len(opened.classes)) == ("segmentation", (64, 64, 3), 11)
    assert (opened.count("train"), opened.count("test")) == (400, 100) and opened.classes[0] == "background"
    assert len(opened.colours) == 11 and len({tuple(colour) for colour in opened.colours}) == 11
    assert opened.licence.startswith("MIT") and "Xiao" in opened.citation
    for split in ("train", "test"):
        shares = np.bincount(opened.labels(split).ravel(), minlength=11) / (opened.count(split) * 64 * 64)
        assert len(shares) == 11 and shares[0] > 0.5 and shares[1:].min() > 0.005
