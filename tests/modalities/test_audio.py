import wave

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from keras_ssl import architectures, data, evaluation, modalities, recipes, training, transfer, zoo
from keras_ssl.cli import app
from keras_ssl.data import audio_files
from keras_ssl.errors import InputError
from keras_ssl.methods.audio import restoration
from keras_ssl.modalities import audio

ROW = recipes.get("audio_restoration").replace(
    dataset="spoken_digit_sample", encoder_options={"widths": [4, 4, 4, 4]}, window=2048
)


def test_windows_hold_all_samples_and_move_by_the_seed():
    windows = audio.Windows([np.arange(7, dtype="float32"), np.arange(7, 13, dtype="float32")], 3)
    assert windows.count() == 4
    found = np.stack(list(windows.stream("train").as_numpy_iterator()))
    np.testing.assert_array_equal(found.ravel(), np.arange(12))
    drawn = [np.stack(list(windows.stream("train", shuffle=seed).as_numpy_iterator())) for seed in (1, 1, 2, 3, 4)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len({tuple(sorted(each[:, 0])) for each in drawn}) > 1, "the cuts move"
    for each in drawn:
        assert ((np.diff(each, axis=1) == 1) | (each[:, 1:] == 0)).all(), "one sample after the other"


def test_a_window_longer_than_everything_is_filled_by_repeating():
    windows = audio.Windows([np.arange(5, dtype="float32")], 8)
    assert windows.count() == 1
    np.testing.assert_array_equal(next(iter(windows.stream("train"))), [0, 1, 2, 3, 4, 0, 1, 2])


def test_other_kinds_are_refused():
    with pytest.raises(InputError, match=r"mnist_sample holds images, audio.restoration learns from sounds"):
        audio.open(ROW, "mnist_sample")
    with pytest.raises(InputError, match=r"waveforms holds sounds, image.rotation learns from images"):
        modalities.of("image").open(recipes.get("rotation"), np.zeros((3, 900)))
    encoder = architectures.encoder_of(training.build(ROW, (None,)))
    assert modalities.of_encoder(encoder) is audio and audio.opening(encoder) == {"rate": 8000}
    with pytest.raises(InputError, match="size is for images"):
        data.open("spoken_digit_sample", **audio.opening(encoder, size=32))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A zoo with an untrained entry "mender"."""
    folder = tmp_path_factory.mktemp("zoo_of_sounds")
    dataset = data.open("spoken_digit_sample")
    zoo.save(training.build(ROW, (None,)), "mender", recipe=ROW, dataset=dataset, folder=folder)
    return folder


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    """Runs the command in an empty folder, and gives its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_SSL_ZOO", str(made))
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_show_writes_a_wav_of_the_rate_and_length_that_came(run, tmp_path):
    stereo = np.rint(9000 * np.random.default_rng(0).normal(size=(44_101, 2)).clip(-3, 3)).astype("<i2")
    with wave.open(str(tmp_path / "in.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(stereo.tobytes())
    result = run("show", "mender", "in.wav", "--out", "out.wav")
    assert result.exit_code == 0, result.output
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (44100, 44_101, 1)
    # Untrained, it keeps what lies below 4,000 Hz, and 8,000 samples a second hold no more.
    mono = stereo.mean(axis=1) / 32768
    right = audio_files.resample(audio_files.resample(mono, 44100, 8000), 8000, 44100)[:44_101]
    np.testing.assert_allclose(audio_files.read_raw(tmp_path / "out.wav")[0], right.clip(-1, 1), atol=2e-3)


def test_show_draws_spectrograms_of_the_sample_and_of_files(run, tmp_path):
    audio_files.write(tmp_path / "short.wav", np.zeros(800), 8000)
    for words, name in (((), "a.png"), (("short.wav",), "b.png")):
        result = run("show", "mender", *words, "--out", name)
        assert result.exit_code == 0, result.output
        assert Image.open(tmp_path / name).size[0] > 100
    assert run("show", "mender", "--out", "digits.wav").exit_code == 0
    assert audio_files.read_raw(tmp_path / "digits.wav")[1] == 8000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("short.wav",), "--out"),
        (("short.wav", "short.wav", "--out", "out.wav"), "one at a time"),
        (("cut.wav", "--out", "out.wav"), "cut.wav isn't a readable sound file (it is truncated"),
        (("none.wav", "--out", "out.png"), "none.wav isn't a readable sound file (No such file"),
        (("--size", "9", "--out", "out.png"), "size is for images"),
    ],
)
def test_show_says_in_one_line_what_is_wrong(run, tmp_path, words, message):
    audio_files.write(tmp_path / "short.wav", np.zeros(800), 8000)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "short.wav").read_bytes()[:900])
    result = run("show", "mender", *words)
    said = (result.output + getattr(result, "stderr", "")).strip()
    assert result.exit_code != 0 and message in " ".join(said.split()) and "Traceback" not in said
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_evaluation_of_an_entry(made, monkeypatch):
    monkeypatch.setenv("KERAS_SSL_ZOO", str(made))
    found = evaluation.evaluate("mender", sample=True)
    assert (found["data"], found["probed_on"], found["images"], found["kind"]) == (
        *["spoken_digit_sample"] * 2,
        30,
        "audio",
    )
    figures = found["figures"]
    assert figures["probe"].keys() == {"value", "random"} and 0 <= figures["knn"]["value"] <= 1
    assert {"label_probe", "label_probe_100", "noise_gain_db"} <= figures.keys()
    assert figures["label_probe"]["value"] == pytest.approx(figures["probe"]["value"], abs=1e-6), "one probe"


def test_encoders_are_probed_and_fine_tuned(made, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_SSL_ZOO", str(made))
    report = transfer.probe("mender", "spoken_digit_sample", labels=60, block="block2")
    assert report["labels"] == 60 and report["features"] == 3 * 16 * 4
    model, report = transfer.compare(
        "mender", "spoken_digit_sample", labels=60, epochs=1, verbose=0, learning_rate=1e-3
    )
    assert list(report["results"]) == ["log-mel energies", "scratch", "linear probe", "fine-tuned"]
    assert report["results"]["log-mel energies"]["accuracy"] > 0.3 and report["results"]["fine-tuned"]["labels"] == 60
    with pytest.raises(InputError, match="mode pseudo-label is for images and texts"):
        transfer.finetune("mender", "spoken_digit_sample", labels=60, mode="pseudo-label")
    with pytest.raises(InputError, match="takes sounds, not images"):
        transfer.finetune("mender", "mnist_sample", labels=60)


def test_rows_of_files_are_given_and_restored(tmp_path):
    audio_files.write(tmp_path / "a.wav", np.sin(np.arange(3000) / 5) / 2, 16000)
    model = training.build(ROW, (None,))
    rows = restoration.show(model, [str(tmp_path / "a.wav")])
    assert [title for title, *_ in rows] == ["given", "restored"] and len(rows[1][1][0]) == 3000
