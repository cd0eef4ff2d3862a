import json

import numpy as np

from keras_ssl import data, evaluation, recipes, zoo


def test_the_random_network_is_measured_once(made, own_zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SSL_ZOO", str(made[1]))
    kept = tmp_path / "deep" / "kept.json"
    first = evaluation.evaluate("tiny", sample=True, kept=kept)["figures"]
    ((key, figures),) = json.loads(kept.read_text()).items()
    assert figures == {name: first[name]["random"] for name in ("probe", "knn")}
    assert first == evaluation.evaluate("tiny", sample=True)["figures"]
    kept.write_text(json.dumps({key: {"probe": 0.125, "knn": 0.25}}))
    monkeypatch.setattr(evaluation, "random_encoder", None)
    again = evaluation.evaluate("tiny", sample=True, kept=kept)["figures"]
    assert again == first | {
        name: {**first[name], "random": figures} for name, figures in (("probe", 0.125), ("knn", 0.25))
    }


def test_methods_share_a_random_network_only_if_it_is_the_same():
    rotation, simclr, pca, sparse = (
        evaluation.network_of(zoo.encoder(name))
        for name in ("rotation", "simclr", "pca_autoencoder", "sparse_autoencoder")
    )
    assert rotation == simclr  # both leave the encoder as it is
    assert pca != sparse  # both are "mlp" of no layers, to which the methods add a code of 32, and one of 1,024


def test_the_random_network_of_an_entry_that_started_from_another_is_that_one_untrained():
    trained, photos = zoo.encoder("rotation"), data.open("cifar10_sample")
    row = recipes.get("segmentation").replace(options={"start": "rotation"})
    found = evaluation.random_encoder(row, trained, photos.shape, photos)
    assert evaluation.network_of(found) == evaluation.network_of(trained)
    fresh, learned = (np.concatenate([each.ravel() for each in e.get_layer("block2a_conv").get_weights()])
                      for e in (found, trained))  # fmt: skip
    assert np.abs(fresh - learned).mean() > np.abs(learned).mean() / 2
