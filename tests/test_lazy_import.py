import json

import pytest

import keras_ssl

LOOK = """
import json, sys, time
began = time.process_time()
import keras_ssl
names = keras_ssl.zoo.names()
infos = [keras_ssl.zoo.info(name)["name"] for name in names]
seconds = time.process_time() - began
heavy = sorted({m.split(".")[0] for m in sys.modules} & {"tensorflow", "keras", "numpy", "matplotlib", "sklearn"})
print(json.dumps([names, infos, heavy, seconds]))
"""


def test_looking_at_the_zoo_needs_no_tensorflow(fresh):
    names, infos, heavy, seconds = json.loads(fresh(LOOK))
    assert names == infos == keras_ssl.zoo.names()
    assert heavy == []
    assert seconds < 2  # a fifth of a second; half a second is promised, a busy machine takes longer


def test_every_public_name_is_there():
    for name in keras_ssl.__all__:
        assert getattr(keras_ssl, name) is not None
    assert dir(keras_ssl) == sorted(keras_ssl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'zooo'"):
        keras_ssl.zooo  # noqa: B018
