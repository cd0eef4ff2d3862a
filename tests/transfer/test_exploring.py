"""What `explore` reports, where it is known, and its pictures."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

from keras_ssl import data
from keras_ssl.errors import InputError
from keras_ssl.transfer import explore
from keras_ssl.transfer.exploring import _axes_for, _nearest

PICTURES = {"pca.png", "tsne.png", "clusters.png", "neighbours.png"}


def coloured(count, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    images = rng.normal(90, 20, (count, 6, 6, 3))
    images[np.arange(count), :, :, labels] += 80
    return images.clip(0, 255).astype("uint8"), np.array(["red", "green", "blue"])[labels]


def means(shape=(None, None, 3)):
    """An encoder whose features are an image's mean colour."""
    images = keras.Input(shape)
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(images), name="encoder")


def test_clear_classes_are_found(tmp_path):
    dataset = data.open({"train": coloured(20), "test": coloured(120, 1)})
    report = explore(means(), dataset, images=100, out=tmp_path / "run")
    assert report["split"] == "test" and report["images"] == 100 and report["features"] == 3
    assert report["clusters"]["count"] == 3 and sum(report["clusters"]["sizes"]) == 100
    assert report["clusters"]["nmi"] == pytest.approx(1) and report["clusters"]["accuracy"] == 1
    assert report["neighbours"]["same_class"] == 1 and report["thumbnails"]["same_class"] > 0.9
    assert sum(report["pca"]["explained"]) == pytest.approx(1, abs=1e-4) and report["pca"]["for_90_percent"] == 2
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert found == {*PICTURES, "report.json"}
    for name in PICTURES:
        assert Image.open(tmp_path / "run" / name).size[0] > 400
    written = json.loads((tmp_path / "run" / "report.json").read_text())
    assert written["clusters"] == report["clusters"] and "command" in written
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_without_labels_and_of_a_function(tmp_path):
    images, _ = coloured(40)
    asked = []

    def build(shape):
        asked.append(shape)
        return means(shape)

    report = explore(build, {"train": images}, clusters=4, out=tmp_path / "run")
    assert asked == [(6, 6, 3)] and report["split"] == "train" and report["encoder"] == "own:function"
    assert report["clusters"].keys() == {"count", "sizes"} and "thumbnails" not in report
    assert report["neighbours"] == {"count": 10}
    assert {path.name for path in (tmp_path / "run").iterdir()} == {*PICTURES, "report.json"}
    few = explore(means(), {"train": images[:5]}, clusters=2, out=tmp_path / "few")  # too few for t-SNE
    assert few["neighbours"]["count"] == 4 and not (tmp_path / "few" / "tsne.png").exists()


def test_labels_can_be_left_out():
    dataset = {"train": coloured(30)}
    assert "nmi" not in explore(means(), dataset, labels_file=False)["clusters"]
    assert "nmi" in explore(means(), dataset)["clusters"]


def test_axes_and_neighbours_by_other_means():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 6)) * [5, 3, 2, 1, 1, 1]
    x -= x.mean(axis=0)
    for rows in (x, x[:4] - x[:4].mean(axis=0)):
        assert _axes_for(rows, 0.9) == PCA(0.9, svd_solver="full").fit(rows).n_components_
    cosine = x @ x.T / np.linalg.norm(x, axis=1) / np.linalg.norm(x, axis=1)[:, None]
    np.fill_diagonal(cosine, -2)
    np.testing.assert_array_equal(_nearest(x, 3), np.argsort(-cosine, axis=1)[:, :3])


def test_what_cannot_be_explored_is_said(tmp_path):
    images, _ = coloured(10)
    with pytest.raises(InputError, match="10 images can't make 11 clusters"):
        explore(means(), {"train": images}, clusters=11)
    with pytest.raises(InputError, match="clusters is 2 or more, got 1"):
        explore(means(), {"train": images}, clusters=1)
    with pytest.raises(InputError, match="unknown block"):
        explore(means(), {"train": images}, block="block9")
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        explore(means(), {"train": images}, out=tmp_path)


def test_a_shipped_encoder_has_more_structure_than_thumbnails(tmp_path):
    report = explore("rotation", "cifar10_sample", out=tmp_path / "run")
    assert (report["images"], report["block"], report["clusters"]["count"]) == (1000, "block3a", 10)
    assert report["clusters"]["nmi"] > report["thumbnails"]["nmi"] > 0
    assert report["neighbours"]["same_class"] > report["thumbnails"]["same_class"] > 0.1
