"""Training speed as ratios of one run: python tools/benchmark.py WHAT

encoder: images a second of one rotation-like training step (32x32, batch 256, SGD with momentum) of our encoder; of
the same network from plain Keras layers; of the same network in PyTorch, where that is installed; and of ours on two
replicas, which on one processor's two logical devices shows what replication costs, not what it gains.

rbm: seconds that our Boltzmann machine and scikit-learn's take for the same epochs of the same batches, both in float32
with persistent chains, and the pseudo-likelihood that each reaches on test images, by scikit-learn's function.

pca: seconds that our linear autoencoder and scikit-learn's PCA take for 32 numbers an image of Fashion-MNIST, and the
squared error of each on test images. What gradients take a hundred times longer for is the same subspace.

word2vec: words of IMDB's reviews a second, in training alone, of our word2vec and of gensim's with as many threads, on
the same known words, dimension, window, negatives and epochs; and how good the vectors of each are, over seeds.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BATCH, SIDE, CLASSES = 256, 32, 4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="encoder", choices=["encoder", "rbm", "pca", "word2vec"])
    parser.add_argument("--seconds", type=float, default=15, help="of measuring for each network")
    parser.add_argument("--precision", default="float32", choices=["float32", "mixed_bfloat16"])
    parser.add_argument("--texts", type=int, help="word2vec: of this many reviews only")
    parser.add_argument("--epochs", type=int, help="word2vec: 5 by default")
    parser.add_argument("--seeds", type=int, default=3, help="word2vec: repeat with so many seeds")
    parser.add_argument("--pairs", action="append", default=[], help="word2vec: a further file of word, word, score")
    given = parser.parse_args()
    if given.what == "rbm":
        boltzmann_machines()
    elif given.what == "pca":
        subspaces()
    elif given.what == "word2vec":
        word_vectors(given)
    else:
        encoders(given)


def encoders(given):
    from keras_ssl import distribution

    distribution.divide_cpu(2)
    import keras
    import numpy as np

    keras.config.set_dtype_policy(given.precision)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH, SIDE, SIDE, 3)).astype("uint8")
    labels = rng.integers(0, CLASSES, BATCH)
    ours = keras_speed(lambda: our_network(), images, labels, given.seconds)
    rows = [("ours", ours)]
    rows.append(("plain Keras layers", keras_speed(lambda: plain_network(), images, labels, given.seconds)))
    strategy = distribution.strategy("mirrored", 2)
    rows.append(("ours, two replicas", keras_speed(lambda: our_network(), images, labels, given.seconds, strategy)))
    try:
        import torch  # noqa: F401
    except ImportError:
        print("PyTorch isn't installed: not compared")
    else:
        rows.append((f"PyTorch {torch.__version__} (float32)", torch_speed(images, labels, given.seconds)))
    for name, speed in rows:
        print(f"{name:32} {speed:7.0f} images/s   {speed / ours:5.2f} x ours ({given.precision})")


def our_network():
    import keras

    from keras_ssl import architectures

    encoder = architectures.build("convnet")
    outputs = keras.layers.Dense(CLASSES, dtype="float32")(architectures.pooled(encoder(encoder.input)))
    return keras.Model(encoder.input, outputs)


def plain_network():
    """Ours with every layer of our own replaced by the Keras layer that it extends."""
    import keras

    def plain(layer):
        kind = {"BatchNormalization": keras.layers.BatchNormalization, "PatchWhitening": keras.layers.Conv2D}.get(
            type(layer).__name__, type(layer)
        )
        return kind.from_config(layer.get_config())

    return keras.models.clone_model(our_network(), clone_function=plain, recursive=True)


def keras_speed(build, images, labels, seconds, strategy=None):
    """Images a second of `fit`, after a warm-up that isn't counted."""
    import keras
    import tensorflow as tf

    data = tf.data.Dataset.from_tensors((images, labels)).repeat()
    with (strategy or tf.distribute.get_strategy()).scope():
        model = build()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), loss, jit_compile=False)
    model.fit(data, steps_per_epoch=5, verbose=0)
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        model.fit(data, steps_per_epoch=10, verbose=0)
        steps += 10
    return steps * BATCH / (time.perf_counter() - began)


def torch_speed(images, labels, seconds):
    """The same network, loss and optimizer in PyTorch, channels last."""
    import torch
    from torch import nn

    def block(inputs, width):
        return [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]  # fmt: skip

    network = nn.Sequential(
        nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 24, 2), nn.ReLU(), *block(24, 32), *block(32, 128), *block(128, 128),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, CLASSES),
    ).to(memory_format=torch.channels_last)  # fmt: skip
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, nesterov=True)
    x = (
        torch.from_numpy(images)
        .permute(0, 3, 1, 2)
        .float()
        .div(64)
        .sub(2)
        .contiguous(memory_format=torch.channels_last)
    )
    y = torch.from_numpy(labels)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()

    for _ in range(5):
        step()
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        steps += 1
    return steps * BATCH / (time.perf_counter() - began)


def boltzmann_machines(units=1000, epochs=5, rate=0.05, n=10_000):
    """Our machine and scikit-learn's on n binarised digits of MNIST, both from weights N(0, 0.01) and no biases on."""
    import keras
    from sklearn.neural_network import BernoulliRBM

    from keras_ssl import architectures, data, training, views
    from keras_ssl.methods.image import boltzmann

    mnist = data.open("mnist")
    images, test = (views.binarise(mnist.arrays(split, limit=n)[0], [0, 0]).numpy() for split in ("train", "test"))
    flat, flat_test = (each.reshape(len(each), -1).astype("float32") / 255 for each in (images, test))

    keras.utils.set_random_seed(0)
    model = boltzmann.build(architectures.build("boltzmann", images.shape[1:], units=units))
    model.compile(keras.optimizers.SGD(rate), jit_compile=False)
    batches, steps = training.epochs_of_batches(data.open(images), boltzmann.pretext, batch_size=100, epochs=epochs)
    start = model.get_weights()
    model.fit(batches.take(1), verbose=0, shuffle=False)  # traces the graph, which isn't counted
    model.set_weights(start)
    began = time.perf_counter()
    model.fit(batches, epochs=epochs, steps_per_epoch=steps, verbose=0, shuffle=False)
    ours = time.perf_counter() - began

    theirs = BernoulliRBM(units, learning_rate=rate, batch_size=100, n_iter=epochs, random_state=0)
    began = time.perf_counter()
    theirs.fit(flat)
    seconds = time.perf_counter() - began

    rows = [("scikit-learn's BernoulliRBM", seconds, theirs.score_samples(flat_test).mean())]
    field, energy = model.get_layer("encoder").get_layer("field"), model.get_layer("free_energy")
    theirs.components_, theirs.intercept_hidden_ = field.kernel.numpy().T, field.bias.numpy()
    theirs.intercept_visible_ = energy.bias.numpy()
    rows.insert(0, ("ours", ours, theirs.score_samples(flat_test).mean()))
    for name, taken, likelihood in rows:
        print(f"{name:32} {taken:6.1f} s   pseudo-likelihood {likelihood:7.1f}   {ours / taken:5.2f} x our speed")


def subspaces():
    """Our linear autoencoder by its recipe, and scikit-learn's PCA of the same images."""
    import numpy as np
    from sklearn.decomposition import PCA

    from keras_ssl import data, methods, recipes, training

    row = recipes.get("pca_autoencoder")
    dataset, method = data.open(row.dataset), methods.get(row.method)
    pretext_options, _, loss = methods.options_of(method, row.options)
    model = training.build(row, dataset.shape)
    batches, steps = training.epochs_of_batches(
        dataset, lambda batch, seed: method.pretext(batch, seed, **pretext_options),
        batch_size=row.batch_size, epochs=row.epochs, seed=row.seed,
    )  # fmt: skip
    model.compile(training.make_optimizer(row, steps * row.epochs), loss, jit_compile=False)
    began = time.perf_counter()
    model.fit(batches, epochs=row.epochs, steps_per_epoch=steps, verbose=0, shuffle=False)
    ours = time.perf_counter() - began

    train, test = ((dataset.arrays(split)[0] / 255).reshape(dataset.count(split), -1) for split in ("train", "test"))
    began = time.perf_counter()
    axes = PCA(32, random_state=0).fit(train.astype("float32"))
    theirs = time.perf_counter() - began
    back = axes.inverse_transform(axes.transform(test.astype("float32")))
    rebuilt = model.predict(dataset.arrays("test")[0]).reshape(len(test), -1) / 255
    for name, seconds, made in (("ours", ours, rebuilt), ("scikit-learn's PCA", theirs, back)):
        print(f"{name:32} {seconds:6.1f} s   squared error {np.mean((made - test) ** 2):.5f}   {ours / seconds:5.2f} x")


def word_vectors(given):
    """Ours by its recipe, as `pretrain` trains it, and gensim's; a line a seed, then means and ratios."""
    import gensim
    import numpy as np
    from gensim.test.utils import datapath

    from keras_ssl import data, methods, modalities, recipes, training
    from keras_ssl.words import WordVectors, benchmarks

    row = recipes.get("word2vec").replace(**({"epochs": given.epochs} if given.epochs else {}))
    method, modality = methods.get(row.method), modalities.of(row.method)
    dataset = modality.open(row)
    if given.texts:
        dataset = data.open({"train": dataset.arrays("train", limit=given.texts)[0]})
    prepared = modality.prepare(dataset, row)
    vocabulary = training.build(row, prepared.known).words()
    ids, ends = modality.encoded(dataset.stream("train", labels=False), vocabulary)
    known = vocabulary.spell(np.arange(vocabulary.size))
    texts = [[known[i] for i in text if i > 2] for text in np.split(ids, ends[:-1])]
    threads, raw = len(os.sched_getaffinity(0)), len(ids) * row.epochs
    print(f"{len(ends)} texts, {len(ids)} words, {len(vocabulary.words)} known; {row.epochs} epochs, {threads} threads")

    def ours(seed):
        import keras

        keras.utils.set_random_seed(seed)
        model = training.build(row, prepared.known)
        batches, steps = training.epochs_of_batches(
            prepared.examples, lambda batch, number: method.pretext(batch, number, prepared.counts, **row.options),
            batch_size=row.batch_size, epochs=row.epochs, seed=seed, times=row.steps_per_execution,
        )  # fmt: skip
        model.compile(
            training.make_optimizer(row, steps * row.epochs),
            "negative_sampling",
            jit_compile=False,
            steps_per_execution=row.steps_per_execution,
        )
        began = time.perf_counter()
        model.fit(batches, epochs=row.epochs, steps_per_epoch=steps, verbose=0, shuffle=False)
        return raw / (time.perf_counter() - began), model.vectors()

    def theirs(seed):
        model = gensim.models.Word2Vec(
            vector_size=100, window=5, negative=5, sg=1, min_count=1, sample=1e-3, workers=threads, seed=seed
        )
        model.build_vocab(texts)
        began = time.perf_counter()
        model.train(texts, total_examples=len(texts), epochs=row.epochs)
        speed = raw / (time.perf_counter() - began)
        return speed, WordVectors(model.wv.index_to_key, model.wv.vectors)

    files = {"WordSim-353": datapath("wordsim353.tsv"), "SimLex-999": datapath("simlex999.txt")}
    files |= {os.path.basename(file): file for file in given.pairs}
    questions = benchmarks.read_questions(datapath("questions-words.txt"))
    found = {"ours": [], f"gensim {gensim.__version__}": []}
    for seed in range(given.seeds):
        for name, train in zip(found, (ours, theirs), strict=True):
            speed, vectors = train(seed)
            figures = {"words/s": speed}
            for title, file in files.items():
                figures[title] = benchmarks.similarity_score(vectors, benchmarks.read_pairs(file))["spearman"]
            figures["analogies"] = benchmarks.analogy_score(vectors, questions)["accuracy"]
            found[name].append(figures)
            print(f"seed {seed}  {name:16}", *(f"{k} {v:.4g}" for k, v in figures.items()), sep="   ", flush=True)
    means = {name: {k: np.mean([row[k] for row in rows]) for k in rows[0]} for name, rows in found.items()}
    for name, row in means.items():
        print(f"mean    {name:16}", *(f"{k} {v:.4g}" for k, v in row.items()), sep="   ")
    mine, other = means.values()
    speed = mine.pop("words/s") / other.pop("words/s")
    print(f"ours over gensim: {speed:.2f} x as fast;", *(f"{k} {v - other[k]:+.4f}" for k, v in mine.items()))


if __name__ == "__main__":
    main()
