"""Measure a zoo entry: python tools/evaluate.py NAME [--sample] [--split validation] [--write].

Without --write it prints; with it, it measures on the full test split and on the bundled sample and writes the entry's
metrics.json and README.md. With --sample it measures on the bundled sample alone, in seconds.
"""

import argparse
import json
import sys
import time

from keras_ssl import cards, methods, zoo
from keras_ssl.errors import InputError
from keras_ssl.evaluation import evaluate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--sample", action="store_true", help="on the bundled sample only")
    parser.add_argument("--split", default="test", help="test, or validation: to choose among runs of --split fit")
    parser.add_argument("--write", action="store_true", help="write metrics.json and the model card")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kept", default="runs/random_networks.json", help="keeps the figures of random networks")
    given = parser.parse_args()
    if given.write and given.split != "test":
        parser.error("--write takes the test split: what is chosen on validation is measured once, on test")
    try:
        measured = {}
        for kind in ["sample"] if given.sample else ["full", "sample"] if given.write else ["full"]:
            began = time.time()
            command = f"python tools/evaluate.py {given.name}" + (" --sample" if kind == "sample" else "")
            figures = evaluate(given.name, sample=kind == "sample", seed=given.seed, split=given.split, kept=given.kept)
            measured[kind] = {"command": command, **figures}
            print(json.dumps(measured[kind], indent=1), f"{time.time() - began:.0f} s", flush=True)
        if given.write:
            folder = zoo.path(given.name)
            before = zoo.info(given.name)["metrics"]
            method = methods.get(zoo.info(given.name)["recipe"]["method"])
            if "full" in measured and hasattr(method, "notes"):
                said = method.notes(zoo.load(given.name), folder)
                measured |= {} if said is None else {"notes": said}
            zoo.write_json(folder / "metrics.json", {**before, **measured})
            (folder / "README.md").write_text(cards.card(given.name))
    except InputError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
