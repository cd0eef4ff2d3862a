"""Write README's table of entries and every model card anew from the entries' metrics.json: python tools/gallery.py"""

import pathlib

from keras_ssl import cards, zoo

BEGIN, END = "<!-- entries: written by tools/gallery.py -->", "<!-- end of entries -->"


def main():
    readme = pathlib.Path(__file__).parent.parent / "README.md"
    cards.put(readme, BEGIN, END, cards.table())
    for name in zoo.bundled_names():
        (zoo.path(name) / "README.md").write_text(cards.card(name))
    print(f"{readme}: {len(zoo.bundled_names())} entries")


if __name__ == "__main__":
    main()
