"""What images give without a network, for a method's figures to stand beside: principal components, raw pixels."""

import keras
import numpy as np

from . import transfer

FEWEST = 5  # labels a class, for a probe with few


def flat(images):
    """Images (N, H, W, C) in 0..255 -> pixels (N, H * W * C) in 0..1, float32."""
    return images.reshape(len(images), -1).astype("float32") / 255


def pca(images, components):
    """scikit-learn's PCA of the pixels (in 0..1) of images; of fewer components where the images have no more."""
    from sklearn.decomposition import PCA

    x = flat(images)
    return PCA(min(components, *x.shape), random_state=0).fit(x)


def pca_error(fitted, images):
    """Mean squared error of pixels in 0..1 when images are rebuilt of a fitted PCA's components."""
    x = flat(images)
    return float(np.mean((x - fitted.inverse_transform(fitted.transform(x))) ** 2))


def patches_error(train, test, grid, size, images=2000):
    """Mean squared error of pixels in 0..1 when each patch of `test` becomes the nearest of `size` patches.

    k-means finds those in some images of `train`. grid: (rows, columns) of patches that an image is cut into.
    """
    from sklearn.cluster import MiniBatchKMeans

    def cut(images):
        rows, columns = (max(1, full // part) for full, part in zip(images.shape[1:3], grid, strict=True))
        n, h, w, c = len(images), images.shape[1] // rows, images.shape[2] // columns, images.shape[3]
        patches = images[:, : h * rows, : w * columns].reshape(n, h, rows, w, columns, c).swapaxes(2, 3)
        return flat(patches.reshape(n * h * w, rows, columns, c))

    known, asked = cut(train[:images]), cut(test)
    means = MiniBatchKMeans(min(size, len(known)), batch_size=8192, n_init=1, random_state=0).fit(known)
    return float(np.mean((asked - means.cluster_centers_[means.predict(asked)]) ** 2))


def pixels(shape):
    """An "encoder" whose features are the pixels: images (N, *shape) -> (N, H * W * C)."""
    images = keras.Input(shape, name="image")
    return keras.Model(images, keras.layers.Flatten(name="pixels")(images), name="encoder")


def few_labels(encoder, dataset, share=0.01, draws=3):
    """A linear probe with few labels, beside the same on raw pixels, each the mean over some draws of the labels.

    encoder: as transfer.probe takes it. dataset: a DataSet with classes. share: of the training labels; in a small set
        more, so that there are five a class.

    Returns {"value": accuracy in 0..1, "raw_pixels": likewise, "labels": their number, "draws": draws}.
    """
    count = dataset.count("train")
    labels = min(count, max(round(share * count), FEWEST * len(dataset.classes)))
    accuracy = {
        who: float(np.mean([transfer.probe(each, dataset, labels, seed=seed)["accuracy"] for seed in range(draws)]))
        for who, each in (("value", encoder), ("raw_pixels", pixels(dataset.shape)))
    }
    return {**accuracy, "labels": labels, "draws": draws}


def chances(images):
    """Each pixel's chance to be white in binarised images (N, H, W, C), none of them certain: (H, W, C)."""
    return (np.asarray(images).sum(axis=0, dtype="float64") / 255 + 0.5) / (len(images) + 1)


def independent_pixels(train, test):
    """Nats of each binarised test image when a pixel is white by its own chance, as in training images: (N,).

    train, test: (N, H, W, C) in 0..255. Of images that aren't black and white it is the expectation over what
    `views.binarise` draws.
    """
    chance, x = chances(train), np.asarray(test, "float64") / 255
    return -np.sum(x * np.log(chance) + (1 - x) * np.log1p(-chance), axis=(1, 2, 3))
