"""Bring a trained entry from the user's own zoo into the package: python tools/export.py NAME [--as OTHER].

Its large weights are rounded to half precision on the way; its picture shows test examples. Then measure it:
python tools/evaluate.py OTHER --write.
"""

import argparse
import pathlib
import sys
import tempfile
import types

from keras_ssl import methods, modalities, zoo
from keras_ssl.errors import InputError
from keras_ssl.recipes import Recipe


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--as", dest="target")
    given = parser.parse_args()
    try:
        info = zoo.info(given.name)
        name, model, recipe = given.target or given.name, zoo.load(given.name), Recipe.from_dict(info["recipe"])
        asked = modalities.of(recipe.method).asked(model, info["recipe"], sample=False)[:5]
        with tempfile.TemporaryDirectory() as folder:
            picture = pathlib.Path(folder, "preview.png")
            modalities.picture(methods.get(recipe.method), model, asked, picture, title=name)
            place = zoo.save(
                model, name, recipe=recipe, dataset=types.SimpleNamespace(**info["data"]), picture=picture,
                folder=zoo.bundled(), half=True, made=info.get("made"),
            )  # fmt: skip
        print(f"{place}: {sum(p.stat().st_size for p in place.rglob('*') if p.is_file()) / 1e6:.2f} MB")
    except InputError as error:
        print(f"export: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
