"""keras_ssl: self-supervised learning for Keras 3, with a zoo of pretrained models.

    import keras_ssl
    model = keras_ssl.zoo.load("colorizer")      # pretrained, offline, ready to predict
    encoder = keras_ssl.zoo.encoder("rotation")  # ready for a head of your own

Sub-modules are imported at first use, so that `import keras_ssl` and `keras_ssl.zoo.names()` don't pay for TensorFlow.
"""

import importlib

__version__ = "0.1.0"

_MODULES = (
    "architectures", "colour", "data", "distribution", "energies", "errors", "evaluation", "frechet", "layers",
    "losses", "methods", "models", "pictures", "recipes", "saving", "training", "transfer", "views", "zoo",
)  # fmt: skip
_FUNCTIONS = {"energy": "energies"}
__all__ = ["__version__", *_FUNCTIONS, *_MODULES]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"keras_ssl.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"keras_ssl.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'keras_ssl' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
