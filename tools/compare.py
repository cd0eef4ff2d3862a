"""Every image encoder of the zoo through the same work: python tools/compare.py [NAME ...] [--write]

Takes each encoder of the zoo that was trained on photos (or those named), random weights and the supervised network
through linear probe, k-nearest neighbours and fine-tuning with 1 % (three seeds), 10 % and, for the best three, all of
CIFAR-10's labels. It takes hours; each figure is kept in zoo/comparison.json as soon as it is known, so that the same
command goes on where it was stopped, and measures only what was trained anew. --write puts the table into README.md and
its chart beside it.
"""

import argparse
import pathlib
import sys

from keras_ssl import cards
from keras_ssl.errors import InputError, unknown
from keras_ssl.transfer import table

BEGIN, END = "<!-- comparison: written by tools/compare.py -->", "<!-- end of comparison -->"
TOP = 3  # encoders that are fine-tuned with all labels
ROOT = pathlib.Path(__file__).parent.parent
PICTURE = "zoo/comparison.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="zoo entries; all on photos by default")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--kept", type=pathlib.Path, default=ROOT / "zoo" / "comparison.json", help="all figures")
    parser.add_argument("--write", action="store_true", help="write README's table and its chart")
    given = parser.parse_args()
    if given.write and given.names:
        parser.error("--write takes all encoders, not some by name")
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

    def take(group, name, **more):
        group[name] = table.measure(name, dataset, given.kept, say=say, **more)

    for name in groups["shared"]:
        take(shared, name)
    if shared:
        best = sorted(set(shared) - {"supervised"}, key=lambda name: -shared[name]["probe"])[:TOP]
        for name in [*best, *({"supervised"} & set(shared))] if not given.names else []:
            take(shared, name, full=True)
        take(shared, "random", like=groups["shared"][0], full=not given.names)
    for name in groups["other"]:
        take(other, name)
        take(other, f"random-{name}", like=name)
    measured = {title: group for title, group in measured.items() if group}
    print(table.markdown(measured))
    if given.write:
        table.chart(shared, ROOT / PICTURE, "Encoders on one network, CIFAR-10")
        text = f"{table.markdown(measured)}\n\n![probe and fine-tuned accuracy of every encoder]({PICTURE})"
        cards.put(ROOT / "README.md", BEGIN, END, text)


if __name__ == "__main__":
    main()
