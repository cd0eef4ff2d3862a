"""Every entry that comes with the package."""

import json
import warnings

import pytest

from keras_ssl import cards, evaluation, modalities, recipes, zoo

BUNDLED = zoo.bundled_names()


@pytest.fixture(scope="module")
def differences(ask_endpoints, ask_saved_models):
    """{"name|endpoint|output": difference between SavedModel and Keras model, over the range of the answer}."""
    answers = {}
    for name in BUNDLED:
        recipe = recipes.Recipe.from_dict(zoo.info(name)["recipe"])
        modality = modalities.of(recipe.method)
        examples = modality.open(recipe, modality.SAMPLES.get(recipe.dataset, recipe.dataset))
        split = "test" if "test" in examples.splits else "train"
        answers[name] = ask_endpoints(zoo.load(name), examples.arrays(split, limit=2)[0])
    return ask_saved_models({name: zoo.path(name) / "saved_model" for name in BUNDLED}, answers)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_entry_is_whole(name):
    folder, info = zoo.path(name), zoo.info(name)
    sums = json.loads((folder / "checksums.json").read_text())
    files = {p.relative_to(folder).as_posix() for p in (folder / "saved_model").rglob("*") if p.is_file()}
    assert set(sums) == files | {"model.keras"}
    assert all(zoo._sha256(folder / file) == value for file, value in sums.items())
    assert info["bytes"] <= (12e6 if info["recipe"]["method"].startswith("text.") else 5e6)
    assert info["recipe"]["summary"] and info["data"]["origin"]
    assert {"full", "sample"} <= set(info["metrics"])
    assert (folder / "README.md").read_text() == cards.card(name), (
        "python tools/evaluate.py NAME --write writes it anew"
    )
    assert (folder / "preview.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_entry_was_trained_by_its_row(name):
    recipe, row = recipes.Recipe.from_dict(zoo.info(name)["recipe"]).to_dict(), recipes.RECIPES.get(name)
    changed = [k for k, v in row.to_dict().items() if recipe[k] != v] if row else ["name"]
    if changed:
        warnings.warn(
            f"{name} was trained with other values of {', '.join(changed)} than recipes.py has now", stacklevel=1
        )


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_saved_model_answers_as_the_keras_model(name, differences):
    mine = {key: value for key, value in differences.items() if key.split("|")[0] == name}
    endpoints = modalities.of(zoo.info(name)["recipe"]["method"]).ENDPOINTS
    assert {key.split("|")[1] for key in mine} >= set(endpoints)
    assert max(mine.values()) <= 1e-4, mine


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the random networks' figures are kept, which entries of one network share."""
    return tmp_path_factory.mktemp("kept") / "random.json"


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_metrics_are_found_again(name, kept):
    noted = zoo.info(name)["metrics"]["sample"]
    found = evaluation.evaluate(name, sample=True, seed=noted["seed"], kept=kept)
    assert (found["data"], found["probed_on"], found["images"]) == (noted["data"], noted["probed_on"], noted["images"])
    assert found["figures"].keys() == noted["figures"].keys()
    for figure, values in noted["figures"].items():
        share = figure in ("probe", "knn") or figure.endswith("accuracy")
        one = 1.01 / noted["images"]  # of few examples, rounding may turn one
        tolerance = {"abs": max(0.01, one)} if share else {"rel": 0.03}
        if figure == "probe":  # where two penalties do equally well on held-out examples, a CPU's rounding picks one
            tolerance = {"abs": max(0.02, one)}
        assert found["figures"][figure] == pytest.approx(values, **tolerance), figure
