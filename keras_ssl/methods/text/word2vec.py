"""word2vec: a word's vector tells which words stand near it.

Mikolov, Sutskever, Chen, Corrado, Dean, "Distributed representations of words and phrases and their compositionality",
NeurIPS 2013, arXiv:1310.4546: skip-gram predicts each word around from the one in the middle, CBOW the one in the
middle from the mean of those around, among words drawn at random (negative sampling) or, of a small vocabulary, among
all of them (the softmax). Words drawn are shared by the words of a row, so that one matrix product scores all: Ji,
Satish, Li, Dubey, arXiv:1604.04661.
"""

import keras
import numpy as np
import tensorflow as tf

from ... import words
from ...architectures import build as build_encoder
from ...architectures import pooled
from ...errors import InputError, unknown
from ...layers import ContextEmbedding, WordEmbedding
from ...layers.vocabulary import Lexicon
from ...models import OwnStep, TextModel
from ...words import bias, pairs

LOSS = {"negative_sampling": "negative_sampling", "softmax": "softmax"}
METRICS = []
SEPARATOR = 10  # zeros between texts: no word sees over them
LEFT = (
    "Debiasing takes one direction out of words that aren't gendered by definition, and nothing else: words that lay "
    "on one side still lie near each other, so that what was read off the direction can be read off their neighbours "
    "(Gonen and Goldberg, NAACL 2019, arXiv:1903.03862). It is no proof of fairness in what is built on the vectors."
)
ASKED = ["good", "actor", "king", "london", "guitar"]


def pretext(windows, seed, counts, reach=5, drawn=32, sample=1e-3):
    """Frequent words are left out at random, each other word gets a reach, and each row of words others to compare.

    windows (N, T) of ids -> rows of the words kept, R = T / pairs.ROW in a window, the last ones empty: (words
    (N, R, ROW), words around (N, R, ROW + 2 reach), how far each word looks (N, R, ROW), drawn words (N, R, drawn)),
    and the words again, which nobody looks at.

    reach: words on each side that are seen at most. drawn: random words that a row's words are compared with; each
    comparison counts as if there were `pairs.NEGATIVES`. sample: share of the text from which on a word is left out at
    times, as gensim's `sample`. counts: how often each id occurs.
    """
    if windows.shape[1] % pairs.ROW:
        raise InputError(f"word2vec takes windows of a multiple of {pairs.ROW} words, got window={windows.shape[1]}")
    if not 1 <= reach <= SEPARATOR:
        raise InputError(f"reach is 1 to {SEPARATOR} words, got {reach}")
    kept = pairs.without_frequent(windows, counts, sample, seed)
    kept = tf.ensure_shape(kept, [None, windows.shape[1]])
    some, around = pairs.framed(kept, reach)
    seeds = tf.random.experimental.stateless_split(seed, 2)
    far = tf.random.stateless_uniform(tf.shape(some), seeds[0], 1, reach + 1, tf.int32)
    others = pairs.drawn(counts, [tf.shape(kept)[0], some.shape[1], drawn], seeds[1])
    return (some, around, far, others), some


def build(encoder, variant="skip_gram"):
    """Ids (N, T) -> [the mean of the words' vectors (N, d), their vectors as context (N, T, d)].

    variant: "skip_gram" or "cbow". The encoder has to be a table of words, such as "word_vectors".
    """
    if variant not in ("skip_gram", "cbow"):
        raise unknown("variant", variant, ["skip_gram", "cbow"])
    table = next((layer for layer in encoder.layers if isinstance(layer, WordEmbedding)), None)
    if table is None or any(layer.weights for layer in encoder.layers if layer is not table):
        raise InputError("word2vec's encoder is a table of words: word_vectors")
    context = ContextEmbedding(
        table.input_dim, table.output_dim, variant=variant, embeddings_initializer="zeros", name="contexts"
    )
    outputs = [pooled(encoder(encoder.input)), context(encoder.input)]
    return Word2Vec(encoder.input, outputs, name="word2vec")


@keras.saving.register_keras_serializable("keras_ssl")
class Word2Vec(OwnStep, TextModel):
    """Vectors of words: `vector`, `similar`, `analogy`, `doesnt_match`, `debias`; `predict` gives the mean of a text's.

    `vectors` are all of them, as `keras_ssl.words.WordVectors`.
    """

    TRACKED = ("loss",)

    def compile(self, optimizer, loss=None, **kwargs):
        super().compile(optimizer=optimizer, **kwargs)
        self.own_loss = loss

    def respond(self, texts):
        return keras.tree.flatten(self(self.words()(texts), training=False))[0]

    def tables(self):
        """The variables of words (V, d) and of contexts (V, d)."""
        return self.get_layer("encoder").get_layer("embedding").embeddings, self.get_layer("contexts").embeddings

    def train_step(self, data):
        rows = pairs.rows(*data[0])
        step = pairs.softmax if self.own_loss == "softmax" else pairs.STEPS[self.get_layer("contexts").variant]
        loss, gradients = step(*self.tables(), rows)
        self.optimizer.apply(gradients, list(self.tables()))
        return self.track(loss)

    def kept(self):
        """The model without the vectors that only training needs."""
        encoder = self.get_layer("encoder")
        return Word2Vec(encoder.input, pooled(encoder(encoder.input)), name="word2vec")

    def vectors(self):
        """The known words and their vectors, the most frequent first: a `keras_ssl.words.WordVectors`."""
        vocabulary = self.words()
        table = keras.ops.convert_to_numpy(self.get_layer("encoder").get_layer("embedding").embeddings)
        return words.WordVectors(vocabulary.words, table[-len(vocabulary.words) :])

    def vector(self, word):
        """The vector (d,) of a word. Raises KeyError, with the nearest spellings, for an unknown one."""
        return self.vectors().vector(word)

    def similar(self, word, k=10):
        """The k words nearest to a word: [(word, cosine), ...]. Raises KeyError as `vector` does."""
        return self.vectors().similar(word, k)

    def analogy(self, a, b, c, k=1):
        """a is to b as c is to ...: the k best answers, [(word, cosine), ...]. Raises KeyError as `vector` does."""
        return self.vectors().analogy(a, b, c, k)

    def doesnt_match(self, some):
        """The one of three words or more that fits least to the others. Raises KeyError as `vector` does."""
        return self.vectors().doesnt_match(some)

    def debias(self):
        """A Word2Vec without the gender direction in its neutral words, see `keras_ssl.words.bias.debias`."""
        return from_vectors(bias.debias(self.vectors()), punctuation=self.words().punctuation)


def from_vectors(vectors, punctuation=True):
    """A Word2Vec of finished vectors: WordVectors, such as of `WordVectors.from_gensim` or `.load_text`.

    punctuation: whether such marks in texts are words of their own.
    """
    encoder = build_encoder("word_vectors", Lexicon(vectors.words, punctuation), width=vectors.matrix.shape[1])
    table = encoder.get_layer("embedding")
    whole = np.zeros((table.input_dim, table.output_dim), "float32")
    whole[-len(vectors) :] = vectors.matrix
    table.set_weights([whole])
    return Word2Vec(encoder.input, pooled(encoder(encoder.input)), name="word2vec")


def learned(texts, lexicon, width, epochs=10, seed=0):
    """Vectors of the words that skip-gram learns of a tf.data.Dataset of texts, on the spot: (words, width) float32."""
    from ... import training
    from ...layers import Vocabulary
    from ...modalities.text import encoded, joined

    vocabulary = Vocabulary(list(lexicon), lexicon.punctuation)
    ids, ends = encoded(texts, vocabulary)
    counts = np.bincount(ids, minlength=vocabulary.size)
    counts[: -len(lexicon)] = 0
    batches, steps = training.epochs_of_batches(
        joined(ids, ends, 8 * pairs.ROW, SEPARATOR), lambda batch, seed: pretext(batch, seed, counts),
        batch_size=8, epochs=epochs, seed=seed, times=8,
    )  # fmt: skip
    model = build(build_encoder("word_vectors", lexicon, width=width))
    falling = keras.optimizers.schedules.PolynomialDecay(0.025, steps * epochs, 1e-4)
    model.compile(
        keras.optimizers.SGD(falling), "negative_sampling", jit_compile=False, steps_per_execution=min(8, steps)
    )
    model.fit(batches, epochs=epochs, steps_per_epoch=steps, verbose=0, shuffle=False)
    return model.vectors().matrix


def measure(model, dataset):
    """How well cosines agree with people's judgements, and analogies answered; gender bias before and after debiasing.

    Spearman's rank correlation on WordSim-353 and SimLex-999, and the share of Google's analogy questions answered
    right, over what is known of them; the files are those that come with gensim. gender_bias: the mean cosine of
    occupations with the gender direction; weat: effect size of career and family words against male and female ones.
    """
    vectors = model.vectors()
    figures = {}
    try:
        from gensim.test.utils import datapath
    except ImportError:
        datapath = None
    if datapath is not None:
        from ...words import benchmarks

        for name, file in (("wordsim353", "wordsim353.tsv"), ("simlex999", "simlex999.txt")):
            found = _or_none(benchmarks.similarity_score, vectors, benchmarks.read_pairs(datapath(file)))
            figures[name] = {"value": found["spearman"] if found else 0.0, "chance": 0.0}
        questions = benchmarks.read_questions(datapath("questions-words.txt"))
        found = _or_none(benchmarks.analogy_score, vectors, questions)
        figures["analogies"] = {"value": found["accuracy"] if found else 0.0, "chance": 0.0}
    direction = _or_none(bias.gender_direction, vectors)
    if direction is not None:
        after = bias.debias(vectors, direction)
        kinds = {"value": after, "before": vectors}
        figures["gender_bias"] = {
            who: bias.direct_bias(v, bias.occupations(), direction)["bias"] for who, v in kinds.items()
        }
        weat = {who: _or_none(bias.weat, v, *bias.WEAT["career, terms"]) for who, v in kinds.items()}
        if all(weat.values()):
            figures["weat"] = {who: found["effect_size"] for who, found in weat.items()}
        if "analogies" in figures:
            after = benchmarks.analogy_score(after, questions)["accuracy"]
            figures["analogies_debiased"] = {"value": after, "before": figures["analogies"]["value"]}
    figures["words"] = {"value": len(vectors), "chance": 0}
    return figures


def notes(model, folder=None):
    """What the card says of gender: occupations before and after debiasing, a table, and debiasing.png in `folder`.

    "" where the vocabulary hasn't the words that tell the direction.
    """
    from ...words import chart

    before = model.vectors()
    direction = _or_none(bias.gender_direction, before)
    if direction is None:
        return ""
    after = bias.debias(before, direction)
    if folder is not None:
        chart.occupations(before, after, folder / "debiasing.png", direction)
    lines = ["## Gender in the vectors", "", "![occupations between he and she](debiasing.png)", ""]
    lines += ["| occupation, by cosine with she - he | before | after `debias()` |", "|---|---|---|"]
    extremes = bias.extreme_occupations(before, direction=direction)
    ranked = [*extremes["she"], *reversed(extremes["he"])]
    for (word, cosine), left in zip(ranked, bias.projections(after, [w for w, _ in ranked], direction), strict=True):
        lines.append(f"| {word} | {cosine:+.3f} | {abs(left):.3f} |")
    kept = bias.WEAT["career, terms"]
    effects = [_or_none(bias.weat, vectors, *kept) for vectors in (before, after)]
    lines += ["", LEFT]
    if all(effects):
        said = " before and ".join(f"{each['effect_size']:.2f} (p = {each['p_value']:.3g})" for each in effects)
        lines[-1] += f" WEAT's effect size of career and family against male and female terms is {said} after."
    return "\n".join(lines)


def _or_none(function, *arguments):
    """What a function gives; None where the vocabulary hasn't the words that it asks for."""
    try:
        return function(*arguments)
    except InputError:
        return None


def show(model, asked):
    """Words and those nearest to them, by cosine."""
    rows, vectors = [], model.vectors()
    for word in asked:
        spelled = vectors.spelling(word) or word
        try:
            rows.append((word, vectors.similar(spelled, 8)))
        except InputError as error:
            rows.append((word, [(str(error), None)]))
    return rows


def picture(model, asked, path, title=None):
    """A map of the words asked for and their neighbours."""
    from ...words import chart

    vectors = model.vectors()
    groups = {}
    for word in asked:
        if spelled := vectors.spelling(word):
            groups[word] = [spelled, *(near for near, _ in vectors.similar(spelled, 8))]
    if not groups:
        groups = {"frequent words": vectors.words[:40]}
    chart.map_of(vectors, groups, path, title)
