"""Pretraining: a recipe and examples without labels -> a model, its history, a zoo entry."""

import json
import pathlib
import shutil

import keras
import tensorflow as tf

from . import architectures, checkpoints, data, distribution, methods, modalities, pictures, recipes, saving, zoo
from .checkpoints import read_history
from .errors import InputError, unknown
from .progress import Progress, StopOnNaN, WarnOfCollapse


def epochs_of_batches(dataset, pretext, *, batch_size, epochs, seed=0, start=0, split="train", labels=False, times=1):
    """(tf.data.Dataset of pretext batches over all epochs from `start`, batches an epoch).

    times: the batches of an epoch are a multiple of it, if there are as many.
    What an epoch holds is a function of (seed, epoch) alone: a resumed run sees what an uninterrupted one would.
    """
    batch_size = min(batch_size, dataset.count(split))
    steps = dataset.count(split) // batch_size
    steps -= steps % min(times, steps)

    def epoch_data(epoch):
        stream = dataset.stream(split, labels=labels, shuffle=epoch + seed * 100_003)
        epoch_seed = tf.random.experimental.stateless_fold_in(tf.constant([seed, 0]), epoch)

        def pseudo_label(step, *batch):
            batch = batch if len(batch) > 1 else batch[0]
            return pretext(batch, tf.random.experimental.stateless_fold_in(epoch_seed, step))

        batches = stream.batch(batch_size, drop_remainder=True).take(steps)
        numbered = tf.data.Dataset.zip((tf.data.Dataset.range(steps), batches))
        flat = numbered.map(lambda i, b: (i, *b) if isinstance(b, tuple) else (i, b))
        return flat.map(pseudo_label, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    batches = tf.data.Dataset.range(start, epochs).flat_map(epoch_data)
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps * (epochs - start)))
    # Several workers each take their share of every batch, and not of the files: all see the same batches as one would.
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.prefetch(2).with_options(options), steps


def make_optimizer(recipe, steps):
    """The recipe's optimizer with its learning-rate schedule over `steps` steps in all."""
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        warmup = int(recipe.warmup * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 10 if warmup else rate,
            max(1, steps - warmup),
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    elif recipe.schedule == "linear":
        rate = keras.optimizers.schedules.PolynomialDecay(rate, max(1, steps), end_learning_rate=rate / 250)
    elif recipe.schedule != "constant":
        raise InputError(f'schedule is "cosine", "linear" or "constant", got {recipe.schedule!r}')
    if recipe.optimizer == "sgd":
        momentum = recipe.momentum
        return keras.optimizers.SGD(
            rate, momentum=momentum, nesterov=momentum > 0, weight_decay=recipe.weight_decay or None
        )
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(
            rate, weight_decay=recipe.weight_decay or None, beta_1=recipe.beta_1, beta_2=recipe.beta_2
        )
    raise InputError(f'optimizer is "sgd" or "adam", got {recipe.optimizer!r}')


def followed(metrics):
    """Metrics as Keras's objects: of names and functions it makes them in the first step, and then traces it twice.

    metrics: functions of (y_true, y_pred), or "accuracy": of class numbers and logits.
    """
    return [
        keras.metrics.SparseCategoricalAccuracy(each)
        if each == "accuracy"
        else keras.metrics.MeanMetricWrapper(each, name=each.__name__)
        for each in metrics
    ]


def build(recipe, known, encoder=None, legend=None):
    """The recipe's untrained model.

    legend: of labelled data, {class: its colour (red, green, blue) or None}; None for what the method takes by itself.
    known: what it is built for: the shape (H, W, C) of images, the words of texts. encoder: another than the recipe's,
    as for architectures.build.
    """
    method = methods.get(recipe.method)
    _, options, _ = methods.options_of(method, recipe.options)
    seen = modalities.of(recipe.method).network_shape(known, method)
    if encoder is None:
        made = architectures.build_for(recipe.encoder, seen, known, **recipe.encoder_options)
    else:
        made = architectures.build(encoder, seen)
    return method.build(made, **options, **methods.wanted(method.build, shape=known, legend=legend))


def with_encoder_options(recipe):
    """A recipe whose options are the method's alone: others that its encoder has are among the encoder's."""
    known, mine = methods.known_options(methods.get(recipe.method)), architectures.options_of(recipe.encoder)
    moved = {k: v for k, v in recipe.options.items() if k not in known and k in mine}
    options = {k: v for k, v in recipe.options.items() if k not in moved}
    return recipe.replace(options=options, encoder_options={**recipe.encoder_options, **moved})


def pretrain(
    recipe, *, dataset=None, labels=None, encoder=None, out=None, name=None, resume=False, strategy="auto",
    replicas=None, split="train", overwrite=False, verbose=1, callbacks=(), **changes,
):  # fmt: skip
    """Pretrain a method on images or texts without labels.

    recipe: a name in `keras_ssl.recipes.RECIPES`, or a Recipe.
    dataset: instead of the recipe's, anything that `keras_ssl.data.open` takes (a TFDS name, a folder, arrays, ...).
        Images of several sizes are brought to 64x64 unless the recipe has, or size= gives, another.
    encoder: instead of the recipe's: an architecture's name, "keras.applications:NAME", a `.keras` file, a keras.Model.
    out: the run's folder (default runs/NAME, NAME the recipe's or a Recipe's method's): checkpoints/, history.csv,
        tensorboard/, loss.png, picture.png, run.json.
    name: the zoo name to save under, in the user's own zoo; by default the run folder's name, or my_NAME where NAME
        comes with keras_ssl.
    resume: go on from the last checkpoint in `out`; the final weights are those of an uninterrupted run.
    strategy, replicas: as `keras_ssl.distribution.strategy`; `strategy` may also be a tf.distribute strategy.
    split: "train", or "fit" to train on nine tenths of it, so that settings can be chosen on the rest, "validation".
    overwrite: replace the run in `out`, and the entry of that name in the user's own zoo.
    changes: fields of the recipe to change, such as epochs=3. Its `options` may have the encoder's among them.

    Returns (model, history): the model in float32, ready to predict; history {name: values per epoch}.
    Raises InputError for anything that can't be used, and for a loss that isn't a number any more.
    """
    row = recipe if isinstance(recipe, str) else recipe.method.rsplit(".", 1)[-1]
    if isinstance(recipe, str):
        recipe = recipes.get(recipe)
    changes = {k: v for k, v in changes.items() if v is not None}
    recipe = recipe.replace(**changes)
    if dataset is not None:
        recipe = recipe.replace(dataset=noted(dataset))
    if encoder is not None:
        recipe = recipe.replace(encoder=noted(encoder), encoder_options={})
        encoder = None if isinstance(encoder, (str, pathlib.Path)) else encoder
    recipe = with_encoder_options(recipe)
    if recipe.epochs < 1 or recipe.batch_size < 1:
        raise InputError(f"epochs and batch_size are 1 or more, got {recipe.epochs} and {recipe.batch_size}")
    if recipe.precision not in saving.PRECISIONS:
        raise unknown("precision", recipe.precision, saving.PRECISIONS)
    out = pathlib.Path(out or f"runs/{row}")
    name = name or entry_name(out)
    zoo.check_free(name, overwrite=overwrite or resume)
    _check_run(out, recipe, resume, overwrite)
    if isinstance(strategy, str):
        strategy = distribution.strategy(strategy, replicas)
    chief = distribution.is_chief(strategy)

    method = methods.get(recipe.method)
    pretext_options, _, loss = methods.options_of(method, recipe.options)
    modality = modalities.of(recipe.method)
    opened = modality.open(recipe, dataset, labels)
    if split == "fit":
        opened = opened.for_choosing()
    elif split != "train":
        raise unknown("split", split, ["train", "fit"])
    labelled = getattr(method, "LABELLED", False)
    if labelled and not opened.classes:
        raise InputError(f"{recipe.method} needs {data.MANY[opened.kind]} with labels; {opened.name} has none")
    prepared = modality.prepare(opened, recipe, encoder)
    pretext_options |= methods.wanted(method.pretext, counts=prepared.counts)

    if overwrite and not resume and chief:
        _clear_run(out)
    done = checkpoints.epochs_done(out / "checkpoints") if resume else 0
    batches, steps = epochs_of_batches(
        prepared.examples, lambda batch, seed: method.pretext(batch, seed, **pretext_options),
        batch_size=recipe.batch_size, epochs=recipe.epochs, seed=recipe.seed, start=done, labels=labelled,
        times=recipe.steps_per_execution,
    )  # fmt: skip
    if resume and (began := zoo.read_json(out / "run.json").get("batches", steps)) != steps:
        raise InputError(
            f"the run in {out} began with {began} batches an epoch, this data makes {steps}: give it the same"
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        with strategy.scope():
            keras.utils.set_random_seed(recipe.seed)
            legend = dict(zip(opened.classes, opened.colours or [None] * len(opened.classes), strict=True))
            model = build(recipe, prepared.known, encoder, legend or None)
            if labelled and len(opened.classes) > model.output_shape[-1]:
                raise InputError(
                    f"{opened.name} has {len(opened.classes)} classes, {recipe.method} tells {model.output_shape[-1]} "
                    f"apart: give --set classes={len(opened.classes)}"
                )
            architectures.adapt(model, prepared.sample)
            model.compile(
                make_optimizer(recipe, steps * recipe.epochs), loss, metrics=followed(method.METRICS),
                jit_compile=False, steps_per_execution=min(recipe.steps_per_execution, steps),
            )  # fmt: skip
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
    finally:
        keras.config.set_dtype_policy(before)
    if prepared.begin is not None and not done:
        prepared.begin(model)
    distribution.prepare(model, strategy)
    if chief and not resume:
        out.mkdir(parents=True, exist_ok=True)
        zoo.write_json(out / "run.json", {"recipe": recipe.to_dict(), "batches": steps})
    if done:
        checkpoints.restore(model, checkpoints.file_of(out / "checkpoints", done))
        checkpoints.trim_history(out / "history.csv", done)
    logs = [
        # Before the checkpoint: a run killed between the two has a row too many, which resuming drops, never too few.
        keras.callbacks.CSVLogger(out / "history.csv", append=bool(done)),
        keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False),
    ]
    watchers = [
        StopOnNaN(),
        *([WarnOfCollapse(name)] if chief else []),
        *(logs if chief else []),
        checkpoints.EpochCheckpoint(out / "checkpoints", recipe.seed, write=chief),
        *([Progress(name, steps, recipe.epochs, done)] if verbose and chief else []),
        *callbacks,
    ]
    if done < recipe.epochs:
        model.fit(
            batches,
            initial_epoch=done,
            epochs=recipe.epochs,
            steps_per_epoch=steps,
            callbacks=watchers,
            verbose=0,
            shuffle=False,
        )
    finished = saving.plain_copy(model)
    finished = finished.kept() if hasattr(finished, "kept") else finished
    if not chief:
        return finished, {}
    history = read_history(out / "history.csv")
    pictures.curves(history, out / "loss.png", title=name)
    modalities.picture(method, finished, prepared.shown, out / "picture.png", title=name)
    zoo.save(finished, name, recipe=recipe, dataset=opened, picture=out / "picture.png", overwrite=overwrite or resume)
    return finished, history


def trained_once(recipe, name, out, **options):
    """The zoo name `name`; where there is no such entry, it is trained first, or its run in `out` goes on."""
    if name not in zoo.names():
        resume = (pathlib.Path(out) / "run.json").exists()
        pretrain(recipe, name=name, out=out, resume=resume, **options)
    return name


def entry_name(out):
    """The zoo name that a run in the folder `out` is saved under if none is given."""
    name = pathlib.Path(out).resolve().name
    return f"my_{name}" if name in zoo.reserved_names() else name


def noted(given):
    """How a recipe notes a data set or encoder: the name or path that was given, or what kind of object it was."""
    return str(given) if isinstance(given, (str, pathlib.Path)) else f"own:{type(given).__name__}"


def _check_run(out, recipe, resume, overwrite):
    """Raises InputError where `out` holds a run already, or, to resume, none or one of another recipe."""
    record = out / "run.json"
    if not resume:
        # One that failed in its first epoch left nothing to lose.
        if record.exists() and checkpoints.epochs_in(out / "checkpoints") and not overwrite:
            raise InputError(
                f"{out} holds a run already; go on with --resume, replace it with --overwrite, or give another --out"
            )
        return
    if not record.exists():
        raise InputError(f"{out} holds no run to resume; leave out --resume, or give the run's folder with --out")
    began = recipes.Recipe.from_dict(zoo.read_json(record)["recipe"]).to_dict()
    changed = [k for k, v in json.loads(json.dumps(recipe.to_dict())).items() if began[k] != v]
    if changed:
        values = ", ".join(f"{k}={began[k]!r}" for k in changed)
        raise InputError(f"the run in {out} began with other values of {', '.join(changed)}: {values}")


def _clear_run(out):
    """Remove what an earlier run left in its folder, and nothing else."""
    for name in ("checkpoints", "tensorboard"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ("history.csv", "loss.png", "picture.png", "run.json"):
        (out / name).unlink(missing_ok=True)
