"""From a pretrained encoder to a task with labels: frozen features, probes, fine-tuning, and fair comparisons.

keras_ssl.transfer.probe("rotation", "cifar10")["accuracy"]
model, report = keras_ssl.transfer.finetune("rotation", "cifar10_sample", labels=250)
model.classify("photo.png")
"""

from .clusters import kmeans
from .comparison import compare
from .encoders import blocks, open_encoder
from .exploring import explore
from .extraction import features
from .finetuning import finetune, pseudo_label
from .linear import probe
from .neighbours import knn
from .spreading import label_spreading

__all__ = [
    "blocks", "compare", "explore", "features", "finetune", "kmeans", "knn", "label_spreading", "open_encoder", "probe",
    "pseudo_label",
]  # fmt: skip
