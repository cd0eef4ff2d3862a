"""The commands that train: pretrain, finetune."""

import ast
import pathlib
from typing import Annotated

import typer

from ..errors import InputError
from .guard import guarded, import_tensorflow, run_folder, tuning_folder

Dataset = Annotated[
    str | None,
    typer.Option(
        help="A TensorFlow Datasets name, or a bundled sample: cifar10_sample, fashion_mnist_sample, mnist_sample, "
        "garments_sample, polarity_sample, caption_pairs_sample, spoken_digit_sample; moving:NAME makes clips of it."
    ),
]
Folder = Annotated[
    pathlib.Path | None,
    typer.Option(help="A folder of images, texts, recordings or clips' frames, instead of a data set."),
]
TextFile = Annotated[
    pathlib.Path | None,
    typer.Option(help="A text file, a document a line; with labels: LABEL<TAB>document."),
]
LabelsFile = Annotated[
    pathlib.Path | None,
    typer.Option(
        help="A CSV table with the header file,VALUE[,VALUE...]; of masks their classes, index,name[,colour]."
    ),
]
Size = Annotated[int | None, typer.Option(min=1, help="Bring the images to this height and width.")]
Strategy = Annotated[
    str, typer.Option(help="auto (every GPU there is), one, mirrored, or multiworker (see TF_CONFIG).")
]
Replicas = Annotated[int | None, typer.Option(min=1, help="Replicas for mirrored; without a GPU, parts of the CPU.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="How often to go through the data.")]
BatchSize = Annotated[int | None, typer.Option(min=1)]
Rate = Annotated[float | None, typer.Option(help="The learning rate at its peak.")]
Precision = Annotated[str | None, typer.Option(help="float32 or mixed_bfloat16.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what has the same name.")]


@guarded
def pretrain(
    name: Annotated[str, typer.Argument(help="What to learn: a recipe, such as rotation, vae or colorizer.")],
    dataset: Dataset = None,
    folder: Folder = None,
    text_file: TextFile = None,
    labels_file: LabelsFile = None,
    encoder: Annotated[
        str | None, typer.Option(help="An architecture, keras.applications:NAME, or a .keras file.")
    ] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: Rate = None,
    size: Size = None,
    precision: Precision = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="An option of the method or its encoder, or a field of the recipe."
        ),
    ] = None,
    strategy: Strategy = "auto",
    replicas: Replicas = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the run's folder.")
    ] = False,
    out: Annotated[pathlib.Path | None, typer.Option(help="The run's folder; runs/NAME by default.")] = None,
    save_as: Annotated[str | None, typer.Option("--name", help="The name of the trained model in your zoo.")] = None,
    seed: int | None = None,
    split: Annotated[
        str, typer.Option(help='train, or fit: nine tenths of it, to choose settings on the rest, "validation".')
    ] = "train",
    overwrite: Overwrite = False,
):
    """Train a method on images, texts, clips or sounds without labels, and save the model in your zoo."""
    from .. import recipes, zoo

    recipe = recipes.get(name)
    recipe = recipe.replace(**_settings(set_ or [], recipe))
    source = _source(dataset, folder, text_file)
    out = run_folder(name, out)
    import_tensorflow()
    _divide_cpu(strategy, replicas)
    from .. import training

    training.pretrain(
        recipe, dataset=source, labels=_labels(labels_file), encoder=encoder, out=out, name=save_as, resume=resume,
        strategy=strategy, replicas=replicas, overwrite=overwrite, epochs=epochs, batch_size=batch_size,
        learning_rate=learning_rate, size=size, precision=precision, seed=seed, split=split,
    )  # fmt: skip
    name = save_as or training.entry_name(out)
    print(f"the model is in your zoo, {zoo.own()}, as {name}; pictures and logs are in {out}")


@guarded
def finetune(
    encoder: Annotated[
        str, typer.Argument(help="A model's name, a .keras file, keras.applications:NAME, or random:ARCHITECTURE.")
    ],
    dataset: Dataset = None,
    folder: Folder = None,
    text_file: TextFile = None,
    labels_file: LabelsFile = None,
    labels: Annotated[str, typer.Option(help="How many labels to use: 0.01, 1%, 250, or all.")] = "all",
    mode: Annotated[
        str,
        typer.Option(
            help="full, probe (the encoder stays as it is), gradual, discriminative (smaller steps further down), or "
            "semi-supervised: pseudo-label, label-spreading."
        ),
    ] = "full",
    task: Annotated[
        str | None, typer.Option(help="classification, multilabel, regression or segmentation; else as labels look.")
    ] = None,
    size: Size = None,
    strategy: Strategy = "auto",
    replicas: Replicas = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Set training from scratch and a linear probe beside it.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the choice of labels, the weights and the order.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Repeat with this many seeds: means and 95 % intervals.")] = 1,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: Rate = None,
    precision: Precision = None,
    augment: Annotated[
        str | None,
        typer.Option(help='Views: "flip,shift" (digits: "shift"), of texts "drop"; "" for none.'),
    ] = None,
    depth_factor: Annotated[
        float | None, typer.Option(help="discriminative: a block's learning rate over that of the one above; 0.7.")
    ] = None,
    unlabelled: Annotated[
        int | None, typer.Option(help="semi-supervised: how many images without labels at most; 20000.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="pseudo-label: how often to label and train anew; 3.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="semi-supervised: the probability to accept; else chosen on held-out labels.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Another setting, such as up=max_unpooling of a segmentation."),
    ] = None,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="The run's folder; runs/finetune-ENCODER-LABELS by default.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run, from its last epoch; not with --compare.")
    ] = False,
    overwrite: Overwrite = False,
):
    """Carry an encoder to a task with labels, and say how good it is on what was kept for testing."""
    source = _source(dataset, folder, text_file) or _sample_for(encoder, task)
    import_tensorflow()
    _divide_cpu(strategy, replicas)
    from .. import transfer
    from ..transfer.reporting import free_folder

    usual = tuning_folder(encoder, labels)
    out = out or (pathlib.Path(usual) if resume else free_folder(usual))
    if resume and compare:
        raise InputError("--resume goes on with one training; leave out --compare")
    settings = {
        "labels": labels, "mode": mode, "task": task, "size": size, "labels_file": _labels(labels_file), "seed": seed,
        "seeds": seeds, "strategy": strategy, "replicas": replicas, "epochs": epochs, "batch_size": batch_size,
        "augment": augment, "learning_rate": learning_rate, "precision": precision, "depth_factor": depth_factor,
        "unlabelled": unlabelled, "rounds": rounds, "threshold": threshold, "out": out, "overwrite": overwrite,
    }  # fmt: skip
    more = dict(map(_pair, set_ or []))
    if twice := sorted(set(more) & set(settings)):
        raise InputError(f"--set takes what has no option of its own; give --{twice[0].replace('_', '-')}")
    settings |= more
    if compare:
        _, report = transfer.compare(encoder, source, say=lambda line: print(line, flush=True), **settings)
        _print_comparison(report)
    else:
        _, report = transfer.finetune(encoder, source, resume=resume, **settings)
        metric = next(iter(report))
        print(
            f"{metric.replace('_', ' ')} {report[metric]:.4f}{_give(report.get('interval'), '.4f')} on test,"
            f" {report['labels']} labels, {report['seconds']:.0f} s"
        )
        for name, value in report.get("class_iou", {}).items():
            print(f"  {name:<16} IoU {'-' if value is None else f'{value:.3f}'}")
    print(f"report.json, the model and its SavedModel are in {out}")


def _print_comparison(report):
    from rich.console import Console
    from rich.table import Table

    metric, seeds = report["metric"], report.get("seeds", [report.get("seed", 0)])
    percent = metric != "r2"
    scale, digits = (100, ".1f") if percent else (1, ".3f")
    table = Table(box=None, header_style="bold")
    for column in ("", metric.replace("_", " "), "labels", "seconds"):
        table.add_column(column, justify="right" if column else "left")
    for way, row in report["results"].items():
        value = f"{row[metric]:.1%}" if percent else f"{row[metric]:.3f}"
        seconds = f"{row['seconds']:.0f}" if "seconds" in row else ""
        table.add_row(way, value + _give(row.get("interval"), digits, scale), str(row["labels"]), seconds)
    console = Console()
    console.print(table)

    def gain(name):
        give = _give(report.get(f"{name}_interval"), digits, scale)
        return f"{scale * report[name]:+{digits}}{give}" + (" points" if percent else "")

    over = f"Fine-tuned over scratch: {gain('gain')}"
    if "gain_unlabelled" in report:
        over += f"; {list(report['results'])[-1]} over fine-tuned: {gain('gain_unlabelled')}"
    tested = f"{report['test_images']} test examples of {report['dataset']}"
    console.print(f"{over} ({tested}{f'; ± 95 % over {len(seeds)} seeds' if len(seeds) > 1 else ''}).")


def _give(interval, digits, scale=1):
    """Half the width of an interval as it is printed behind a mean; nothing for None."""
    return "" if interval is None else f" ± {scale * interval:{digits}}"


def _source(dataset, folder, text_file):
    given = [each for each in (dataset, folder, text_file) if each is not None]
    if len(given) > 1:
        raise InputError("give one of --dataset, --folder and --text-file")
    if text_file is not None and not text_file.is_file():
        raise InputError(f"there is no text file {text_file}")
    return given[0] if given else None


def _sample_for(encoder, task=None):
    """The bundled sample that an entry's encoder is tried on, where no data is given."""
    from .. import zoo

    if task == "segmentation":
        return "garments_sample"
    method = zoo.info(encoder)["recipe"].get("method", "") if encoder in zoo.names() else ""
    samples = {"text": "polarity_sample", "audio": "spoken_digit_sample", "video": "moving:mnist_sample"}
    return samples.get(method.split(".")[0], "cifar10_sample")


def _labels(labels_file):
    return None if labels_file is None else str(labels_file.resolve())


def _settings(pairs, recipe):
    """The changes to a recipe that KEY=VALUE pairs mean: of its field KEY, else of the option KEY of its method."""
    changes, options = {}, dict(recipe.options)
    for pair in pairs:
        key, value = _pair(pair)
        (changes if key in recipe.to_dict() else options)[key] = value
    return {**changes, "options": {**options, **changes.get("options", {})}}


def _pair(pair):
    """(KEY, value) of a KEY=VALUE pair as typed."""
    key, equals, text = pair.partition("=")
    if not equals:
        raise InputError(f"--set takes KEY=VALUE, such as --set loss=adversarial, got {pair!r}")
    try:
        return key, ast.literal_eval(text)  # numbers, lists, dictionaries, True, None; anything else is text
    except (ValueError, SyntaxError):
        return key, {"true": True, "false": False, "null": None}.get(text, text)


def _divide_cpu(strategy, replicas):
    """Several replicas without a GPU need the CPU divided before TensorFlow does anything else."""
    if strategy in ("auto", "mirrored"):
        replicas = replicas or (2 if strategy == "mirrored" else 1)
        if replicas > 1:
            from .. import distribution

            distribution.divide_cpu(replicas)
