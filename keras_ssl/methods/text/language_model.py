"""Next word: tell each word of a text from those before it.

The sum of log p(x_t | x_{t-1} ... x_{t-L}) by a network with one table of words for its input and its answers (Press
and Wolf, EACL 2017, arXiv:1608.05859); `architectures.language` has the networks and their papers. Of a large
vocabulary it is trained by comparing the right word with some random ones, the same for a whole batch, each counted for
as many as it stands for: Bengio and Senécal, IEEE Transactions on Neural Networks 19, 2008; Jean et al., ACL 2015,
arXiv:1412.2007.
"""

import keras
import numpy as np
import tensorflow as tf

from ...architectures.language import VARIANTS, table_and_vectors
from ...errors import InputError
from ...layers import Windows as WindowsLayer
from ...layers import WordScores
from ...layers.vocabulary import MASK, SPECIAL
from ...models import OwnStep, TextModel
from ...words import answers, pairs

LOSS = {"sampled_softmax": "sampled_softmax", "softmax": "softmax"}
METRICS = []
SEPARATOR = 1  # padding between texts that share a window
START = MASK  # the id before a text's first word: nothing is hidden here, so it is free
ASKED = ["the film", "one of the best", "i have never seen such a", "the acting is"]
WRITTEN = [
    tf.TensorSpec((), tf.string, "prompt"), tf.TensorSpec((), tf.int32, "length"),
    tf.TensorSpec((), tf.float32, "temperature"), tf.TensorSpec((), tf.int32, "top_k"),
    tf.TensorSpec((), tf.int32, "seed"),
]  # fmt: skip


def pretext(windows, seed, counts, drawn=1024):
    """Each word is asked for, told those before it in its window; START stands before a text's first word.

    windows (N, T) of ids -> ((the words before (N, T), log of how often each word is drawn (N, T), words drawn
    (N, drawn), the same for all, and the log for those (N, drawn)), the words (N, T), weights (N, T)); weights are 0
    for padding and have the mean 1.

    drawn: random words that all words of a batch are compared with. counts: how often each id occurs.
    """
    before = tf.concat([tf.fill([tf.shape(windows)[0], 1], START), windows[:, :-1]], axis=1)
    before = tf.where(before != 0, before, START)
    before = tf.where(windows != 0, before, 0)
    share = np.maximum(counts, 1e-9) ** pairs.POWER
    logs = tf.constant(np.log(drawn * share / share.sum()), tf.float32)
    others = tf.repeat(pairs.drawn(counts, [1, drawn], seed), tf.shape(windows)[0], axis=0)
    weights = tf.cast(windows != 0, tf.float32)
    weights *= tf.cast(tf.size(weights), tf.float32) / tf.maximum(tf.reduce_sum(weights), 1)
    return (before, tf.gather(logs, windows), others, tf.gather(logs, others)), windows, weights


def build(encoder):
    """Ids (N, T) -> logits (N, T, V) of the word after each.

    encoder: see `architectures.language.table_and_vectors`. Raises InputError for one that looks at later words.
    """
    table, x = table_and_vectors(encoder)
    _refuse_foresight(encoder)
    return NextWord(encoder.input, WordScores(name="scores")([x, table]), name="next_word")


def _refuse_foresight(encoder):
    """Raises InputError where what an encoder says of a word changes with the words after it."""
    ids = np.full((1, 12), len(SPECIAL))
    other = ids.copy()
    other[0, 6:] = START
    one, another = (
        keras.ops.convert_to_numpy(encoder(each)[-1] if len(encoder.outputs) > 1 else encoder(each))[0, :6]
        for each in (ids, other)
    )
    if not np.allclose(one, another, atol=1e-3 * np.abs(one).max()):
        raise InputError("next_word's encoder can't look at later words, which it is asked for: language_model")


@keras.saving.register_keras_serializable("keras_ssl")
class NextWord(OwnStep, TextModel):
    """`next` tells the likeliest next words, `generate` goes on with a text, `perplexity` says how well texts are told.

    `predict` gives logits of all ids for the word after each text, (N, V).
    """

    TRACKED = ("loss",)

    def compile(self, optimizer, loss=None, **kwargs):
        super().compile(optimizer=optimizer, **kwargs)
        self.own_loss = loss

    def train_step(self, data):
        (before, logs, others, logs_of_others), words, weights = data
        with tf.GradientTape() as tape:
            if self.own_loss == "softmax":
                nats = tf.nn.sparse_softmax_cross_entropy_with_logits(words, self(before, training=True))
            else:
                scores, inputs = self.get_layer("scores"), self.parts()(before, training=True)
                nats = scores.among(inputs, words, logs, others[0], logs_of_others[0])
            loss = tf.reduce_mean(weights * nats)
            shared = self.share(loss)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(shared, variables), variables)
        return self.track(loss)

    def respond(self, texts):
        ids = self.words()(texts)
        return self.after(ids, tf.reduce_sum(tf.cast(ids != 0, tf.int32), axis=1))

    def after(self, ids, lengths):
        """Logits (N, V) of the word after the first `lengths` (N,) ones of ids (N, T)."""
        ids = tf.pad(ids, [[0, 0], [1, 0]], constant_values=START)
        window = self.window()
        if window is not None:
            first = tf.maximum(lengths + 1 - window, 0)
            ids = tf.gather(tf.pad(ids, [[0, 0], [0, window]]), first[:, None] + tf.range(window), batch_dims=1)
            lengths = lengths - first
        x, table = self.parts()(ids, training=False)
        x = tf.gather(x, lengths[:, None], batch_dims=1)
        return self.get_layer("scores")([x, table])[:, 0]

    def parts(self):
        """The network up to its answers' inputs: ids (N, T) -> [vectors (N, T, d), table (V, d)]."""
        if "_parts" not in self.__dict__:  # not an attribute by Keras's ways: it is no further part of the model
            self.__dict__["_parts"] = keras.Model(self.input, self.get_layer("scores").input)
        return self.__dict__["_parts"]

    def window(self):
        """The number of words that the network sees at once; None for one that goes through a text of any length."""
        layers = self.get_layer("encoder").layers
        return next((layer.length for layer in layers if isinstance(layer, WindowsLayer)), None)

    def surprise(self, ids):
        """-log p of each word (N, T) of ids (N, T) given all those before it, in nats; 0 for padding.

        A network of windows sees at least half a window before each word, or the text's beginning.
        """
        before = tf.pad(ids, [[0, 0], [1, 0]], constant_values=START)[:, :-1]
        before = tf.where(ids != 0, before, 0)
        window, rows, length = self.window(), tf.shape(ids)[0], tf.shape(ids)[1]
        if window is None:
            return _nats(ids, self(before, training=False))
        half = window // 2
        parts = tf.maximum(-(-length // half) - 1, 1)
        room = [[0, 0], [0, (parts + 1) * half - length]]

        def framed(x):
            return tf.reshape(tf.signal.frame(tf.pad(x, room), 2 * half, half), [-1, 2 * half])

        nats = _nats(framed(ids), self(framed(before), training=False))
        nats = tf.reshape(nats, [rows, parts, 2 * half])
        later = tf.reshape(nats[:, :, half:], [rows, parts * half])
        return tf.concat([nats[:, 0, :half], later], axis=1)[:, :length]

    def sums(self, texts):
        """(N, 2) of a string tensor (N,): -log probability of each text, in nats, and its number of words."""
        ids = self.words()(texts)
        count = tf.reduce_sum(tf.cast(ids != 0, tf.float32), axis=1)
        return tf.stack([tf.reduce_sum(self.surprise(ids), axis=1), count], axis=1)

    def perplexity(self, texts):
        """exp of the mean -log probability of a word of the texts, unknown ones counted as one word.

        Raises InputError for texts without a word.
        """
        nats, words = np.atleast_2d(self.answer("sums", texts, batch_size=8)).astype("float64").sum(axis=0)
        if not words:
            raise InputError("there is no word in these texts")
        return float(np.exp(nats / words))

    def energy(self, texts):
        """Mean -log probability of each of a text's words given those before it: nats, (N,) float32; 0 without any."""
        sums = self.answer("sums", texts, batch_size=8)
        return sums[..., 0] / np.maximum(sums[..., 1], 1)

    def next(self, prompts, k=5):
        """The k likeliest words after a text: [(word, probability), ...], for several texts a list of such lists.

        Known words only, whose probabilities have the sum 1.
        """
        return answers.likeliest(self.words(), self.answer("respond", prompts), k)

    def generate(self, prompt, length=30, temperature=1.0, top_k=40, seed=0):
        """A text that begins with the prompt, cut into words and put together again, and goes on for `length` words.

        temperature: above 0; low ones take the likeliest words. top_k: words to choose among, 0 for all.
        """
        if not temperature > 0 or length < 0 or top_k < 0:
            raise InputError(
                f"temperature is above 0, length and top_k not below 0; got {temperature}, {length}, {top_k}"
            )
        graphs = self.__dict__.setdefault("_graphs", {})
        if "written" not in graphs:
            graphs["written"] = tf.function(self.written, input_signature=WRITTEN)
        return graphs["written"](prompt, length, temperature, top_k, seed).numpy().decode()

    def written(self, prompt, length, temperature, top_k, seed):
        """`generate` in the graph."""
        words = tf.constant([*SPECIAL, *self.words().words])
        some = tf.where(top_k > 0, tf.minimum(top_k, words.shape[0]), words.shape[0])

        def go_on(i, ids):
            logits = answers.words_alone(self.after(ids, tf.shape(ids)[1:])) / temperature
            least = tf.math.top_k(logits, some).values[:, -1:]
            noise = tf.random.stateless_uniform(tf.shape(logits), tf.stack([seed, i]), 1e-9, 1.0)
            # The largest of logits with Gumbel noise is a draw from their softmax.
            drawn = tf.where(logits < least, -1e9, logits) - tf.math.log(-tf.math.log(noise))
            return i + 1, tf.concat([ids, tf.argmax(drawn, 1, tf.int32)[:, None]], axis=1)

        ids = tf.reshape(self.words()(prompt[None]), [1, -1])
        start, shapes = (tf.constant(0), ids), (tf.TensorShape([]), tf.TensorShape([1, None]))
        _, ids = tf.while_loop(lambda i, ids: i < length, go_on, start, shape_invariants=shapes)
        return answers.put_together(tf.gather(words, ids[0]))

    def endpoints(self):
        texts = tf.TensorSpec((None,), tf.string, "texts")
        k = tf.TensorSpec((), tf.int32, "k")
        return {
            **super().endpoints(),
            "next": (lambda texts, k: answers.best(self.words(), self.respond(texts), k), [texts, k]),
            "generate": (self.written, WRITTEN),
            "energy": (lambda texts: _mean(self.sums(texts)), [texts]),
            "perplexity": (lambda texts: tf.exp(_mean(tf.reduce_sum(self.sums(texts), axis=0))), [texts]),
        }


def _mean(sums):
    return sums[..., 0] / tf.maximum(sums[..., 1], 1)


def _nats(ids, logits):
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(ids, tf.cast(logits, tf.float32))
    return tf.where(ids != 0, nats, 0)


def measure(model, dataset):
    """Perplexity on the test split, whole reviews, beside an interpolated Kneser-Ney model's of the same vocabulary.

    kneser_ney: of order 5, modified, trained on the train split.
    """
    from ...modalities.text import encoded
    from ...ngrams import KneserNey

    def sequences(split):
        ids, ends = encoded(dataset.stream(split, labels=False), model.words())
        return np.split(ids, ends[:-1])

    grams = KneserNey(5, modified=True).fit(sequences("train"), model.words().size)
    texts = dataset.arrays("test")[0]
    return {
        "perplexity": {"value": model.perplexity(texts), "kneser_ney": grams.perplexity(sequences("test"))},
    }


def notes(model, folder=None):
    """The perplexity of the variants that the user's zoo has as next_word_recurrent and so on; None without any.

    On every tenth text of the test split of what each was trained on: enough to rank them.
    """
    from ... import data, zoo

    rows = []
    for variant in VARIANTS:
        if (name := f"next_word_{variant}") not in zoo.names():
            continue
        recipe = zoo.info(name)["recipe"]
        texts = data.open(recipe["dataset"]).arrays("test")[0][::10]
        settings = ", ".join(f"{k}={v}" for k, v in recipe["encoder_options"].items() if k != "variant")
        perplexity = zoo.load(name).perplexity(texts)
        rows.append(f"| {variant} | {settings} | {recipe['epochs']} | {recipe['dataset']} | {perplexity:.1f} |")
    if not rows:
        return None
    head = [
        "## Variants",
        "",
        "`keras-ssl pretrain next_word --set variant=...` with these settings trains another.",
        "",
    ]
    head += ["| variant | settings | epochs | data | perplexity of every tenth test text |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def show(model, asked):
    """Texts, the likeliest words after them, and how they might go on."""
    rows = []
    for text in asked:
        rows.append((text, [*model.next(text, 6), (model.generate(text, 20, temperature=0.8), None)]))
    return rows
