import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_ssl import data

NAMES = [f"{digit}_{name}_0.wav" for name in ("george", "jackson", "nicolas") for digit in range(4)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with a set of spoken digits as TFDS prepares it, of three speakers, and one at 16,000 Hz."""
    folder = tmp_path_factory.mktemp("tfds")
    for name, rate in (("spoken_digit", 8000), ("other_speech", 16000)):
        features = {
            "audio": tfds.features.Audio(sample_rate=rate, shape=(None,)),
            "audio/filename": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=list("0123456789")),
        }
        examples = [
            {"audio": np.arange(100 + i, dtype="int64") * 100, "audio/filename": file, "label": int(file[0])}
            for i, file in enumerate(NAMES)
        ]
        place = folder / name / "1.0.9"
        place.mkdir(parents=True)
        features = tfds.features.FeaturesDict(features)
        with tf.io.TFRecordWriter(str(place / f"{name}-train.tfrecord-00000-of-00001")) as file:
            for example in examples:
                file.write(features.serialize_example(features.encode_example(example)))
        split = tfds.core.SplitInfo(name="train", shard_lengths=[len(examples)], num_bytes=0)
        tfds.folder_dataset.write_metadata(data_dir=place, features=features, split_infos=[split])
    return folder


def test_the_named_speaker_is_test(prepared):
    opened = data.open("spoken_digit", data_dir=prepared)
    assert (opened.kind, opened.rate, opened.task, opened.shape) == ("audio", 8000, "classification", (None,))
    assert [opened.count(split) for split in ("train", "test", "fit", "validation")] == [8, 4, 4, 4]
    waveforms, labels = opened.arrays("test")
    assert labels.tolist() == [0, 1, 2, 3] and [len(each) for each in waveforms] == [104, 105, 106, 107]
    np.testing.assert_allclose(waveforms[0], np.arange(104) / 327.68, rtol=1e-6)
    assert [len(x) for x in opened.arrays("validation")[0]] == [108, 109, 110, 111]


def test_other_rates_are_brought_to_one(prepared):
    opened = data.open("other_speech", data_dir=prepared)
    assert (opened.rate, opened.count("train"), len(opened.arrays("train")[0][0])) == (8000, 12, 50)
    assert len(data.open("other_speech", data_dir=prepared, rate=16000).arrays("train")[0][0]) == 100
    assert data.open("other_speech", data_dir=prepared, labels=False).task is None
