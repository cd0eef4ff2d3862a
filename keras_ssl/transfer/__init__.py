"""From a pretrained encoder to a task with labels: frozen features, probes, fine-tuning, and fair comparisons.

keras_ssl.transfer.probe("rotation", "cifar10")["accuracy"]
model, report = keras_ssl.transfer.finetune("rotation", "cifar10_sample", labels=250)
model.classify("photo.png")
"""

from .clusters import kmeans
from .comparison import compare
from .encoders import blocks, open_encoder
from .extraction import features
from .linear import probe
from .neighbours import knn
from .tuning import finetune

__all__ = ["blocks", "compare", "features", "finetune", "kmeans", "knn", "open_encoder", "probe"]
