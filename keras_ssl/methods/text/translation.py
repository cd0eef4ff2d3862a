"""Translation: the words of a text in another language, from pairs of texts and what each language tells alone.

Attention between what is written and what was read: Bahdanau, Cho, Bengio, ICLR 2015, arXiv:1409.0473, here in
transformer blocks, Vaswani et al., NeurIPS 2017, arXiv:1706.03762. Both tables of words start from word2vec's vectors
of each language alone, the source's turned into the target's space by an orthogonal map (`words.bilingual`): learnt
from texts without translations, which there are many more of (Qi et al., NAACL 2018, arXiv:1804.06323).
"""

import keras
import numpy as np
import tensorflow as tf

from ...architectures.translation import translation_decoder
from ...energies import auc
from ...errors import InputError
from ...layers import Unmasked, Vocabulary, WordEmbedding
from ...layers.vocabulary import MASK, SPECIAL, Lexicon
from ...modalities import Prepared
from ...models import TextModel, natural_texts
from ...words import WordVectors, answers, bilingual, parallel

METRICS = []
EDGE = MASK  # the id before a translation's first word and after its last one: nothing is hidden here, so it is free
LONGEST = 64  # words of a translation, its end included
SMOOTHED = 0.1
ASKED = [
    "A man rides a bike.", "Two dogs are playing in the snow.", "A little girl in a red dress is sitting on a bench.",
    "People are waiting for a train.", "A woman is cooking in the kitchen.",
]  # fmt: skip


def LOSS(words, logits):  # noqa: N802, the name that methods give
    """-log p of words (N, T), in nats, with a tenth of the weight on all words alike.

    Label smoothing: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, CVPR 2016, arXiv:1512.00567.
    logits (N, T, V); padding, whose logit is out of all range, takes no part.
    """
    words = tf.cast(words, tf.int32)  # Keras made them floats
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(words, logits)
    # The mean of -log p over all words is nats + (the word's logit - the mean logit), without a tensor of all log p.
    size = logits.shape[-1]
    mean = tf.linalg.matvec(logits, [0.0] + [1 / (size - 1)] * (size - 1))
    return nats + SMOOTHED * (tf.gather(logits, words, batch_dims=2) - mean)


def pretext(pairs, seed):
    """Each word of the translation is asked for, told the text and the words before it; nothing is drawn.

    pairs (N, 2 L): ids of a text, then those of its translation, of as many places -> ((ids (N, S), words before
    (N, T)), words and the end (N, T), weights (N, T)), as long as the longest; weights are 0 for padding and have the
    mean 1.
    """
    source, target = tf.split(pairs, 2, axis=1)
    source, target = source[:, : _longest(source)], target[:, : _longest(target) + 1]
    before, words = _shifted(target)
    weights = tf.cast(words != 0, tf.float32)
    weights *= tf.cast(tf.size(weights), tf.float32) / tf.maximum(tf.reduce_sum(weights), 1)
    return (source, before), words, weights


def _longest(ids):
    return tf.reduce_max(tf.math.count_nonzero(ids, axis=1))


def _shifted(target):
    """(what stands before each word and the end (N, T), these themselves (N, T)) of ids that end in padding."""
    before = tf.pad(target, [[0, 0], [1, 0]], constant_values=EDGE)[:, :-1]
    inside = tf.concat([target[:, :1], target[:, :-1]], axis=1) != 0  # a word, or the end after one
    return tf.where(inside, before, 0), tf.where(inside & (target == 0), EDGE, target)


def build(encoder, shape, width=None, depth=2, heads=4, dropout=0.1):
    """[ids (N, S), words so far (N, T)] -> logits (N, T, V) of the word after each.

    encoder: of texts, that gives a vector for each word. shape: its words, a `Lexicon`, with those of the other
    language as its `target`; without one, it's taken to be the same language. width: of the decoder, by default the
    encoder's, made a multiple of heads.
    """
    read = Unmasked(name="read")(keras.tree.flatten(encoder(encoder.input))[-1])
    if len(read.shape) != 3 or not any(isinstance(layer, Vocabulary) for layer in encoder.layers):
        raise InputError("a translator's encoder takes texts and gives a vector for each word: text_transformer")
    target = getattr(shape, "target", None) or Lexicon(shape, getattr(shape, "punctuation", True))
    width = width or -(-read.shape[-1] // heads) * heads
    if width % heads:
        raise InputError(f"width is a multiple of heads, got width={width}, heads={heads}")
    before = keras.Input((None,), dtype="int32", name="before")
    decoder = translation_decoder(target, read.shape[-1], width, depth, heads, LONGEST, dropout)
    return Translator([encoder.input, before], decoder([read, encoder.input, before]), name="translation")


def prepare(dataset, recipe, lexicon=None, vectors="own"):
    """Pairs of texts as ids, words known of each language; tables of words that start from word2vec's vectors.

    vectors: what these are learnt of: "own", the texts trained on; another data set of pairs, by name; or "random",
    which leaves both tables as they are.

    Raises InputError for texts that aren't pairs.
    """
    from ...modalities import text

    both = parallel.sides(dataset)
    given = (lexicon, None)
    source, target = (
        text.frequent(side, recipe, dataset.name, words)[0] for side, words in zip(both, given, strict=True)
    )
    known = Lexicon(source, source.punctuation, target)
    ids = [parallel.ids_of(side, lexicon) for side, lexicon in zip(both, (source, target), strict=True)]
    pairs = parallel.Pairs(ids, recipe.window, recipe.batch_size)
    if not pairs.count():
        raise InputError(f"{dataset.name} has no pair of texts of {recipe.window - 1} words or fewer, and some")
    sample = tuple(np.split(next(iter(pairs.stream().batch(text.SEEN))).numpy(), 2, axis=1))
    begin = None
    if vectors != "random":
        others = both if vectors == "own" else parallel.sides(text.open(recipe, vectors))
        begin = lambda model: _start(model, others, recipe.seed)  # noqa: E731
    return Prepared(known, pairs, sample, ASKED, None, begin)


def _start(model, sides, seed):
    """Start a model's two tables of words from vectors that word2vec learns of each language."""
    from . import word2vec

    tables = model.tables()
    lexicons = model.words().lexicon, model.target_words().lexicon
    found = [
        word2vec.learned(side, lexicon, table.shape[1], seed=seed)
        for side, lexicon, table in zip(sides, lexicons, tables, strict=True)
    ]
    pairs = bilingual.aligned_words(
        *(parallel.texts_of(side, lexicon) for side, lexicon in zip(sides, lexicons, strict=True))
    )
    found = [bilingual.centred(matrix) for matrix in found]
    if pairs and tables[0].shape[1] == tables[1].shape[1]:
        rows, columns = (np.array(ids) - len(SPECIAL) for ids in zip(*pairs, strict=True))
        found[0] = found[0] @ bilingual.procrustes(found[0][rows], found[1][columns])
    for table, matrix in zip(tables, found, strict=True):
        whole = keras.ops.convert_to_numpy(table).copy()
        whole[len(SPECIAL) :] = matrix * (table.shape[1] ** -0.5 / matrix.std())
        table.assign(whole)


@keras.saving.register_keras_serializable("keras_ssl")
class Translator(TextModel):
    """`translate` gives texts in the other language, `energy` how badly two texts go together as text and translation.

    `predict` gives logits of all ids for the first word of each translation, (N, V).
    """

    def target_words(self):
        """The Vocabulary of the language that is translated to."""
        return self.get_layer("decoder").get_layer("target_words")

    def tables(self):
        """The variables of source words and of target words, (V, d) each. InputError for an encoder without one."""
        inner = self.get_layer("encoder").layers
        table = next((layer for layer in inner if isinstance(layer, WordEmbedding)), None)
        if table is None:
            raise InputError("the encoder has no table of words to start: --set vectors=random")
        return table.embeddings, self.get_layer("decoder").get_layer("target_embedding").embeddings

    def read(self, ids):
        """What the encoder makes of ids (N, S): the decoder's memory (N, S, d)."""
        return self.get_layer("read")(keras.tree.flatten(self.get_layer("encoder")(ids, training=False))[-1])

    def respond(self, texts):
        ids = self.words()(texts)
        return self([ids, tf.fill([tf.shape(ids)[0], 1], EDGE)], training=False)[:, 0]

    def translate(self, texts):
        """The translation of a text, in lower case, of `LONGEST` words at most; of several a list of them.

        "" for a text of no word that the vocabulary has.
        """
        texts, single = natural_texts(texts, self.name)
        found = [each.decode() for part in self._batches(texts) for each in self._graph("translated")(part).numpy()]
        return found[0] if single else found

    @staticmethod
    def _batches(texts, size=32):
        return [texts[at : at + size] for at in range(0, len(texts), size)]

    def translated(self, texts):
        """`translate` of a string tensor (N,): the likeliest word at each place, until all translations have ended."""
        ids = self.words()(texts)
        memory, decoder = self.read(ids), self.get_layer("decoder")
        words = tf.constant([*SPECIAL, *self.target_words().words])

        def go_on(before, done):
            logits = decoder([memory, ids, before], training=False)[:, -1]
            never = tf.constant([-1e9 if i in (0, 1) else 0.0 for i in range(logits.shape[-1])])
            best = tf.argmax(logits + never, axis=1, output_type=tf.int32)
            best = tf.where(done, 0, best)
            done |= best == EDGE
            return tf.concat([before, best[:, None]], axis=1), done

        start = tf.fill([tf.shape(ids)[0], 1], EDGE)
        none = ~tf.reduce_any(ids >= len(SPECIAL), axis=1)  # of no known word nothing comes
        written, _ = tf.while_loop(
            lambda before, done: (tf.shape(before)[1] < LONGEST) & ~tf.reduce_all(done), go_on, (start, none),
            shape_invariants=(tf.TensorShape([None, None]), tf.TensorShape([None])),
        )  # fmt: skip
        written = tf.where(written == EDGE, 0, written)[:, 1:]
        return tf.strings.strip(answers.put_together(tf.gather(words, written)))

    def energy(self, texts, translations):
        """Mean -log probability of each word of a translation, and its end, given the text: nats, (N,) float32.

        Of the first `LONGEST` words, as many translations as texts.
        """
        first, single = natural_texts(texts, self.name)
        second, _ = natural_texts(translations, self.name)
        if len(first) != len(second):
            raise InputError(f"each text has one translation, got {len(first)} and {len(second)}")
        pairs = ["\t".join(natural_pair(*pair)) for pair in zip(first, second, strict=True)]
        return self.answer("unlikely", pairs[0] if single else pairs)

    def unlikely(self, pairs):
        """`energy` of a string tensor (N,) of texts, tabs and translations."""
        source, target = parallel.parted(pairs)
        target = self.target_words()(target)[:, : LONGEST - 1]
        before, words = _shifted(tf.pad(target, [[0, 0], [0, 1]]))
        logits = self([self.words()(source), before], training=False)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(words, logits)
        counted = tf.cast(words != 0, tf.float32)
        return tf.reduce_sum(counted * nats, axis=1) / tf.maximum(tf.reduce_sum(counted, axis=1), 1)

    def endpoints(self):
        texts = tf.TensorSpec((None,), tf.string, "texts")
        return {**super().endpoints(), "translate": (self.translated, [texts])}


def natural_pair(*texts):
    """Texts as str without tabs, which part them."""
    return [(t.decode(errors="replace") if isinstance(t, bytes) else t).replace("\t", " ") for t in texts]


def measure(model, dataset):
    """BLEU of the test split's translations, in lower case, by sacreBLEU; copied: of the texts as they are.

    energy_auc: the energy of texts with their translations against that of texts with another's. word_precision: how
    often the nearest word by CSLS is the translation, once an orthogonal map is learnt from half of the words that the
    train split aligns, and tested on the others; beside it that by cosine, and the share that is spelled alike.
    """
    figures = {}
    pairs = [text.split("\t", 1) for text in dataset.arrays("test")[0]]
    texts, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    try:
        from sacrebleu import corpus_bleu
    except ImportError:
        corpus_bleu = None
    if corpus_bleu is not None:
        answers_of = {"value": model.translate(texts), "copied": texts}
        figures["bleu"] = {k: corpus_bleu(v, [right], lowercase=True).score for k, v in answers_of.items()}
    texts, right = texts[:500], right[:500]
    energies = [model.energy(texts, each) for each in (right, right[1:] + right[:1])]
    figures["energy_auc"] = {"value": auc(*energies), "chance": 0.5}
    found = word_precision(model, dataset)
    if found:
        figures["word_precision"] = {"value": found["csls"], "cosine": found["cosine"], "spelling": found["spelling"]}
    return figures


def word_precision(model, dataset):
    """`bilingual.precision` of a model's tables and the words that a set's train split aligns; None of few."""
    lexicons = model.words().lexicon, model.target_words().lexicon
    texts = [parallel.texts_of(side, lexicon) for side, lexicon in zip(parallel.sides(dataset), lexicons, strict=True)]
    tables = [keras.ops.convert_to_numpy(table)[len(SPECIAL) :] for table in model.tables()]
    vectors = [WordVectors(lexicon, table) for lexicon, table in zip(lexicons, tables, strict=True)]
    ids = bilingual.aligned_words(*texts)
    pairs = [tuple(v.words[i - len(SPECIAL)] for v, i in zip(vectors, pair, strict=True)) for pair in ids]
    return bilingual.precision(*vectors, pairs) if len(pairs) > 3 else None


def show(model, asked):
    """Texts and their translations."""
    return [
        (text, [(translation, None)]) for text, translation in zip(asked, model.translate(list(asked)), strict=True)
    ]
