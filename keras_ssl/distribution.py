"""One device, several GPUs, or several machines, from the same command.

Each replica normalises its own share of the batch (ordinary batch norm), and layers that draw random numbers (Dropout)
draw the same ones on every replica; noise that must differ comes from the data pipeline. Losses that compare the images
of a batch (pair_losses.py) gather all replicas' embeddings, and so see the whole batch.
"""

import json
import os

from .errors import InputError, unknown

KINDS = ("auto", "one", "mirrored", "multiworker")


def strategy(kind="auto", replicas=None):
    """A tf.distribute strategy.

    kind: "auto": MirroredStrategy over every GPU where there are several, else the one device there is;
        "one": one device; "mirrored": MirroredStrategy over `replicas` GPUs (default: all), or over that many logical
        CPU devices where there is no GPU (to try things out: it isn't faster); "multiworker":
        MultiWorkerMirroredStrategy, its place taken from the environment variable TF_CONFIG.
    Ask for it before anything else runs on TensorFlow: devices can't be divided afterwards.

    Raises InputError for an unknown kind, too many replicas, or a TF_CONFIG that is missing or can't be read.
    """
    import tensorflow as tf

    if kind not in KINDS:
        raise unknown("strategy", kind, KINDS)
    if replicas is not None and replicas < 1:
        raise InputError(f"replicas must be 1 or more, got {replicas}")
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "multiworker":
        return _multiworker(tf)
    if kind == "one" or (kind == "auto" and (replicas or len(gpus)) <= 1):
        return tf.distribute.get_strategy()
    if gpus:
        if (replicas or 1) > len(gpus):
            raise InputError(f"{replicas} replicas asked for, but there are {len(gpus)} GPUs")
        return tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(replicas or len(gpus))])
    replicas = replicas or 2
    if len(tf.config.list_logical_devices("CPU")) < replicas:
        raise InputError(
            f"there is no GPU, and the CPU is already in use as one device: call "
            f"keras_ssl.distribution.divide_cpu({replicas}) before anything else runs"
        )
    # A second strategy in one process breaks the default collectives on logical CPU devices.
    return tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(replicas)], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def divide_cpu(replicas):
    """Where there is no GPU, make `replicas` logical devices of the CPU; before TensorFlow's first operation."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    except RuntimeError as error:
        raise InputError("the CPU can only be divided before TensorFlow's first operation") from error


def _multiworker(tf):
    try:
        config = json.loads(os.environ.get("TF_CONFIG", ""))
        config["cluster"]["worker"][config["task"]["index"]]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(
            'the strategy multiworker needs TF_CONFIG, such as {"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
            '"task": {"type": "worker", "index": 0}}'
        ) from error
    return tf.distribute.MultiWorkerMirroredStrategy()


def is_chief(strategy):
    """Whether this process writes files: two writers of one path would kill the run."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    chief = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (chief, 0)


def prepare(model, strategy):
    """Let Keras's `fit`, `evaluate` and `predict` run `model` under a strategy.

    Keras 3.15's trainer first runs a symbolic build inside the replicas, which several workers refuse, and reduces
    metrics by stacking, which refuses scalars that live on several workers. Our models are built already, and a metric
    of shape (1,) stacks. A model with a step of its own is spared the build everywhere: the step may call the network
    with other inputs than the batch's, which the build doesn't know.
    """
    import tensorflow as tf

    from .models import OwnStep

    several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    if several or isinstance(model, OwnStep):
        model._maybe_symbolic_build = lambda *args, **kwargs: None
    if not several:
        return
    for name in ("train_step", "test_step"):
        step = getattr(model, name)

        def with_shape(data, step=step):
            return {k: tf.reshape(v, (1,)) for k, v in step(data).items()}

        setattr(model, name, with_shape)
