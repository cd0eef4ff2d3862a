import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import keras_ssl
from keras_ssl import recipes, training, transfer, zoo
from keras_ssl.cli import app
from keras_ssl.cli import training as training_commands
from keras_ssl.data.bundled import samples

LIGHT = """
import json, sys, time
sys.argv = ["keras-ssl", *sys.argv[1:]]
began = time.process_time()
from keras_ssl.cli import main
try:
    main()
except SystemExit as end:
    code = end.code
seconds = time.process_time() - began
heavy = sorted({m.split(".")[0] for m in sys.modules} & {"tensorflow", "keras", "numpy", "matplotlib", "sklearn"})
print(json.dumps([code, heavy, seconds]), file=sys.stderr)
"""


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs the command in an empty folder and gives its result."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        words = [str(word) for word in words]
        monkeypatch.setattr(sys, "argv", ["keras-ssl", *words])
        return CliRunner().invoke(app, words)

    return call


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A zoo with the entry "mine": a tiny untrained rotation model."""
    folder = tmp_path_factory.mktemp("zoo_of_the_command")
    recipe = recipes.get("rotation").replace(encoder_options={"widths": [4, 4, 4], "stem": 8})
    zoo.save(training.build(recipe, (None, None, 3)), "mine", recipe=recipe, folder=folder)
    return folder


@pytest.fixture
def mine(made, monkeypatch):
    """The folder of the entry "mine", which is in the user's own zoo."""
    monkeypatch.setenv("KERAS_SSL_ZOO", str(made))
    return made / "mine"


def said(result):
    """The one line on stderr, after checking that nothing but it went wrong."""
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("keras-ssl: ") and result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize("words", [["--help"], ["list"], ["finetune", "--help"], ["info", "nobody"], []])
def test_help_and_looking_need_no_tensorflow(words):
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(keras_ssl.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", LIGHT, *words], capture_output=True, text=True, env=environment)
    code, heavy, seconds = json.loads(done.stderr.splitlines()[-1])
    assert heavy == []
    assert seconds < 2  # a quarter of a second; a busy machine takes longer
    assert code == (2 if words in (["info", "nobody"], []) else 0)


def test_help_names_every_bundled_sample():
    assert set(re.findall(r"\w+_sample", training_commands.Dataset.__metadata__[0].help)) == set(samples())


def test_the_module_is_the_command():
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(keras_ssl.__file__).parent.parent)}
    command = [sys.executable, "-m", "keras_ssl", "show", "nobody", "--out", "x.png"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("keras-ssl: unknown zoo entry 'nobody'") and done.stderr.count("\n") == 1


def test_list_and_info_show_figures(run, mine):
    figures = {"probe": {"value": 0.79, "random": 0.55}, "rotation_accuracy": {"value": 0.91, "chance": 0.25}}
    (mine / "metrics.json").write_text(json.dumps({"full": {"figures": figures}}))
    listed = run("list").stdout
    untrained = set(recipes.RECIPES) - set(zoo.names())
    assert all(f"keras-ssl pretrain {name}" in listed for name in untrained)
    assert "mine" in listed and "quarter turns" in listed and "0.79 (random 0.55)" in listed
    told = run("info", "mine").stdout
    assert "rotation accuracy  0.91 (chance 0.25)" in told and "cifar10" in told and str(mine) in told


def test_finetune_on_the_bundled_sample(run, mine, tmp_path):
    result = run("finetune", "mine", "--labels", "20", "--epochs", "1", "--strategy", "one")
    assert result.exit_code == 0, result.output
    assert "accuracy" in result.stdout and "20 labels" in result.stdout
    report = json.loads((tmp_path / "runs" / "finetune-mine-20" / "report.json").read_text())
    assert report["dataset"] == "cifar10_sample" and report["labels"] == 20 and 0 <= report["accuracy"] <= 1
    assert report["command"] == "keras-ssl finetune mine --labels 20 --epochs 1 --strategy one"
    again = run("finetune", "runs/finetune-mine-20/model.keras", "--labels", "20", "--epochs", "1", "--mode", "probe")
    assert again.exit_code == 0, again.output  # what came out goes in again


def test_finetune_segments_the_bundled_sample(run, mine, tmp_path):
    result = run(
        "finetune", "mine", "--task", "segmentation", "--labels", "16", "--epochs", "1", "--strategy", "one",
        "--set", "up=max_unpooling", "--set", "width=4",
    )  # fmt: skip
    assert result.exit_code == 0 and "mean iou" in result.output and "Ankle boot       IoU" in result.output
    folder = tmp_path / "runs" / "finetune-mine-16"
    report = json.loads((folder / "report.json").read_text())
    assert (report["dataset"], report["up"], report["width"]) == ("garments_sample", "max_unpooling", 4)
    assert (folder / "overlay.png").exists()


def test_semi_supervised_over_seeds_on_the_bundled_sample(run, mine, tmp_path):
    result = run(
        "finetune", "mine", "--mode", "label-spreading", "--labels", "20", "--unlabelled", "40", "--threshold", "0.1",
        "--epochs", "1", "--seeds", "2", "--strategy", "one",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert " ± " in result.stdout and "20 labels" in result.stdout
    folder = tmp_path / "runs" / "finetune-mine-20"
    report = json.loads((folder / "report.json").read_text())
    assert report["seeds"] == [0, 1] and (folder / "pseudo_labels.png").exists()
    assert report["pseudo_labels"]["rounds"][0]["accepted"] == 40


def test_explore_on_the_bundled_sample(run, mine, tmp_path):
    result = run("explore", "mine", "--images", "60", "--clusters", "4")
    assert result.exit_code == 0, result.output
    assert "60 images of cifar10_sample, 4 features, 4 clusters" in result.stdout and "NMI" in result.stdout
    folder = tmp_path / "runs" / "explore-mine"
    assert {path.suffix for path in folder.iterdir()} == {".png", ".json"}
    assert json.loads((folder / "report.json").read_text())["command"].startswith("keras-ssl explore mine")
    again = run("explore", str(mine / "model.keras"), "--no-labels", "--images", "30", "--out", "other")
    assert again.exit_code == 0 and "NMI" not in again.stdout and (tmp_path / "other" / "tsne.png").exists()


def test_compare_prints_a_table(run, mine, monkeypatch, tmp_path):
    rows = {way: {"accuracy": value, "labels": 250, "seconds": 30.2} for way, value in
            (("scratch", 0.41), ("linear probe", 0.55), ("fine-tuned", 0.613))}  # fmt: skip
    report = {"metric": "accuracy", "gain": 0.203, "results": rows, "test_images": 1000, "dataset": "cifar10_sample"}
    asked = {}

    def compare(encoder, dataset, **settings):
        asked.update(settings, encoder=encoder, dataset=dataset)
        return None, report

    monkeypatch.setattr(transfer, "compare", compare)
    result = run("finetune", "mine", "--labels", "0.1", "--compare", "--folder", tmp_path, "--labels-file", "x.csv")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["scratch", "41.0%", "250", "30"] in lines and ["fine-tuned", "61.3%", "250", "30"] in lines
    assert "+20.3 points" in result.stdout
    assert (asked["encoder"], asked["dataset"], asked["labels"]) == ("mine", tmp_path, "0.1")
    assert asked["labels_file"] == str(tmp_path / "x.csv")
    for row in rows.values():
        row["interval"] = 0.012
    report |= {"gain_interval": 0.01, "seeds": [0, 1, 2], "gain_unlabelled": 0.02, "gain_unlabelled_interval": 0.004}
    result = run("finetune", "mine", "--labels", "0.1", "--compare", "--mode", "pseudo-label", "--seeds", "3")
    assert "61.3% ± 1.2" in result.stdout and asked["mode"] == "pseudo-label" and asked["seeds"] == 3
    last = " ".join(result.stdout.split())
    assert "Fine-tuned over scratch: +20.3 ± 1.0 points; fine-tuned over fine-tuned: +2.0 ± 0.4 points" in last
    assert "± 95 % over 3 seeds" in last


def test_show_draws_the_sample_and_given_pictures(run, mine, tmp_path):
    assert run("show", "mine", "--out", "sample.png").exit_code == 0
    for i, size in enumerate([(40, 48), (64, 40)]):
        Image.fromarray(np.full((*size, 3), 90 * i, "uint8")).save(tmp_path / f"{i}.png")
    result = run("show", "mine", "0.png", "1.png", "--out", "own.png")
    assert result.exit_code == 0, result.output
    for name in ("sample.png", "own.png"):
        assert Image.open(tmp_path / name).size[0] > 100
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert "broken.png isn't a readable picture" in said(run("show", "mine", "broken.png", "--out", "none.png"))
    assert not [path for path in tmp_path.iterdir() if "none.png" in path.name]


def test_pretrain_hands_everything_on(run, monkeypatch, tmp_path):
    asked = {}
    monkeypatch.setattr(training, "pretrain", lambda recipe, **given: asked.update(given, recipe=recipe))
    result = run(
        "pretrain", "rotation", "--folder", tmp_path, "--epochs", 3, "--batch-size", 8, "--learning-rate", 0.1,
        "--size", 64, "--set", "warmup=0.5",
        "--set", "flips=False", "--set", "shortcut=None", "--set", "encoder_options={\"widths\": [4, 4, 4]}",
        "--set", "colour=grey",
        "--name", "own", "--seed", 7,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    recipe = asked["recipe"]
    assert (
        recipe.warmup == 0.5
        and recipe.encoder_options == {"widths": [4, 4, 4]}
        and recipe.options == {"colour": "grey", "flips": False, "shortcut": None}
    )
    want = {
        "dataset": tmp_path,
        "epochs": 3,
        "batch_size": 8,
        "learning_rate": 0.1,
        "size": 64,
        "name": "own",
        "seed": 7,
    }
    assert {key: asked[key] for key in want} == want
    assert asked["out"] == pathlib.Path("runs/rotation") and asked["resume"] is False


def test_ctrl_c_says_how_to_go_on(run, monkeypatch, tmp_path):
    def stop(recipe, **given):
        (tmp_path / "my run").mkdir()
        (tmp_path / "my run" / "run.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "pretrain", stop)
    result = run("pretrain", "rotation", "--out", "my run")
    assert result.exit_code == 130
    assert result.stderr == "keras-ssl: stopped; go on with: keras-ssl pretrain rotation --out 'my run' --resume\n"
    monkeypatch.setattr(transfer, "finetune", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
    result = run("finetune", "rotation")
    assert result.exit_code == 130 and result.stderr == "keras-ssl: stopped; run the same command again\n"
    (tmp_path / "tuned.partial").mkdir()
    (tmp_path / "tuned.partial" / "run.json").write_text("{}")
    result = run("finetune", "rotation", "--out", "tuned")
    assert result.stderr == "keras-ssl: stopped; go on with: keras-ssl finetune rotation --out tuned --resume\n"


def test_a_full_disk_is_one_line_and_loses_nothing(run, mine, monkeypatch, tmp_path):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as once:
        once.setattr("keras_ssl.pictures.curves", full)
        result = run("finetune", "mine", "--labels", 20, "--epochs", 1)
    assert "No space left on device" in said(result)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["finetune-mine-20.partial"]
    assert run("finetune", "mine", "--labels", 20, "--epochs", 1, "--resume").exit_code == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["finetune-mine-20"]


@pytest.mark.parametrize(
    "words, message",
    [
        (["info", "rotatoin"], "unknown zoo entry 'rotatoin'"),
        (["pretrain", "rotatoin"], "unknown recipe 'rotatoin'; did you mean rotation?"),
        (["pretrain", "rotation", "--set", "warmup"], "--set takes KEY=VALUE"),
        (["pretrain", "rotation", "--set", "turn=4"], "unknown option of rotation 'turn'"),
        (
            ["pretrain", "rotation", "--dataset", "cifar10", "--folder", "x"],
            "one of --dataset, --folder and --text-file",
        ),
        (["pretrain", "rotation", "--folder", "no/such/folder"], "no/such/folder"),
        (["finetune", "nobody"], "unknown zoo entry 'nobody'"),
        (["finetune", "missing.keras"], "there is no model file missing.keras"),
        (["finetune", "mine", "--labels", "many"], "isn't a number of labels"),
        (["finetune", "mine", "--labels", "5"], "fewer than the 10 classes"),
        (["finetune", "mine", "--mode", "ful"], "unknown mode 'ful'; did you mean full?"),
        (["finetune", "mine", "--strategy", "mirorred"], "unknown strategy 'mirorred'; did you mean mirrored?"),
        (["finetune", "mine", "--task", "multilabel"], "can't be used for multilabel"),
        (["finetune", "mine", "--task", "segmentation", "--dataset", "cifar10_sample"], "masks are whole numbers"),
        (["finetune", "mine", "--task", "segmentation", "--set", "up=nails"], "unknown way up 'nails'"),
        (["finetune", "mine", "--set", "labels=3"], "give --labels"),
        (["finetune", "mine", "--resume", "--compare"], "leave out --compare"),
        (["finetune", "mine", "--resume"], "runs/finetune-mine-all.partial holds no interrupted run"),
        (["finetune", "mine", "--mode", "pseudo-labels"], "unknown mode 'pseudo-labels'; did you mean pseudo-label?"),
        (["finetune", "mine", "--mode", "pseudo-label"], "no image is unlabelled"),
        (["finetune", "mine", "--mode", "discriminative", "--depth-factor", "2"], "depth_factor is more than 0"),
        (["explore", "nobody"], "unknown zoo entry 'nobody'"),
        (["explore", "mine", "--dataset", "cifar10", "--folder", "x"], "--dataset or --folder, not both"),
        (["explore", "mine", "--no-labels", "--labels-file", "x.csv"], "--labels-file or --no-labels, not both"),
        (["explore", "mine", "--block", "blok1"], "unknown block 'blok1'"),
        (["explore", "mine", "--clusters", "1"], "clusters is 2 or more"),
    ],
)
def test_wrong_words_are_one_line_and_leave_nothing(words, message, run, mine, tmp_path):
    assert message in said(run(*words))
    assert list(tmp_path.iterdir()) == []


def test_typer_refuses_with_the_same_code(run):
    assert run("finetune").exit_code == 2
    assert run("finetune", "rotation", "--epochs", "0").exit_code == 2
    assert run("tune").exit_code == 2
