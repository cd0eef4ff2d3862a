"""Encoders of sounds, fine-tuned on tones whose pitch is their class."""

import numpy as np
import pytest

from keras_ssl import data, zoo
from keras_ssl.architectures.spectrogram import spectrogram_net
from keras_ssl.errors import InputError
from keras_ssl.transfer import finetune
from keras_ssl.transfer.sounds import LONGEST, filled

PITCHES = {"high": 1400, "low": 350}


def tones(count, seed):
    """Tones of one or the other pitch with noise, of different lengths and loudness."""
    draw = np.random.default_rng(seed)
    names = draw.choice(sorted(PITCHES), count)
    waveforms = []
    for name in names:
        time = np.arange(draw.integers(900, 3000)) / 8000
        tone = np.sin(2 * np.pi * (PITCHES[name] * time + draw.uniform())) + 0.3 * draw.normal(size=len(time))
        waveforms.append((draw.uniform(0.05, 0.5) * tone).astype("float32"))
    return waveforms, names


@pytest.fixture(scope="module")
def dataset():
    return data.open({"train": tones(40, 0), "test": tones(30, 1)})


def small(shape):
    return spectrogram_net(shape, widths=(4, 6, 8, 8))


def test_sounds_become_as_long_as_the_longest_by_repetition():
    sounds = data.open({"train": ([np.array([1, 2, 3]) / 8, np.array([1, 2, 3, 4, 5]) / 8], ["a", "b"])})
    plain = filled(sounds, None, "")
    assert plain.count() == 2
    rows = list(plain.stream().as_numpy_iterator())
    np.testing.assert_array_equal(rows[0][0] * 8, [1, 2, 3, 1, 2])
    np.testing.assert_array_equal(rows[1][0] * 8, [1, 2, 3, 4, 5])
    assert [label for _, label in rows] == [0, 1]
    moved, seen = filled(sounds, None, "shift"), set()
    for seed in range(20):
        for waveform, label in moved.stream(shuffle=seed).as_numpy_iterator():
            turned = (waveform * 8).astype(int).tolist()
            period = [3, 5][label]
            begin = turned[0]
            assert turned == [(begin - 1 + i) % period + 1 for i in range(5)]
            seen.add((label, begin))
    assert len(seen) == 8
    one, again = ([x.tolist() for x, _ in moved.stream(shuffle=3).as_numpy_iterator()] for _ in range(2))
    assert one == again
    long = data.open({"train": ([np.zeros(LONGEST * 8000 + 5) + 0.1, np.ones(3) / 2], ["a", "b"])})
    assert len(next(iter(filled(long, None, "").stream()))[0]) == LONGEST * 8000
    with pytest.raises(InputError, match="unknown augmentation of sounds 'flip'"):
        filled(sounds, None, "flip")


def test_an_encoder_learns_pitches_and_takes_sounds_of_any_length(dataset, tmp_path):
    model, report = finetune(
        small, dataset, epochs=12, learning_rate=0.01, batch_size=8, out=tmp_path / "run", verbose=0
    )
    assert report["accuracy"] > 0.9 and report["augment"] == "shift"
    time = np.arange(5000) / 8000
    high = 0.2 * np.sin(2 * np.pi * PITCHES["high"] * time).astype("float32")
    assert model.classify(high)[0][0] == "high"
    alone = [model.predict(each) for each in (high, high[:1500])]
    np.testing.assert_allclose(model.predict([high, high[:1500]]), alone, atol=1e-5)
    np.testing.assert_allclose(zoo.load(tmp_path / "run" / "model.keras").predict(high), alone[0], atol=1e-5)


@pytest.mark.parametrize("mode", ["probe", "gradual", "discriminative"])
def test_the_other_modes(dataset, mode):
    _, report = finetune(small, dataset, epochs=2, mode=mode, batch_size=8, verbose=0)
    assert np.isfinite(report["history"]["loss"]).all() and report["mode"] == mode
