"""What texts without translations are worth to a translator: with vectors learned from them and without, by pairs."""

import pathlib

import numpy as np

from . import data, recipes, training, zoo
from .layers.vocabulary import SPECIAL
from .methods.text import translation, word2vec
from .modalities.text import frequent
from .words import WordVectors, bilingual, parallel

NAME = "translation"
FEW = 3_000  # pairs
EPOCHS = 50  # of them
STARTS = ("random", "own")  # tables of words


def trained(few, start, dataset, folder="runs/translating"):
    """The zoo name of a translator: the entry, or one of your own, trained where it isn't there yet.

    few: whether it learns from `FEW` pairs, or from all of them. start: of `STARTS`; "own" vectors are those of all
    texts of each language, however few have translations.
    """
    if not few and start == "own":
        return training.trained_once(NAME, NAME, pathlib.Path(folder) / NAME, dataset=dataset)
    name = f"{NAME}_{FEW if few else 'all'}_{start}"
    options = {**recipes.get(NAME).options, "vectors": dataset if start == "own" else start}
    source, more = dataset, {}
    if few:
        whole = data.open(dataset)
        keep = np.sort(np.random.default_rng(0).choice(whole.count("train"), FEW, replace=False))
        source = {split: whole.arrays(split, keep=keep if split == "train" else None)[0] for split in ("train", "test")}
        more = {"epochs": EPOCHS}
    return training.trained_once(NAME, name, pathlib.Path(folder) / name, dataset=source, options=options, **more)


def measure(name, dataset):
    """{"bleu", "energy_auc"} of a translator on a set's test split."""
    figures = translation.measure(zoo.load(name), dataset)
    return {key: figures[key]["value"] for key in ("bleu", "energy_auc")}


def words(dataset, width=128, seed=0):
    """`bilingual.precision` of vectors that word2vec learns of each language of a set's pairs, on their own."""
    row = recipes.get(NAME)
    sides = parallel.sides(dataset)
    lexicons = [frequent(side, row, dataset.name)[0] for side in sides]
    ids = bilingual.aligned_words(
        *(parallel.texts_of(side, lexicon) for side, lexicon in zip(sides, lexicons, strict=True))
    )
    pairs = [tuple(lexicon[i - len(SPECIAL)] for lexicon, i in zip(lexicons, pair, strict=True)) for pair in ids]
    vectors = [
        WordVectors(lexicon, word2vec.learned(side, lexicon, width, seed=seed))
        for side, lexicon in zip(sides, lexicons, strict=True)
    ]
    return bilingual.precision(*vectors, pairs)


def markdown(found, precision, all_pairs):
    """The table as Markdown.

    found: {(few, start): figures of `measure`}; precision: figures of `words`; all_pairs: how many there are.
    """
    lines = ["| pairs | tables of words start | BLEU | energy AUC |", "|---|---|---|---|"]
    said = {"random": "at random", "own": "from each language's own vectors"}
    for (few, start), figures in found.items():
        pairs = FEW if few else all_pairs
        lines.append(f"| {pairs:,} | {said[start]} | {figures['bleu']:.1f} | {figures['energy_auc']:.3f} |")
    lines += ["", f"| the first word found is the translation, of {precision['pairs']} words | |", "|---|---|"]
    ways = {"spelling": "spelled alike", "cosine": "orthogonal map, cosine", "csls": "orthogonal map, CSLS"}
    return "\n".join([*lines, *(f"| {said} | {precision[way]:.1%} |" for way, said in ways.items())])
