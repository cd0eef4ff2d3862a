import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_ssl import data
from keras_ssl.data.masks import VOID, fit_mask, read_class_table, read_mask
from keras_ssl.errors import InputError

RNG = np.random.default_rng(0)


def table(folder, text):
    path = folder / "classes.csv"
    path.write_text(text)
    return path


def test_a_class_table_numbers_the_indices(tmp_path):
    found = read_class_table(table(tmp_path, "index,name,colour\n7,road,#804080\n2,sky,gray\n9,void,black\n"))
    assert (found.classes, found.indices, found.void) == (["sky", "road"], [2, 7], (9,))
    assert found.colours == [(128, 128, 128), (128, 64, 128)]
    np.testing.assert_array_equal(found.numbers()[[2, 7, 9, 255, 3]], [0, 1, VOID, VOID, VOID])
    assert found.unknown([[2, 9, 255, 7]]) is None and found.unknown([[7, 8, 3]]) == 3
    assert found.range() == "classes.csv has 2 classes, indices 2 to 7"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "header 'index,name'"),
        ("name,index\nsky,0\n", "header 'index,name'"),
        ("index,name\n255,sky\n", "line 2 .* 0..254"),
        ("index,name\n0,sky\n0,road\n", "line 3 .* index 0 again"),
        ("index,name\n0,\n", "line 2"),
        ("index,name\n0,void\n", "no classes"),
        ("index,name,colour\n0,sky,bleu\n", "no colour 'bleu'"),
    ],
)
def test_a_wrong_class_table_is_told(tmp_path, text, match):
    with pytest.raises(InputError, match=match):
        read_class_table(table(tmp_path, text))


@pytest.mark.parametrize("size", [(16, 24), (20, 33), (40, 20), (64, 96), (9, 40)])
def test_masks_are_resized_as_their_images_are(tmp_path, size):
    """Of an image of large squares, each of one grey, the resized mask has the grey that the resized image has."""
    mask = np.repeat(np.repeat(np.array([[0, 53, 117], [181, 29, 241]], "uint8"), 16, 0), 16, 1)  # 32 x 48
    pair = (mask[None, :, :, None], mask[None])
    images, masks = data.open({"train": pair}, size=size).arrays("train")
    clear = np.isin(images[..., 0], np.unique(mask))  # where the image isn't a mixture
    assert clear.mean() > 0.3
    assert (masks[clear] == images[..., 0][clear]).mean() > 0.99  # a mixture may be one of the greys by chance
    Image.fromarray(mask).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png", size=size), masks[0])
    assert fit_mask(tf.constant(mask), None).shape == mask.shape


def test_arrays_of_masks_are_a_segmentation():
    images, masks = RNG.integers(0, 256, (10, 8, 6, 3), "uint8"), RNG.integers(0, 3, (10, 8, 6))
    masks[0, 0, 0] = VOID
    opened = data.open({"train": (images, masks), "test": (images[:4], masks[:4])})
    assert (opened.task, opened.classes, opened.shape) == ("segmentation", ["0", "1", "2"], (8, 6, 3))
    for keep in (None, [1, 4]):
        found = opened.arrays("train", keep=keep)
        rows = slice(None) if keep is None else keep
        np.testing.assert_array_equal(found[0], images[rows])
        np.testing.assert_array_equal(found[1], masks[rows])
    labels = opened.labels("fit")
    assert labels.shape == (9, 8, 6) and labels.dtype == np.uint8
    assert len(data.choose_labels(opened, 5)) == 5
    image, mask = next(iter(opened.stream("test", shuffle=3)))
    assert (image.shape, mask.shape, mask.dtype) == ((8, 6, 3), (8, 6), tf.uint8)
    assert data.open((images, masks), labels=False).task is None


def test_arrays_that_are_no_masks_are_told():
    images = np.zeros((4, 8, 6, 3), "uint8")
    for masks, match in (
        (np.zeros((4, 6, 8), int), "images of 8x6 but masks of 6x8"),
        (np.full((4, 8, 6), 256), r"0\.\.255"),
        (np.full((4, 8, 6), 0.5), r"0\.\.255"),
    ):
        with pytest.raises(InputError, match=match):
            data.open((images, masks))
