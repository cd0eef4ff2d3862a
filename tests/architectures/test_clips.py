import keras
import numpy as np
import pytest

from keras_ssl import architectures
from keras_ssl.architectures.clips import clip_decoder
from keras_ssl.errors import InputError


@pytest.mark.parametrize("side", [(16, 16), (30, 46)])
def test_frames_have_the_size_of_the_clip(side):
    encoder = architectures.build("clip_convnet", (5, None, None, 1), width=8, depth=1)
    clips = keras.ops.zeros((2, 5, *side, 1))
    assert encoder(clips).shape == (2, -(-side[0] // 4), -(-side[1] // 4), 8)
    decoder = clip_decoder("convolutional", encoder, 3, 1, width=8, depth=1)
    assert decoder([encoder(clips), clips]).shape == (2, 3, *side, 1)


def test_recurrent_networks_know_their_size():
    encoder = architectures.build("clip_recurrent", (4, 16, 16, 1), width=4)
    decoder = clip_decoder("recurrent", encoder, 3, 1, width=4)
    clips = keras.ops.zeros((2, 4, 16, 16, 1))
    assert decoder([encoder(clips), clips]).shape == (2, 3, 16, 16, 1)
    with pytest.raises(InputError, match="one size"):
        architectures.build("clip_recurrent", (4, None, None, 1))
    built = architectures.build_for("clip_recurrent", (4, None, None, 1), (9, 24, 16, 1), width=4)
    assert built.input_shape == (None, 4, 24, 16, 1)


def test_the_order_of_frames_counts():
    """A recurrent network's answer to a clip isn't that to the same frames backwards."""
    rng = np.random.default_rng(0)
    clip = rng.uniform(0, 255, (1, 4, 16, 16, 1)).astype("float32")
    for name in ("clip_convnet", "clip_recurrent"):
        encoder = architectures.build(name, (4, 16, 16, 1), width=4)
        assert np.abs(encoder(clip) - encoder(clip[:, ::-1])).max() > 1e-3


def test_what_gives_no_map_is_refused():
    clips = keras.Input((4, 16, 16, 1))
    flat = keras.Model(clips, keras.layers.Flatten()(clips), name="encoder")
    with pytest.raises(InputError, match="map"):
        clip_decoder("convolutional", flat, 2, 1)
    with pytest.raises(InputError, match="convolutional"):
        clip_decoder("convolution", architectures.build("clip_convnet", (4, 16, 16, 1), width=4), 2, 1)
