import pytest

from keras_ssl import data, translating, zoo


def test_few_pairs_are_learned_from_and_all_of_each_language(own_zoo, tmp_path, monkeypatch):
    monkeypatch.setattr(translating, "FEW", 64)
    monkeypatch.setattr(translating, "EPOCHS", 1)
    name = translating.trained(True, "random", "caption_pairs_sample", tmp_path)
    assert name == "translation_64_random" and translating.trained(True, "random", "caption_pairs_sample") == name
    recipe = zoo.info(name)["recipe"]
    assert (recipe["epochs"], recipe["options"]["vectors"]) == (1, "random")
    assert recipe["dataset"] == "own:dict"
    figures = translating.measure(name, data.open("caption_pairs_sample"))
    assert set(figures) == {"bleu", "energy_auc"} and 0 <= figures["bleu"] < 50


def test_words_of_two_languages_are_found():
    found = translating.words(data.open("caption_pairs_sample"), width=16)
    assert found["pairs"] > 10 and all(0 <= found[way] <= 1 for way in ("csls", "cosine", "spelling"))


def test_the_table_has_a_row_for_each_way():
    found = {(True, "own"): {"bleu": 12.34, "energy_auc": 0.9}, (False, "random"): {"bleu": 25.0, "energy_auc": 0.99}}
    precision = {"csls": 0.5, "cosine": 0.25, "spelling": 0.125, "pairs": 80}
    lines = translating.markdown(found, precision, 29_000).splitlines()
    assert lines[2] == "| 3,000 | from each language's own vectors | 12.3 | 0.900 |"
    assert lines[3] == "| 29,000 | at random | 25.0 | 0.990 |"
    assert lines[-3:] == [
        "| spelled alike | 12.5% |", "| orthogonal map, cosine | 25.0% |", "| orthogonal map, CSLS | 50.0% |",
    ]  # fmt: skip
    with pytest.raises(KeyError):
        translating.markdown({(True, "elsewhere"): found[True, "own"]}, precision, 1)
