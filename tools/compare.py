"""Every image encoder of the zoo through the same work: python tools/compare.py [NAME ...] [--write]

Takes each encoder of the zoo that was trained on photos (or those named), random weights and the supervised network
through linear probe, k-nearest neighbours and fine-tuning with 1 % (three seeds), 10 % and, for the best three, all of
CIFAR-10's labels. It takes hours; each figure is kept as soon as it is known, so that the same command goes on where it
was stopped. --write puts the table into README.md and the chart beside it.
"""

import argparse
import json
import pathlib
import sys

from keras_ssl import cards, zoo
from keras_ssl.errors import InputError, unknown
from keras_ssl.transfer import table

BEGIN, END = "<!-- comparison: written by tools/compare.py -->", "<!-- end of comparison -->"
TOP = 3  # encoders that are fine-tuned with all labels
ROOT = pathlib.Path(__file__).parent.parent
KEPT = ROOT / "zoo" / "comparison.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="zoo entries; all on photos by default")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--out", default="runs/compare", help="where figures are kept until the table is whole")
    parser.add_argument("--write", action="store_true", help="write README's table and its chart")
    given = parser.parse_args()
    try:
        groups = table.rows()
        for name in given.names:
            if name not in [*groups["shared"], *groups["other"]]:
                raise unknown("encoder of the table", name, [*groups["shared"], *groups["other"]])
        if given.names:
            groups = {group: [name for name in names if name in given.names] for group, names in groups.items()}
        compare(groups, given)
    except InputError as error:
        print(f"compare: {error}", file=sys.stderr)
        sys.exit(2)


def compare(groups, given):
    dataset, say = table.open_set(given.dataset), lambda line: print(line, flush=True)
    measured = {"one network": {}, "networks of their own": {}}
    shared, other = measured.values()
    for name in groups["shared"]:
        shared[name] = table.measure(name, dataset, given.out, say=say)
    if shared:
        best = sorted(set(shared) - {"supervised"}, key=lambda name: -shared[name]["probe"])[:TOP]
        for name in [*best, *({"supervised"} & set(shared))]:
            shared[name] = table.measure(name, dataset, given.out, full=True, say=say)
        like = "rotation" if "rotation" in zoo.names() else groups["shared"][0]
        shared["random"] = table.measure("random", dataset, given.out, like=like, full=True, say=say)
    for name in groups["other"]:
        other[name] = table.measure(name, dataset, given.out, say=say)
        other[f"random-{name}"] = table.measure(f"random-{name}", dataset, given.out, like=name, say=say)
    measured = {title: group for title, group in measured.items() if group}
    print(table.markdown(measured))
    if shared:
        table.chart(shared, pathlib.Path(given.out) / "comparison.png", "Encoders on one network, CIFAR-10")
    if given.write:
        write(measured, given)


def write(measured, given):
    picture = "zoo/comparison.png"
    (ROOT / picture).write_bytes((pathlib.Path(given.out) / "comparison.png").read_bytes())
    KEPT.write_text(json.dumps(measured, indent=1) + "\n")
    text = f"{table.markdown(measured)}\n\n![probe and fine-tuned accuracy of every encoder]({picture})"
    cards.put(ROOT / "README.md", BEGIN, END, text)


if __name__ == "__main__":
    main()
