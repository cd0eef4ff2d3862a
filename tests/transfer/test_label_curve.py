import json

import numpy as np
import pytest
from PIL import Image

from keras_ssl import data, transfer, zoo
from keras_ssl.methods.text import word2vec
from keras_ssl.transfer import bag, label_curve
from keras_ssl.words import WordVectors

COUNTS = (100, "all")


@pytest.fixture
def entry(own_zoo):
    """A zoo entry of word vectors in which a few words of praise and blame lie apart."""
    words = ["good", "best", "funny", "bad", "dull", "worst", "the", "a", "film", "movie"]
    table = np.zeros((10, 3), "float32")
    table[:3, 0], table[3:6, 1], table[6:, 2] = 1, 1, 1
    zoo.save(word2vec.from_vectors(WordVectors(words, table)), "mine")
    return "mine"


def test_every_way_is_measured_once(entry, tmp_path, monkeypatch):
    dataset, kept, said = data.open("polarity_sample"), tmp_path / "kept.json", []
    trained = []

    def best(run, way, encoder, plan, schedules, given):
        trained.append((len(run.part.keep), plan.learning_rate))
        return None, {"accuracy": 0.25}, None, plan

    def chosen(run, way, encoder, plan, schedules, given):
        assert len(run.part.keep) == label_curve.CHOOSING
        return plan.replace(**schedules[-1]), []

    monkeypatch.setattr(label_curve.Run, "best", best)
    monkeypatch.setattr(label_curve.Run, "chosen", chosen)
    found = label_curve.label_curve(dataset, [entry], entry, kept, counts=COUNTS, say=said.append)
    assert list(found) == ["bag of words", "mine, linear", "mine, fine-tuned", "mine's network from scratch"]
    assert [len(found["bag of words"][count]) for count in COUNTS] == [3, 1] and len(said) == 16
    assert found["bag of words"]["all"] == [bag.bag_of_words(dataset)["accuracy"]]
    assert found["mine, linear"]["all"][0] == pytest.approx(transfer.probe(entry, dataset)["accuracy"], abs=1e-3)
    assert found["mine, linear"][100][1] == pytest.approx(
        transfer.probe(entry, dataset, 100, seed=1)["accuracy"], abs=2e-3
    )
    assert trained == [(100, 3e-3)] * 3 + [(1000, 3e-3)] + [(100, 3e-3)] * 3 + [(1000, 3e-3)]

    for name in ("bag_of_words", "features"):
        monkeypatch.setattr(label_curve, name, None)
    again = label_curve.label_curve(dataset, [entry], entry, kept, counts=COUNTS, say=said.append)
    assert again == found and len(said) == 16 and len(trained) == 8

    known = json.loads(kept.read_text())
    known["mine, fine-tuned"]["weights"] = "of long ago"
    kept.write_text(json.dumps(known))
    label_curve.label_curve(dataset, [entry], entry, kept, counts=COUNTS)
    assert len(trained) == 12  # the fine-tuned ones anew


def test_the_table_and_its_chart(tmp_path):
    found = {"bag": {100: [0.6, 0.62, 0.64], "all": [0.8]}, "mine": {100: [0.7, 0.7, 0.7], "all": [0.9]}}
    lines = label_curve.markdown(found).splitlines()
    assert lines[0] == "| | 100 labels | all labels |"
    assert lines[2] == "| mine | 70.0 ± 0.0 | 90.0 |" and lines[3].startswith("| bag | 62.0 ± 5.0 | 80.0")
    label_curve.chart(found, tmp_path / "curve.png", "two ways")
    picture = np.asarray(Image.open(tmp_path / "curve.png").convert("RGB")).reshape(-1, 3)
    assert len(np.unique(picture, axis=0)) > 20
