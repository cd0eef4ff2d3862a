"""Data sets from folders of images and, beside them, masks that give each pixel a class."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from keras_ssl.data import image_files
from keras_ssl.data.dataset import DataSet
from keras_ssl.data.folder_layout import split_roots
from keras_ssl.data.masks import read_class_table, read_mask
from keras_ssl.data.order import ordered
from keras_ssl.data.splits import with_test
from keras_ssl.errors import InputError, first_line

IMAGES, MASKS, TABLE = "images", "masks", "classes.csv"
MASK_SUFFIXES = (".bmp", ".gif", ".png", ".tif", ".tiff")  # what doesn't lose anything


class MaskSplit:
    """Image files and mask files of one split."""

    def __init__(self, pairs, shape, size, table):
        self._pairs, self._shape, self._size, self._numbers = pairs, shape, size, table.numbers()

    def count(self):
        return len(self._pairs)

    def stream(self, keep, shuffle, labels):
        pairs, size, shape = self._pairs, self._size, self._shape

        def read(row):
            return image_files.read(pairs[row][0], size, shape[2])

        def prepare(row):
            image = tf.ensure_shape(tf.numpy_function(read, [row], tf.uint8, stateful=False), shape)
            if not labels:
                return image
            mask = tf.numpy_function(
                lambda row: read_mask(pairs[row][1], self._numbers, size), [row], tf.uint8, stateful=False
            )
            return image, tf.ensure_shape(mask, shape[:2])

        rows = ordered(len(pairs) if keep is None else keep, shuffle)
        stream = tf.data.Dataset.from_tensor_slices(rows)
        return stream.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def has_masks(folder):
    """Whether a folder, or its train folder, holds a folder of images and one of masks."""
    root = split_roots(folder).get("train", folder)
    return (root / IMAGES).is_dir() and (root / MASKS).is_dir()


def open_mask_folder(folder, *, labels=None, size=None, mixed_size=None, channels=None):
    """Returns the DataSet, for segmentation, of FOLDER/images/NAME.jpg and FOLDER/masks/NAME.png.

    Or FOLDER/train/images, FOLDER/train/masks, FOLDER/test/images, ... with validation or val likewise.
    FOLDER/classes.csv is the table of the classes (see `masks.read_class_table`). Masks are files of indices, of their
    image's height and width, in one channel or with a palette; the index 255 and those that the table calls "void" are
    no class. Where there is no test and no validation folder, 20 % are held out as "test", always the same ones.

    Every file is read once here.

    Args:
        folder: a Path.
        labels: False for the images alone, or the path of another table, absolute or from FOLDER.
        size, mixed_size, channels: as in `open_folder`; masks are resized with their images, by nearest neighbour.

    Raises:
        InputError: there is no table, an image without a mask or a mask without an image, a file that can't be read, a
            mask of another size than its image, or of an index that the table lacks.
    """
    name = folder.resolve().name
    table = None
    if labels is not False:
        path = folder / (labels if isinstance(labels, str | os.PathLike) else TABLE)
        if not path.is_file():
            raise InputError(
                f"the masks in {str(folder)!r} need a class table, {path.name}, with the header index,name"
            )
        table = read_class_table(path)
    roots = split_roots(folder) or {"train": folder}
    if "train" not in roots:
        raise InputError(
            f"the folder {str(folder)!r} has a {next(iter(roots))} folder beside {IMAGES}, but none for train"
        )
    splits = {split: _pairs(root, folder) for split, root in roots.items()}
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")  # Pillow's own, on odd metadata
        pairs = [pair for each in splits.values() for pair in each]
        shapes = np.array(list(pool.map(lambda pair: _checked(*pair, folder, table), pairs)))
    if "test" not in splits and "validation" not in splits:
        splits, _ = with_test(splits, dict.fromkeys(splits), "segmentation")
    height, width = (int(side[0]) if len(set(side)) == 1 else None for side in shapes.T[:2].tolist())
    if mixed_size and not size and None in (height, width):
        size = mixed_size
    shape = (*(size or (height, width)), channels or int(shapes[:, 2].max()))
    about = {"name": name, "origin": f"the folder {name}", "shape": shape}
    if table is None:
        from keras_ssl.data.folder import FolderSplit

        stored = {s: FolderSplit([image for image, _ in each], None, shape, size) for s, each in splits.items()}
        return DataSet(task=None, classes=[], stored=stored, **about)
    stored = {split: MaskSplit(each, shape, size, table) for split, each in splits.items()}
    return DataSet(task="segmentation", classes=table.classes, colours=table.colours, stored=stored, **about)


def _pairs(root, folder):
    """[(image file, mask file)] below a split's folder, by their path without its suffix."""
    images, masks = (_files(root / each, suffixes) for each, suffixes in
                     ((IMAGES, image_files.SUFFIXES), (MASKS, MASK_SUFFIXES)))  # fmt: skip
    for have, lack, what in ((masks, images, "mask {} has no image"), (images, masks, "image {} has no mask")):
        alone = sorted(set(have) - set(lack))
        if alone:
            raise InputError(f"the {what.format(have[alone[0]].relative_to(folder))}, in {str(folder)!r}")
    if not images:
        raise InputError(f"the folder {str(root / IMAGES)!r} has no images")
    return [(images[stem], masks[stem]) for stem in sorted(images)]


def _files(root, suffixes):
    if not root.is_dir():
        raise InputError(f"the folder {str(root.parent)!r} has no folder {root.name}")
    found = (each for each in sorted(root.rglob("*")) if each.suffix.lower() in suffixes)
    return {each.relative_to(root).with_suffix("").as_posix(): each for each in found if not each.name.startswith(".")}


def _checked(image, mask, folder, table):
    """(H, W, C) of an image that can be read, whose mask fits."""
    image_name, mask_name = image.relative_to(folder), mask.relative_to(folder)
    try:
        shape = image_files.check(image)
    except Exception as error:  # Pillow's decoders raise errors of many kinds on broken files
        raise InputError(f"the image {image_name} can't be read: {first_line(error)}") from None
    if table is None:
        return shape
    try:
        indices = read_mask(mask)
    except Exception as error:
        raise InputError(f"the mask {mask_name} can't be read: {first_line(error)}") from None
    if indices.shape != shape[:2]:
        sizes = [f"{height}x{width}" for height, width in (indices.shape, shape[:2])]
        raise InputError(f"the mask {mask_name} is of {sizes[0]}, its image {image_name} of {sizes[1]}")
    odd = table.unknown(indices)
    if odd is not None:
        raise InputError(f"the mask {mask_name} has the index {odd}, which the class table lacks: {table.range()}")
    return shape
