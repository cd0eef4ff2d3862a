"""Encoders of clips, fine-tuned to tell which way a square moves."""

import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import data
from keras_ssl.architectures.clips import clip_convnet
from keras_ssl.errors import InputError
from keras_ssl.transfer import finetune
from keras_ssl.transfer.subset import of_clips


def moving(count, seed):
    draw = np.random.default_rng(seed)
    clips, names = np.zeros((count, 4, 16, 16, 1), "uint8"), draw.choice(["left", "right"], count)
    for clip, name in zip(clips, names, strict=True):
        row, column = draw.integers(0, 12), draw.integers(4, 8)
        for i, frame in enumerate(clip):
            at = column + (i if name == "right" else -i)
            frame[row : row + 4, at : at + 4] = draw.integers(150, 256)
    return clips, names


def small(shape):
    return clip_convnet(shape, width=8, depth=1)


def test_an_encoder_learns_directions(tmp_path):
    dataset = data.open({"train": moving(64, 0), "test": moving(32, 1)})
    model, report = finetune(small, dataset, epochs=15, learning_rate=0.01, verbose=0, out=tmp_path / "run")
    assert report["accuracy"] > 0.9 and report["augment"] == "" and report["batch_size"] == 16
    clips, names = moving(1, 5)
    assert model.classify(clips[0])[0][0] == names[0]
    with pytest.raises(InputError, match="mode label-spreading is for images and texts"):
        finetune(small, dataset, mode="label-spreading")


def test_all_frames_of_a_clip_are_seen_alike():
    clips = tf.constant(np.random.default_rng(0).integers(0, 256, (8, 3, 6, 6, 2)), tf.uint8)
    found, labels = of_clips("flip")((clips, tf.range(8)), [1, 2])
    turned = 0
    for clip, seen in zip(clips.numpy(), found.numpy(), strict=True):
        mirrored = not np.array_equal(clip, seen)
        np.testing.assert_array_equal(seen, clip[:, :, ::-1] if mirrored else clip)
        turned += mirrored
    assert 0 < turned < 8 and labels.numpy().tolist() == list(range(8))
    with pytest.raises(InputError, match="not by"):
        of_clips("flip,colour")
