import json

import pytest

from keras_ssl import data, transfer, zoo
from keras_ssl.errors import InputError
from keras_ssl.transfer import table


def test_a_figure_that_is_known_is_not_measured_again(made, own_zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SSL_ZOO", str(made[1]))
    dataset, kept = data.open("cifar10_sample"), tmp_path / "kept.json"
    tuned = {"finetuned 0.1": 0.4} | {f"finetuned 0.01 seed {i}": 0.1 * i for i in table.SEEDS}
    known = {"weights": zoo.fingerprint("tiny"), "block": "block2", **tuned}
    kept.write_text(json.dumps({"other": {"probe": 1}, "tiny": known}))
    said = []
    found = table.measure("tiny", dataset, kept, say=said.append)
    assert found["block"] == "block2" and found["finetuned"] == {"0.01": [0.0, 0.1, 0.2], "0.1": [0.4]}
    assert found["probe"] == transfer.probe("tiny", dataset, block="block2")["accuracy"] and len(said) == 2
    figures = {"probe": found["probe"], "knn": found["knn"]}
    assert json.loads(kept.read_text()) == {"other": {"probe": 1}, "tiny": known | figures}
    monkeypatch.setattr(table, "probe", None)
    assert table.measure("tiny", dataset, kept, say=said.append) == found and len(said) == 2


def test_figures_of_other_weights_are_measured_anew(made, own_zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SSL_ZOO", str(made[1]))
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"tiny": {"weights": "of long ago", "block": "nowhere", "probe": 1.0}}))
    searched = []

    def best(run, way, encoder, plan, schedules, given):
        searched.append(schedules)
        return None, {"accuracy": 0.25}, None, plan.replace(**schedules[-1])

    monkeypatch.setattr(table, "best_block", lambda encoder, dataset: "block1")
    monkeypatch.setattr(table, "knn", lambda *args, **settings: {"accuracy": 0.5})
    monkeypatch.setattr(table.Run, "best", best)
    found = table.measure("tiny", data.open("cifar10_sample"), kept, full=True)
    assert found["block"] == "block1" and found["probe"] < 0.9 and found["finetuned"]["0.01"] == [0.25] * 3
    assert [len(schedules) for schedules in searched] == [2] * 4 + [1]  # all labels: what was chosen with a tenth
    assert searched[-1] == [{"learning_rate": 3e-3}] and found["finetuned"]["all"] == [0.25]


def test_the_best_block_is_best_on_validation(made):
    images, labels = data.open("cifar10_sample").arrays("train", limit=300)
    dataset = data.open({"train": (images, labels), "test": (images[:50], labels[:50])})
    encoder = transfer.open_encoder(made[0])
    choosing = dataset.for_choosing()
    reached = {block: transfer.probe(encoder, choosing, block=block)["accuracy"] for block in transfer.blocks(encoder)}
    assert reached[table.best_block(encoder, dataset)] == max(reached.values())


def test_random_weights_need_a_network(tmp_path):
    with pytest.raises(InputError, match="like="):
        table.measure("random", data.open("cifar10_sample"), tmp_path / "kept.json")


def test_the_table_is_sorted_by_probe():
    row = {"block": "block3a", "knn": 0.7, "finetuned": {"0.01": [0.6, 0.62, 0.61], "0.1": [0.8]}}
    text = table.markdown({"one": {"a": {**row, "probe": 0.7}, "b": {**row, "probe": 0.9}}})
    lines = text.splitlines()
    assert len(lines) == 4 and lines[2].startswith("| `b` | block3a | 90.0% | 70.0% | 61.0 ± 2.5 | 80.0 |  |")


def test_entries_on_photos_are_the_rows():
    rows = table.rows()
    assert {"rotation", "colorizer", "supervised"} <= set(rows["shared"]) and "gan" in rows["other"]
    assert not {"vae", "autoencoder"} & {*rows["shared"], *rows["other"]}
