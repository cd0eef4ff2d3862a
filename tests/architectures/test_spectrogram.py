import keras
import numpy as np
import pytest

from keras_ssl import architectures
from keras_ssl.architectures.spectrogram import restorer
from keras_ssl.errors import InputError


def test_sequence_and_blocks_halve_time_and_frequencies():
    encoder = architectures.build("spectrogram_net", (None,), widths=(2, 3, 4, 5))
    waveforms = np.random.default_rng(0).normal(0, 0.1, (2, 64 * 64 - 192)).astype("float32")  # 64 frames
    assert encoder(waveforms).shape == (2, 8, 8 * 5)
    shapes = {}
    for name in ("stem", "block1", "block2", "block3"):
        shapes[name] = tuple(keras.Model(encoder.input, encoder.get_layer(name).output)(waveforms).shape[1:])
    assert shapes == {"stem": (64, 64, 2), "block1": (32, 32, 3), "block2": (16, 16, 4), "block3": (8, 8, 5)}


def test_loudness_makes_no_difference():
    encoder = architectures.build("spectrogram_net", (None,), widths=(2, 3, 4, 5))
    waveforms = np.random.default_rng(0).normal(0, 0.1, (1, 3000)).astype("float32")
    np.testing.assert_allclose(encoder(waveforms), encoder(waveforms / 20), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("choices", [{"window": 512}, {"hop": 100}])
def test_refuses_windows_that_dont_halve(choices):
    with pytest.raises(InputError, match="the window is of 256 samples, a multiple of the hop"):
        architectures.build("spectrogram_net", (None,), **choices)


def test_refuses_widths():
    with pytest.raises(InputError, match="takes 3 widths"):
        restorer(architectures.build("spectrogram_net", (None,), widths=(2, 2, 2, 2)), (4, 4))
