import numpy as np

from keras_ssl import data, inpainting, zoo


def test_the_nearest_patch_of_a_training_image_is_its_own(photos):
    dataset = data.open({"train": photos, "test": photos[:4]})
    rows = inpainting.rows({"l2": "inpainter"}, dataset)
    assert [title for title, *_ in rows] == ["hole", "nearest patch", "l2", "true"]
    pictures = {title: images for title, images, _ in rows}
    np.testing.assert_array_equal(pictures["nearest patch"], photos[:4])
    np.testing.assert_array_equal(pictures["true"], photos[:4])
    hole = (pictures["hole"] == 128).all(axis=(0, 3))
    assert hole[8:24, 8:24].all() and hole.sum() >= 256
    np.testing.assert_array_equal(pictures["l2"][:, ~hole], photos[:4][:, ~hole])
    np.testing.assert_allclose(pictures["l2"], zoo.load("inpainter").predict(photos[:4]))


def test_the_table_has_a_row_for_each_way():
    row = {"mse_in_hole": 0.02, "psnr_in_hole": 17.0, "sharpness": 0.25}
    found = {"l2": {"value": row, "nearest_neighbour": {**row, "sharpness": 1.0}}, "joint": {"value": row}}
    lines = inpainting.markdown(found).splitlines()
    assert lines[2:] == [
        "| loss=l2 | 0.0200 | 17.00 | 0.25 |",
        "| loss=joint | 0.0200 | 17.00 | 0.25 |",
        "| nearest neighbour | 0.0200 | 17.00 | 1.00 |",
    ]


def test_what_comes_with_the_package_is_not_trained_again(own_zoo):
    assert inpainting.trained("l2", "cifar10") == "inpainter"
