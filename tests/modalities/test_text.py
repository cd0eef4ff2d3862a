import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssl import architectures, data, modalities, recipes, training
from keras_ssl.errors import InputError
from keras_ssl.layers.vocabulary import Lexicon
from keras_ssl.modalities import text

TEXTS = ["the king ruled the land", "the fish , the rice"] * 8


def test_the_frequent_words_are_known():
    row = recipes.get("masked_lm")
    stream = data.open(TEXTS).stream("train", labels=False)
    lexicon, often = text.frequent(stream, row.replace(least=9), "mine")
    count = data.open(TEXTS).count("train")
    assert tuple(lexicon) == ("the",) and often[:3].tolist() == [0, 0, 0] and often[3] == 2 * count
    lexicon, often = text.frequent(stream, row.replace(words=2), "mine")
    assert len(lexicon) == 2 and lexicon[0] == "the" and often[3] > often[4]
    with pytest.raises(InputError, match="mine has no word that occurs 99 times"):
        text.frequent(stream, row.replace(least=99), "mine")


def test_an_encoder_of_ones_own_keeps_its_words(tmp_path, own_zoo):
    """Ids of another vocabulary would mean other words to it."""
    own = Lexicon(["zebra", "rice", "the", "king"])
    encoder = architectures.build("text_transformer", own, width=8, depth=1, heads=2, window=16)
    encoder.save(tmp_path / "mine.keras")
    row = recipes.get("masked_lm").replace(window=16)
    prepared = modalities.of(row.method).prepare(data.open(TEXTS), row, tmp_path / "mine.keras")
    assert prepared.known == own and prepared.counts[3] == 0 and prepared.counts[5] > prepared.counts[6] > 0
    model, _ = training.pretrain(
        row, dataset=TEXTS, encoder=tmp_path / "mine.keras", out=tmp_path / "run", epochs=1, batch_size=2, verbose=0
    )
    assert model.words().words == list(own)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model.words()(tf.constant(["rice king"]))), [[4, 6]])
