import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import exp1

from keras_ssl import architectures, data, losses, sound_baselines, transfer
from keras_ssl.errors import InputError
from keras_ssl.layers.sound_corruption import KINDS
from keras_ssl.methods.audio import restoration


def sounds(*lengths):
    random = np.random.default_rng(1)
    times = [np.arange(length) / 8000 for length in lengths]
    return [(0.3 * np.sin(2 * np.pi * 300 * t) + 0.05 * random.normal(size=len(t))).astype("float32") for t in times]


@pytest.fixture(scope="module")
def fresh_model():
    """Untrained: its mask is zero, so that it gives back what it gets."""
    return restoration.build(architectures.build("spectrogram_net", (None,), widths=(4, 4, 4, 4)))


@pytest.fixture(scope="module")
def model(fresh_model):
    """The same with a mask drawn at random."""
    copy = keras.models.clone_model(fresh_model)
    for weight in copy.weights:
        if "up_mask/kernel" in weight.path:
            weight.assign(0.05 * tf.random.stateless_normal(weight.shape, [1, 2]))
    return copy


def test_pretext_gives_the_clean_waveform_and_the_spoilt_one():
    waveforms = tf.stack(sounds(3000, 3000, 3000, 3000) * 8)
    spoilt, clean = restoration.pretext(waveforms, tf.constant([1, 2]), ["noise"])
    signs = np.sign(np.sum(clean * waveforms, axis=1))
    ends = np.array([1 + np.flatnonzero(each)[-1] for each in clean.numpy()])
    inside = np.arange(3000) < ends[:, None]
    own = clean - signs[:, None] * waveforms * inside  # hiss
    assert np.std(own, axis=1).max() < 0.11 * np.std(waveforms[0])
    assert set(signs) == {-1.0, 1.0} and 3000 * 6 / 7 <= ends.min() < 2800 and 2900 < ends.max() <= 3000
    assert not spoilt.numpy()[~inside].any()
    ratios = losses.snr(clean, spoilt).numpy()
    assert ratios.min() > -5.01 and ratios.max() < 15.01 and ratios.std() > 3


def test_recorders_hiss_stays():
    waveforms = tf.stack(sounds(3000) * 200)
    _, clean = restoration.pretext(waveforms, tf.constant([1, 2]))
    waveforms, clean = waveforms[:, :2500], clean[:, :2500]
    signs = np.sign(np.sum(clean * waveforms, axis=1, keepdims=True))
    levels = 10 * np.log10(np.var(waveforms[0]) / np.var(clean - signs * waveforms, axis=1))
    low, high = restoration.HISS
    assert low - 0.5 < levels.min() < low + 1.5 and high - 1.5 < levels.max() < high + 0.5


def test_offset_of_a_recording_stays(model):
    for waveform in sounds(3000, 800):
        moved = model.predict(waveform + 0.2)
        np.testing.assert_allclose(moved - 0.2, model.predict(waveform), atol=1e-5)
        together = model.predict([waveform + 0.2, sounds(4000)[0]])
        np.testing.assert_allclose(together[0, : len(waveform)], moved, atol=1e-5)


def test_training_begins_at_the_spoilt_waveform(fresh_model):
    for waveform in sounds(1, 63, 3001):
        np.testing.assert_allclose(fresh_model.predict(waveform), waveform, atol=1e-5)


def test_answers_dont_depend_on_the_others_of_a_batch(model):
    given = sounds(800, 3000, 3010, 9000)
    together = model.predict(given)
    assert together.shape == (4, 9000)
    for waveform, answer in zip(given, together, strict=True):
        assert np.abs(model.predict(waveform) - waveform).max() > 1e-3, "something is changed"
        np.testing.assert_allclose(model.predict(waveform), answer[: len(waveform)], atol=1e-5)
        assert not answer[len(waveform) :].any()


@pytest.mark.parametrize("rate", [8000, 44100, 11025, 6000])
def test_restore_keeps_rate_and_length(fresh_model, rate):
    t = np.arange(rate // 2 + 1) / rate
    waveform = np.sin(2 * np.pi * 440 * t) * np.hanning(len(t))
    restored = fresh_model.restore(waveform, rate)
    assert restored.shape == waveform.shape and restored.dtype == np.float32
    np.testing.assert_allclose(restored, waveform, atol=0.02)  # 440 Hz pass the resampling


def test_restore_of_int16_silence_lists_and_short_sounds(model):
    waveform = sounds(2000)[0]
    whole = np.rint(32768 * waveform).astype("int16")
    np.testing.assert_allclose(model.restore(whole), model.restore(whole / 32768), atol=1e-6)
    assert np.abs(model.restore(np.zeros(4000))).max() < 1e-3
    assert [len(each) for each in model.restore([waveform, waveform[:800], waveform[:1]])] == [2000, 800, 1]
    assert model.restore(np.stack([waveform, waveform])).shape == (2, 2000)


def test_long_recordings_in_pieces_are_as_in_one(fresh_model, monkeypatch):
    waveform = sounds(30_001)[0]
    monkeypatch.setattr(restoration, "PIECE", 2)
    np.testing.assert_allclose(fresh_model.restore(waveform), waveform, atol=1e-5)


def test_energy_is_the_share_that_is_changed(model, fresh_model):
    given = sounds(2000, 3000)
    found = model.energy(given)
    for waveform, energy in zip(given, found, strict=True):
        changed = waveform - model.predict(waveform)
        assert energy == pytest.approx((changed**2).sum() / (waveform**2).sum(), rel=1e-4)
    assert fresh_model.energy(given[0]) < 1e-9 and model.energy(np.zeros(900)) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4000, 2)), "average the channels"),
        (np.zeros(0), "none|no samples"),
        ([], "none"),
        (["a"], "type"),
        (np.full(99, 3000.0), "divided by 32768"),
        ("missing.wav", "missing.wav isn't a readable sound file"),
    ],
)
def test_refuses_what_isnt_a_waveform(model, given, message):
    with pytest.raises(InputError, match=message):
        model.restore(given)


def test_refuses_rates_and_encoders(model):
    with pytest.raises(InputError, match="sampling rate"):
        model.restore(np.zeros(9), 0)
    with pytest.raises(InputError, match="gives a sequence"):
        waveforms = keras.Input((None,))
        restoration.build(keras.Model(waveforms, keras.ops.mean(waveforms, axis=1, keepdims=True), name="encoder"))
    with pytest.raises(InputError, match="spectrogram_net is an encoder of sounds, not of images"):
        architectures.build("spectrogram_net", (None, None, 3))


def test_encoder_gives_sequences_vectors_and_features(model):
    encoder, given = architectures.encoder_of(model), sounds(2000, 5000)
    frames = [-(-(n + 192) // 64) for n in (2000, 5000)]
    assert encoder.predict(given).shape == (2, -(-frames[1] // 8), 8 * 4)
    found = transfer.features(encoder, given)
    sequence = encoder.predict(given[1])
    assert found.shape == (2, 3 * 32)
    np.testing.assert_allclose(found[1].reshape(3, 32).mean(), sequence.mean(), rtol=0.1)
    assert transfer.features(encoder, given, block="block1", grid=2).shape == (2, 2 * 32 * 4)


def test_snr_and_losses_by_their_formulas():
    clean, found = tf.constant([[3.0, 4.0]]), tf.constant([[3.0, 3.5]])
    assert float(losses.snr(clean, found)[0]) == pytest.approx(20, abs=1e-3)  # 25 over 0.25
    assert float(losses.SignalToNoise()(clean, found)) == pytest.approx(-20, abs=1e-3)
    limited = losses.SignalToNoise.from_config(losses.SignalToNoise(most=20).get_config())
    assert float(limited(clean, found)) == pytest.approx(-20 + 10 * np.log10(2), abs=1e-3)  # 25 over 0.25 + 0.25
    assert float(limited(clean, clean)) == pytest.approx(-20, abs=1e-3)
    waveforms = tf.stack(sounds(4000, 4000))
    assert float(losses.SpectralDistance()(waveforms, waveforms)) == pytest.approx(-60, abs=0.1)
    # All of it lost: 0 dB, and each size wrong by the whole of itself.
    assert float(losses.SpectralDistance()(waveforms, 0 * waveforms)) == pytest.approx(10, abs=0.01)


def test_baselines_on_hand_made_sounds():
    t = np.arange(4000) / 8000
    clean = np.sin(2 * np.pi * 200 * t) / 2
    lost = clean.copy()
    lost[1000:1004] = 0
    assert np.abs(sound_baselines.spline(clean, lost) - clean).max() < 1e-3
    assert np.abs(sound_baselines.line(clean, lost) - clean).max() < 0.02
    noisy = clean + np.random.default_rng(0).normal(0, np.sqrt((clean**2).mean()), 4000)
    before, after = (((found - clean) ** 2).mean() for found in (noisy, sound_baselines.wiener(clean, noisy)))
    # In a bin of noise alone |X|^2 / noise is exponential: (1 - 1/e)^2 e leaves E1(1) of it. The tone takes few.
    assert after / before == pytest.approx(exp1(1), rel=0.2)
    low, high = (
        sound_baselines.log_mel(np.sin(2 * np.pi * f * t).astype("float32")).reshape(3, 40) for f in (300, 3000)
    )
    assert (low.argmax(axis=1) < 12).all() and (high.argmax(axis=1) > 28).all()


def test_measure_of_what_changes_nothing_is_zero(fresh_model):
    opened = data.open({"train": (sounds(*range(1500, 1520)), [0, 1] * 10), "test": (sounds(1600, 1700), [0, 1])})
    figures = restoration.measure(fresh_model, opened)
    assert figures.keys() == {f"{kind}_gain_db" for kind in KINDS} | {"label_probe"}
    for kind in KINDS:
        assert figures[f"{kind}_gain_db"]["value"] == pytest.approx(0, abs=1e-2)
    assert figures["noise_gain_db"]["wiener"] > 3
    assert {"value", "log_mel", "chance"} == figures["label_probe"].keys()
