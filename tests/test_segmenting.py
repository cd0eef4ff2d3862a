import numpy as np

from keras_ssl import data, segmenting
from keras_ssl.architectures.fcn import UP


def figures(iou, accuracy, **classes):
    return {"mean_iou": iou, "global_accuracy": accuracy, "class_iou": classes}


def test_the_table_has_means_over_seeds():
    found = {
        "nearest": [figures(0.4, 0.8, sky=0.9, pole=0.0), figures(0.5, 0.9, sky=0.7, pole=None)],
        "rotation": [figures(0.5, 0.85, sky=0.8, pole=0.2)],
    }
    lines = segmenting.markdown(found, figures(0.1, 0.5, sky=0.3, pole=0.0)).splitlines()
    assert lines[2:5] == [
        "| nearest | 45.0 ± 63.5 | 85.0 ± 63.5 |",
        "| rotation | 50.0 | 85.0 |",
        "| the most frequent class at each place | 10.0 | 50.0 |",
    ]
    assert lines[8:] == ["| sky | 80.0 | 80.0 |", "| pole | 0.0 | 20.0 |"]


def test_every_way_up_and_every_encoder_is_there():
    ways = segmenting.ways()
    assert {up for _, up in ways.values()} == set(UP) and set(segmenting.ENCODERS) < set(ways)
    assert [segmenting.like(way) for way in ways] == [next(iter(ways))] * 5 + ["rotation"] * 3
    assert segmenting.weights_of("rotation") and not segmenting.weights_of(segmenting.SCRATCH)


def test_a_way_is_trained_and_measured(tmp_path):
    sample = data.open("garments_sample", size=16)
    few = [sample.arrays(split, limit=16) for split in ("train", "test")]
    dataset = data.open(dict(zip(("train", "test"), few, strict=True)))
    model = segmenting.trained(segmenting.SCRATCH, dataset, 0, 1e-3, epochs=1)
    found = segmenting.measure(model, dataset)
    assert 0 <= found["mean_iou"] <= found["global_accuracy"] <= 1
    assert segmenting.without_learning(dataset)["class_iou"]["0"] > 0.3
    segmenting.picture({"scratch": model}, dataset, tmp_path / "some.png")
    assert (tmp_path / "some.png").read_bytes().startswith(b"\x89PNG")
    assert np.shape(model.segment(few[0][0][0])) == (16, 16)
