"""Few labels, three ways to use the images without: python tools/semi_supervised.py [--labels 600] [--seeds 3]

On Fashion-MNIST, 1 % of whose labels are 600. Low-density: pseudo-labels, a network that learns from its own confident
answers. Graph-based: label spreading over the autoencoder's features. Generative: logistic regression on the codes of a
VAE that was trained on the images alone (M1 of Kingma, Mohamed, Rezende, Welling, NIPS 2014, arXiv:1406.5298). Beside
them the labels alone: raw pixels, the autoencoder's features, and the same network trained on them.

A VAE of Fashion-MNIST is trained first where --vae names none, and kept in your zoo as vae_fashion_mnist.
"""

import argparse
import json
import pathlib
import sys
import time

from keras_ssl import baselines, data, training, transfer, zoo
from keras_ssl.errors import InputError
from keras_ssl.transfer.intervals import interval

VAE = "vae_fashion_mnist"


def ways(given):
    """{way: (kind, what is done, function of a seed that gives a report with "accuracy")}."""
    few = {"labels": given.labels}
    images = data.open(given.dataset)

    def network(seed, **mode):
        settings = {"augment": given.augment, "block": given.head, "seed": seed, "verbose": 0, "strategy": "one"}
        return transfer.finetune(given.encoder, images, **few, **settings, **mode)[1]

    return {
        "raw pixels": ("labels alone", lambda s: transfer.probe(baselines.pixels(images.shape), images, seed=s, **few)),
        "features": ("labels alone", lambda s: transfer.probe(given.encoder, images, seed=s, block=given.block, **few)),
        "network": ("labels alone", lambda s: network(s)),
        "pseudo-labels": ("low-density", lambda s: network(s, mode="pseudo-label", unlabelled=given.unlabelled)),
        "label spreading": ("graph-based", lambda s: transfer.label_spreading(
            given.encoder, images, seed=s, block=given.block, unlabelled=given.unlabelled, **few)),
        "network taught by it": ("graph-based", lambda s: network(
            s, mode="label-spreading", unlabelled=given.unlabelled)),
        "classifier on VAE codes": ("generative", lambda s: transfer.probe(given.vae, images, seed=s, **few)),
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--encoder", default="autoencoder")
    parser.add_argument("--block", default="", help="whose features the graph and the linear classifier take")
    parser.add_argument("--head", default="block2", help="the block that the network's head stands on")
    parser.add_argument("--vae", help="a zoo name or a .keras file")
    parser.add_argument("--vae-epochs", type=int, default=30, help="of the VAE where none is given")
    parser.add_argument("--labels", default="600")
    parser.add_argument("--unlabelled", type=int, default=60_000)
    parser.add_argument("--augment", default="flip")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="some of the ways, by name")
    parser.add_argument("--out", type=pathlib.Path, help="a JSON file: written after each figure, and gone on from")
    given = parser.parse_args()
    try:
        run(given)
    except InputError as error:
        print(f"semi_supervised: {error}", file=sys.stderr)
        sys.exit(2)


def run(given):
    if given.vae is None:
        given.vae = VAE
        if VAE not in zoo.names():
            training.pretrain("vae", dataset=given.dataset, epochs=given.vae_epochs, out=f"runs/{VAE}", name=VAE)
    found = json.loads(given.out.read_text()) if given.out and given.out.exists() else {}
    rows = {name: row for name, row in ways(given).items() if not given.only or name in given.only}
    for seed in range(given.seeds):
        for name, (_, function) in rows.items():
            if str(seed) in found.get(name, {}):
                continue
            began = time.time()
            report = function(seed)
            found.setdefault(name, {})[str(seed)] = report["accuracy"]
            print(f"seed {seed}, {name}: {report['accuracy']:.2%} ({time.time() - began:.0f} s)", flush=True)
            if given.out:
                zoo.write_json(given.out, found)
    print(
        f"\n{given.dataset}, {given.labels} labels, {given.seeds} seeds: accuracy on the test split ± 95 % interval\n"
    )
    print("| kind | way | accuracy |\n|---|---|---|")
    for name, (kind, _) in rows.items():
        mean, half = interval([found[name][str(seed)] for seed in range(given.seeds)])
        print(f"| {kind} | {name} | {100 * mean:.1f}{'' if half is None else f' ± {100 * half:.1f}'} |")


if __name__ == "__main__":
    main()
