"""Every image encoder of the zoo through the same work: python tools/compare.py [NAME ...] [--write]

Or every generative model: python tools/compare.py generation [--write]
Or the losses of the context encoder: python tools/compare.py inpainting [--write]
Or ways to give each pixel a class: python tools/compare.py segmentation [--write]
Or what texts' encoders are worth over the number of labels: python tools/compare.py sentiment [--write]
Or what vectors of each language alone are worth to a translator: python tools/compare.py translation [--write]

Takes each encoder of the zoo that was trained on photos (or those named), random weights and the supervised network
through linear probe, k-nearest neighbours and fine-tuning with 1 % (three seeds), 10 % and, for the best three, all of
CIFAR-10's labels. It takes hours; each figure is kept in zoo/comparison.json as soon as it is known, so that the same
command goes on where it was stopped, and measures only what was trained anew. --write puts the table into README.md and
its chart beside it.

generation: autoencoder, VAE, Boltzmann machine and GAN on Fashion-MNIST, as keras_ssl.generation says; those that were
trained on other images are trained first, into your own zoo. Its figures are kept in zoo/generation.json.

inpainting: squared error, adversarial and both on CIFAR-10, as keras_ssl.inpainting says; what doesn't come with the
package is trained first, into your own zoo. Its figures are kept in zoo/inpainting.json.

segmentation: four ways up from scratch and pretrained encoders on CamVid, three seeds each, as keras_ssl.segmenting
says. Its figures are kept in zoo/segmentation.json.

sentiment: bag of words, word vectors, language models and the masked one on IMDB's reviews, as
keras_ssl.transfer.label_curve says. Its figures are kept in zoo/sentiment.json.

translation: translators of 3,000 and of all pairs of Multi30k, whose tables of words start from word2vec's vectors or
at random, as keras_ssl.translating says; what doesn't come with the package is trained first, into your own zoo. Its
figures are kept in zoo/translation.json.
"""

import argparse
import functools
import pathlib
import sys

from keras_ssl import cards, data, generation, inpainting, pictures, segmenting, translating, zoo
from keras_ssl.errors import InputError, unknown
from keras_ssl.transfer import label_curve, table

BEGIN, END = "<!-- comparison: written by tools/compare.py -->", "<!-- end of comparison -->"
GENERATION = "<!-- generation: written by tools/compare.py generation -->", "<!-- end of generation -->"
SENTIMENT = "<!-- sentiment: written by tools/compare.py sentiment -->", "<!-- end of sentiment -->"
READERS, TUNED = ("word2vec", "next_word", "masked_lm"), "masked_lm"
INPAINTING = "<!-- inpainting: written by tools/compare.py inpainting -->", "<!-- end of inpainting -->"
SEGMENTATION = "<!-- segmentation: written by tools/compare.py segmentation -->", "<!-- end of segmentation -->"
TRANSLATION = "<!-- translation: written by tools/compare.py translation -->", "<!-- end of translation -->"
SETS = {
    "generation": "fashion_mnist", "inpainting": "cifar10", "segmentation": "camvid", "sentiment": "imdb_reviews",
    "translation": "multi30k",
}  # fmt: skip
SEGMENTED = "\n\n![streets, their classes, and what each network sees](zoo/segmentation.png)"
TOP = 3  # encoders that are fine-tuned with all labels
ROOT = pathlib.Path(__file__).parent.parent
PICTURE = "zoo/comparison.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="zoo entries; all on photos by default")
    parser.add_argument("--dataset", help="cifar10; for generation fashion_mnist, for sentiment imdb_reviews")
    parser.add_argument("--kept", type=pathlib.Path, help="figures: zoo/comparison.json, or zoo/generation.json, ...")
    parser.add_argument("--write", action="store_true", help="write README's table and its chart")
    given = parser.parse_args()
    what = given.names[0] if len(given.names) == 1 and given.names[0] in SETS else "comparison"
    given.dataset = given.dataset or SETS.get(what, "cifar10")
    given.kept = given.kept or ROOT / "zoo" / f"{what}.json"
    if given.write and given.names and what == "comparison":
        parser.error("--write takes all encoders, not some by name")
    try:
        if what in SETS:
            compare_by = {
                "generation": generate, "inpainting": inpaint, "segmentation": segment, "sentiment": read,
                "translation": translate,
            }  # fmt: skip
            compare_by[what](given)
            return
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


def keeper(known, file):
    """A function once(key, function) -> what is known of a key, or function(), which `file` then keeps."""

    def once(key, function):
        if key not in known:
            known[key] = function()
            zoo.write_json(file, known)
            print(f"{key}: {known[key]}", flush=True)
        return known[key]

    return once


def generate(given):
    dataset, once = data.open(given.dataset), keeper(table.kept_figures(given.kept), given.kept)

    @functools.cache
    def judge():
        return generation.trained(generation.JUDGE, given.dataset)

    names = {name: generation.trained(name, given.dataset) for name in generation.GENERATORS}
    measured = {
        name: once(name, lambda own=own: generation.measure(own, dataset, judge())) for name, own in names.items()
    }
    alone = once("alone", lambda: generation.teaching(dataset))
    real = once("real", lambda: generation.teaching(dataset, "real"))
    text = generation.markdown(measured, alone, real)
    print(text)
    if given.write:
        rows = [(name, zoo.load(own).sample(10), None) for name, own in names.items()]
        pictures.grid([("real", dataset.arrays("test", limit=10)[0], None), *rows], ROOT / "zoo" / "generation.png")
        picture = "![samples of each, below real images](zoo/generation.png)"
        cards.put(ROOT / "README.md", *GENERATION, f"{text}\n\n{picture}")


def inpaint(given):
    dataset, known = data.open(given.dataset), table.kept_figures(given.kept)
    names = {loss: inpainting.trained(loss, given.dataset) for loss in inpainting.LOSSES}
    for loss, name in names.items():
        if known.get(loss, {}).get("weights") != zoo.fingerprint(name):
            known[loss] = {"weights": zoo.fingerprint(name), "figures": inpainting.measure(name, dataset)}
            zoo.write_json(given.kept, known)
    text = inpainting.markdown({loss: known[loss]["figures"] for loss in names})
    print(text)
    if given.write:
        pictures.grid(inpainting.rows(names, dataset), ROOT / "zoo" / "inpainting.png")
        cards.put(ROOT / "README.md", *INPAINTING, f"{text}\n\n![the same holes, filled](zoo/inpainting.png)")


def segment(given):
    dataset, known = data.open(given.dataset, task="segmentation"), table.kept_figures(given.kept)
    once, found, models = keeper(known, given.kept), {}, {}
    for way in segmenting.ways():
        if known.get(f"{way}: weights", "") != segmenting.weights_of(way):
            for key in [key for key in known if key.startswith(f"{way}: ")]:
                del known[key]
        once(f"{way}: weights", lambda way=way: segmenting.weights_of(way))
        first = segmenting.like(way)
        rate = once(f"{first}: learning rate", lambda first=first: segmenting.chosen_rate(first, dataset))

        def figures(seed, way=way, rate=rate):
            model = segmenting.trained(way, dataset, seed, rate)
            if seed == segmenting.SEEDS[0]:
                models[way] = model
            return segmenting.measure(model, dataset)

        found[way] = [once(f"{way}: seed {seed}", lambda seed=seed: figures(seed)) for seed in segmenting.SEEDS]
    text = segmenting.markdown(found, once("by position", lambda: segmenting.without_learning(dataset)))
    print(text)
    if len(models) == len(found):  # all were trained by this call
        segmenting.picture(models, dataset, ROOT / "zoo" / "segmentation.png")
    if given.write:
        has = (ROOT / "zoo" / "segmentation.png").exists()
        cards.put(ROOT / "README.md", *SEGMENTATION, f"{text}{SEGMENTED if has else ''}")


def read(given):
    dataset = data.open(given.dataset)
    found = label_curve.label_curve(dataset, READERS, TUNED, given.kept, say=lambda line: print(line, flush=True))
    text = label_curve.markdown(found)
    print(text)
    if given.write:
        label_curve.chart(found, ROOT / "zoo" / "sentiment.png", f"Sentiment of {dataset.name}, by labels")
        cards.put(ROOT / "README.md", *SENTIMENT, f"{text}\n\n![accuracy over labels](zoo/sentiment.png)")


def translate(given):
    dataset, known = data.open(given.dataset), table.kept_figures(given.kept)
    found = {}
    for few in (True, False):
        for start in translating.STARTS:
            name = translating.trained(few, start, given.dataset)
            if known.get(name, {}).get("weights") != zoo.fingerprint(name):
                known[name] = {"weights": zoo.fingerprint(name), "figures": translating.measure(name, dataset)}
                zoo.write_json(given.kept, known)
                print(f"{name}: {known[name]['figures']}", flush=True)
            found[few, start] = known[name]["figures"]
    if "words" not in known:
        known["words"] = translating.words(dataset)
        zoo.write_json(given.kept, known)
    text = translating.markdown(found, known["words"], dataset.count("train"))
    print(text)
    if given.write:
        cards.put(ROOT / "README.md", *TRANSLATION, text)


if __name__ == "__main__":
    main()
