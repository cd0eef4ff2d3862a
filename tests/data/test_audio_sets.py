import wave

import numpy as np
import pytest

from keras_ssl import data
from keras_ssl.data import audio_files, speakers
from keras_ssl.errors import InputError


def tone(rate=8000, seconds=0.5, hertz=440.0):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype("float32")


def write(path, samples, rate=8000):
    """A 16-bit wav by the standard library alone; samples (T,) or (T, channels)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if np.ndim(samples) == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(np.asarray(samples) * 32767).astype("<i2").tobytes())
    return path


def test_arrays_and_lists_of_waveforms():
    waveforms = [tone(seconds=0.1), tone(seconds=0.3), (32767 * tone(seconds=0.2)).astype("int16")]
    opened = data.open({"train": (waveforms, ["a", "b", "a"]), "test": (waveforms[:1], ["b"])})
    assert (opened.kind, opened.shape, opened.rate, opened.task) == ("audio", (None,), 8000, "classification")
    found, labels = opened.arrays("train")
    assert [len(each) for each in found] == [800, 2400, 1600] and labels.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(found[1], waveforms[1])
    np.testing.assert_allclose(found[2], tone(seconds=0.2), atol=1e-4)
    order = [len(x) for x in opened.stream("train", labels=False, shuffle=1).as_numpy_iterator()]
    assert sorted(order) == [800, 1600, 2400]
    assert [len(x) for x, y in opened.stream("train", keep=[2]).as_numpy_iterator()] == [1600]
    assert data.open(np.stack([tone(), tone()]), rate=16000).rate == 16000


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([tone(), np.zeros(0, "float32")], "example 1 of split 'train' has no samples"),
        ([tone() * 20000], "in -1..1, example 0 of split 'train' reaches"),
        ([np.full(9, np.nan)], "in -1..1"),
        (np.zeros((2, 9), "int8"), "of type int8"),
    ],
)
def test_refuses_waveforms(source, message):
    with pytest.raises(InputError, match=message):
        data.open(source)


def test_refuses_sizes_and_rates():
    with pytest.raises(InputError, match="size is for images"):
        data.open([tone()], size=32)
    with pytest.raises(InputError, match="sampling rate"):
        data.open([tone()], rate=0)


def test_folder_with_classes_and_bad_files(tmp_path):
    for name in ("low/a", "low/b", "high/a", "high/b", "high/c"):
        write(tmp_path / f"{name}.wav", tone(hertz=200 if "low" in name else 2000))
    whole = (tmp_path / "low/a.wav").read_bytes()
    (tmp_path / "low/cut.wav").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "low/empty.wav").write_bytes(b"")
    write(tmp_path / "high/none.wav", np.zeros(0))
    with pytest.warns(UserWarning, match="3 of 8 audio files of .* can't be read"):
        opened = data.open(tmp_path)
    assert (opened.kind, opened.classes, opened.rate) == ("audio", ["high", "low"], 8000)
    assert opened.count("train") + opened.count("test") == 5
    reasons = dict(opened.skipped)
    assert "truncated" in reasons["low/cut.wav"] and "no samples" in reasons["high/none.wav"]
    assert "isn't a sound file" in reasons["low/empty.wav"]


def test_folder_of_other_rates_channels_and_lengths(tmp_path):
    high = tone(44100)
    write(tmp_path / "stereo.wav", np.stack([high, np.zeros_like(high)], axis=1), 44100)
    write(tmp_path / "short.wav", tone(seconds=0.1))
    write(tmp_path / "silence.wav", np.zeros(4000))
    opened = data.open(tmp_path)
    lengths = {}
    for split in ("train", "test"):
        lengths |= {len(each): each for each in opened.arrays(split)[0]} if split in opened.stored else {}
    assert sorted(len(x) for split in opened.stored for x in opened.arrays(split)[0]) == [800, 4000, 4000]
    stereo, rate = audio_files.read_raw(tmp_path / "stereo.wav")
    assert rate == 44100
    np.testing.assert_allclose(stereo, high / 2, atol=1e-4)
    # The same tone sampled at 8,000 Hz, but for the ends, where the resampling filter sees nothing.
    np.testing.assert_allclose(audio_files.read(tmp_path / "stereo.wav")[100:-100], tone()[100:-100] / 2, atol=2e-3)
    assert data.open(tmp_path, rate=16000).rate == 16000


def test_flac(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "a.flac", tone(16000), 16000)
    assert len(audio_files.read(tmp_path / "a.flac")) == 4000


def test_what_is_written_is_read_again(tmp_path):
    audio_files.write(tmp_path / "a.wav", np.append(tone(11025), [2, -2]), 11025)
    samples, rate = audio_files.read_raw(tmp_path / "a.wav")
    assert rate == 11025
    np.testing.assert_allclose(samples, np.append(tone(11025), [1, -1]), atol=1e-4)


def test_without_soundfile_one_line_says_what_to_install(tmp_path, monkeypatch):
    write(tmp_path / "a.wav", tone())
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(InputError, match=r"pip install 'keras_ssl\[audio\]'"):
        data.open(tmp_path)


def test_bundled_sample_holds_one_speaker_out():
    opened = data.open("spoken_digit_sample")
    assert (opened.kind, opened.rate, opened.licence) == ("audio", 8000, "CC BY-SA 4.0")
    assert [opened.count(split) for split in ("train", "test", "fit", "validation")] == [120, 30, 90, 30]
    assert opened.classes == list("0123456789")
    for split in ("train", "test", "fit", "validation"):
        counts = np.bincount(opened.labels(split))
        assert len(counts) == 10 and len(set(counts)) == 1
    assert len(data.open("spoken_digit_sample", rate=16000).arrays("test", limit=1)[0][0]) == 2 * len(
        opened.arrays("test", limit=1)[0][0]
    )


def test_speakers_are_parted():
    waveforms = [np.full(10, i / 100, "float32") for i in range(8)]
    opened = data.open((waveforms, [0, 1] * 4))
    names = speakers.of_recordings(
        [f"{i}_{name}_0.wav" for i, name in enumerate(["ann", "bob", "ann", "cem", "bob", "bob", "cem", "ann"])]
    )
    parted = speakers.by_speaker(opened, names, {"test": "bob", "validation": "cem"})

    def held(dataset, split):
        return [round(100 * x[0]) for x in dataset.arrays(split)[0]]

    assert {split: held(parted, split) for split in parted.splits} == {
        "train": [0, 2, 3, 6, 7], "test": [1, 4, 5], "fit": [0, 2, 7], "validation": [3, 6],
    }  # fmt: skip
    choosing = parted.for_choosing()
    assert held(choosing, "train") == [0, 2, 7] and held(choosing, "test") == [3, 6]
    assert parted.labels("test").tolist() == [1, 0, 1]
