"""The command that looks at an encoder's features: explore."""

import pathlib
from typing import Annotated

import typer

from ..errors import InputError
from .guard import file_stem, guarded, import_tensorflow
from .training import Dataset, Folder, LabelsFile, Overwrite, Size


@guarded
def explore(
    encoder: Annotated[
        str, typer.Argument(help="A model's name, a .keras file, keras.applications:NAME, or random:ARCHITECTURE.")
    ],
    dataset: Dataset = None,
    folder: Folder = None,
    labels_file: LabelsFile = None,
    labels: Annotated[bool, typer.Option("--labels/--no-labels", help="Whether to look at the labels too.")] = True,
    block: Annotated[
        str | None, typer.Option(help="Whose output to look at; else the one the model's entry names.")
    ] = None,
    clusters: Annotated[int | None, typer.Option(help="How many; else one a class, or 10.")] = None,
    images: Annotated[
        int, typer.Option(help="How many images to look at, of the test split where there is one.")
    ] = 5000,
    size: Size = None,
    seed: Annotated[int, typer.Option(help="Of the choice of images, the clusters and the maps.")] = 0,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="The folder to write; runs/explore-ENCODER by default.")
    ] = None,
    overwrite: Overwrite = False,
):
    """Show the structure of an encoder's features: clusters, maps in two dimensions, nearest neighbours."""
    if dataset is not None and folder is not None:
        raise InputError("give --dataset or --folder, not both")
    if not labels and labels_file is not None:
        raise InputError("give --labels-file or --no-labels, not both")
    import_tensorflow()
    from .. import transfer
    from ..transfer.reporting import free_folder

    out = out or free_folder(f"runs/explore-{file_stem(encoder)}")
    table = False if not labels else None if labels_file is None else str(labels_file.resolve())
    report = transfer.explore(
        encoder, dataset or folder or "cifar10_sample", block=block, clusters=clusters, images=images, size=size,
        labels_file=table, seed=seed, out=out, overwrite=overwrite,
    )  # fmt: skip
    count = report["clusters"]["count"]
    print(f"{report['images']} images of {report['dataset']}, {report['features']} features, {count} clusters")
    if "thumbnails" in report:
        rows = {"features": {**report["clusters"], **report["neighbours"]}, "8x8 thumbnails": report["thumbnails"]}
        print(f"{'':<16}{'NMI':>6}{'accuracy':>10}{'neighbours of the class':>26}")
        for name, row in rows.items():
            print(f"{name:<16}{row['nmi']:>6.3f}{row['accuracy']:>10.1%}{row['same_class']:>26.1%}")
    pictures = ", ".join(sorted(path.name for path in out.glob("*.png")))
    print(f"report.json and {pictures} are in {out}")
