"""One literal table: zoo name -> Recipe. A recipe names a method, a data set, an encoder and the numbers.

`keras-ssl pretrain NAME` runs a row and `tools/evaluate.py NAME` measures the result; what each reached stands in
zoo/NAME/metrics.json. This table says how an entry is trained; a shipped entry opens from its own files alone.
"""

import dataclasses
from dataclasses import dataclass, field

from .errors import InputError, unknown


@dataclass(frozen=True)
class Recipe:
    """How an entry is trained.

    method: module under keras_ssl.methods, such as "image.rotation".
    options: keyword arguments of the method's `pretext` and `build`; "loss" picks one of its losses.
    dataset, size, channels: as keras_ssl.data.open takes them.
    encoder, encoder_options: as keras_ssl.architectures.build takes them.
    splits: those of a text set that are learned from, joined by "+", as far as it has them.
    words: how many the vocabulary has at most, the most frequent ones; least: how often each has to occur;
        punctuation: whether such marks are words of their own. window: words, frames, or samples of sounds, in a
        training example.
    optimizer: "sgd" (Nesterov momentum as given) or "adam" (beta_1 and beta_2 as given); weight_decay is decoupled.
    learning_rate: the peak; it rises over the first `warmup` share of all steps and falls along a half cosine to 0;
        schedule "linear" lets it fall along a line, "constant" leaves it.
    probe_block: the encoder's block whose features the linear probe takes; "" for the encoder's output.
    steps_per_execution: steps that TensorFlow takes before Keras looks up: above 1 where a step takes few milliseconds.
    precision: "float32" or "mixed_bfloat16" (the weights stay float32).
    """

    summary: str
    method: str
    dataset: str
    encoder: str = "convnet"
    encoder_options: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    size: int | None = None
    channels: int | None = None
    splits: str = "train"
    words: int | None = None
    least: int = 1
    punctuation: bool = True
    window: int = 128
    epochs: int = 10
    batch_size: int = 256
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    weight_decay: float = 0.0
    warmup: float = 0.2
    schedule: str = "cosine"
    steps_per_execution: int = 1
    precision: str = "float32"
    probe_block: str = ""
    seed: int = 0

    def replace(self, **changes):
        """A copy with some fields changed. Raises InputError for a field that doesn't exist or another type."""
        types = {f.name: f.type for f in dataclasses.fields(self)}
        for name, value in changes.items():
            if name not in types:
                raise unknown("field of a recipe", name, list(types))
            wanted = int | float if types[name] is float else types[name]
            if isinstance(value, bool) != (wanted is bool) or not isinstance(value, wanted):
                kind = getattr(types[name], "__name__", str(types[name]))
                raise InputError(f"{name} is of type {kind}, got {value!r}")
        return dataclasses.replace(self, **changes)

    def to_dict(self):
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields):
        try:
            return cls(**fields)
        except TypeError as error:
            raise InputError(f"not a recipe: {error}") from error


RECIPES = {
    "supervised": Recipe(
        summary="Classification of CIFAR-10 with labels: the reference for the methods without.",
        method="image.supervised",
        dataset="cifar10",
        epochs=30,
        batch_size=512,
        learning_rate=0.5,
        weight_decay=5e-4,
        precision="mixed_bfloat16",
    ),
    "segmentation": Recipe(
        summary="Give each pixel of a street scene its class, with labels.",
        method="image.segmentation",
        dataset="camvid",
        encoder="fcn",
        options={"start": "rotation"},
        epochs=60,
        batch_size=16,
        optimizer="adam",
        learning_rate=3e-3,
        weight_decay=1e-2,
        warmup=0.1,
        precision="mixed_bfloat16",
        probe_block="block2",
    ),
    "rotation": Recipe(
        summary="Tell by how many quarter turns an image was turned.",
        method="image.rotation",
        dataset="cifar10",
        epochs=16,
        batch_size=128,
        learning_rate=0.4,
        weight_decay=5e-4,
        precision="mixed_bfloat16",
        probe_block="block3a",
    ),
    "relative_position": Recipe(
        summary="Tell in which of eight places a patch lies beside another.",
        method="image.relative_position",
        dataset="tiny_imagenet",
        size=64,
        epochs=16,
        batch_size=64,
        optimizer="adam",
        learning_rate=2e-3,
        warmup=0.05,
        precision="mixed_bfloat16",
        probe_block="block2",
    ),
    "colorizer": Recipe(
        summary="Colour from lightness, classified over quantised colours: vivid.",
        method="image.colorization",
        dataset="tiny_imagenet",
        encoder_options={"colour": "lightness"},
        epochs=5,
        batch_size=64,
        learning_rate=0.2,
        weight_decay=5e-4,
        precision="mixed_bfloat16",
        probe_block="block2a",
    ),
    "colorizer_l2": Recipe(
        summary="Colour from lightness by regression: near on average, pale.",
        method="image.colorization",
        dataset="tiny_imagenet",
        options={"loss": "l2"},
        encoder_options={"colour": "lightness"},
        epochs=6,
        batch_size=64,
        learning_rate=0.3,
        weight_decay=5e-4,
        precision="mixed_bfloat16",
        probe_block="block2a",
    ),
    "inpainter": Recipe(
        summary="Fill a hole in an image from what stands around it.",
        method="image.context_encoder",
        dataset="cifar10",
        options={"hole": "mixed", "loss": "l2"},
        epochs=16,
        batch_size=128,
        optimizer="adam",
        learning_rate=2e-3,
        warmup=0.05,
        precision="mixed_bfloat16",
        probe_block="block2",
    ),
    "super_resolution": Recipe(
        summary="Make a small picture twice as high and wide, with detail.",
        method="image.super_resolution",
        dataset="tiny_imagenet",
        options={"scale": 2, "up": "sub_pixel"},
        epochs=8,
        batch_size=64,
        optimizer="adam",
        learning_rate=1.5e-3,
        warmup=0.05,
        precision="mixed_bfloat16",
        probe_block="block2a",
    ),
    "autoencoder": Recipe(
        summary="Squeeze an image into 32 numbers and rebuild it, fully connected.",
        method="image.autoencoder",
        dataset="fashion_mnist",
        encoder="mlp",
        encoder_options={"widths": [360, 200]},
        options={"code": 32, "decoder": "mlp", "widths": [200, 360]},
        epochs=80,
        batch_size=128,
        optimizer="adam",
        learning_rate=1e-3,
        warmup=0.05,
    ),
    "conv_autoencoder": Recipe(
        summary="Squeeze an image into 64 numbers and rebuild it, by convolutions.",
        method="image.autoencoder",
        dataset="cifar10",
        options={"code": 64, "decoder": "convnet", "shortcut": 12, "widths": [48, 48, 32, 16], "flips": True},
        epochs=20,
        batch_size=128,
        optimizer="adam",
        learning_rate=2e-3,
        warmup=0.05,
        precision="mixed_bfloat16",
        probe_block="block2a",
    ),
    "pca_autoencoder": Recipe(
        summary="Squeeze an image into 32 numbers and rebuild it, linearly: PCA's subspace, learned.",
        method="image.linear_autoencoder",
        dataset="fashion_mnist",
        encoder="mlp",
        encoder_options={"widths": []},
        options={"code": 32},
        epochs=60,
        batch_size=500,
        optimizer="adam",
        learning_rate=5e-3,
        warmup=0.05,
    ),
    "sparse_autoencoder": Recipe(
        summary="Rebuild an image as a sum of few of 1,024 learned parts.",
        method="image.sparse_autoencoder",
        dataset="fashion_mnist",
        encoder="mlp",
        encoder_options={"widths": []},
        options={"code": 1024, "regularizer": {"class_name": "L1", "config": {"l1": 2.3e-4}}},
        epochs=3,  # longer, or by Adam, it rebuilds better and its code is worth less with few labels
        batch_size=256,
        learning_rate=1.0,
        warmup=0.05,
    ),
    "denoising_autoencoder": Recipe(
        summary="Take the noise out of an image.",
        method="image.denoising_autoencoder",
        dataset="cifar10",
        options={"corruption": "gaussian", "strength": 0.1},
        epochs=16,
        batch_size=128,
        optimizer="adam",
        learning_rate=1.5e-3,
        warmup=0.05,
        precision="mixed_bfloat16",
        probe_block="block2a",
    ),
    "masked_autoencoder": Recipe(
        summary="Paint three quarters of a picture's patches from the rest, by a small vision transformer.",
        method="image.masked_autoencoder",
        dataset="cifar10",
        encoder="vit",
        epochs=40,
        batch_size=256,
        optimizer="adam",
        learning_rate=1e-3,
        beta_2=0.95,
        weight_decay=0.05,
        warmup=0.05,
        precision="mixed_bfloat16",
    ),
    "vae": Recipe(
        summary="A code of known distribution: digits drawn from it are new ones.",
        method="image.vae",
        dataset="mnist",
        encoder="mlp",
        encoder_options={"widths": [360, 200]},
        options={"code": 20, "decoder": "mlp", "widths": [200, 360]},
        epochs=100,
        batch_size=128,
        optimizer="adam",
        learning_rate=1e-3,
        warmup=0.05,
    ),
    "vqvae": Recipe(
        summary="Images as 64 words of a learned vocabulary of 512, and a small language model of them.",
        method="image.vqvae",
        dataset="cifar10",
        encoder="residual",
        epochs=30,
        batch_size=128,
        optimizer="adam",
        learning_rate=1e-3,
        warmup=0.02,
        precision="mixed_bfloat16",
        probe_block="block2",
    ),
    "rbm": Recipe(
        summary="Hidden units that explain which pixels are white together: an energy, and samples of it.",
        method="image.boltzmann",
        dataset="mnist",
        encoder="boltzmann",
        encoder_options={"units": 1000},
        epochs=100,
        batch_size=100,
        learning_rate=0.004,
        warmup=0.0,
    ),
    "gan": Recipe(
        summary="Make images out of noise that a discriminator takes for real.",
        method="image.gan",
        dataset="cifar10",
        encoder="dcgan",
        epochs=28,
        batch_size=64,
        optimizer="adam",
        learning_rate=4e-4,
        beta_1=0.0,
        beta_2=0.99,
        warmup=0.0,
        precision="mixed_bfloat16",
        probe_block="block3a",
    ),
    "siamese": Recipe(
        summary="Two views through one network: their distance is an energy.",
        method="image.siamese",
        dataset="cifar10",
        epochs=12,
        batch_size=256,
        optimizer="adam",
        learning_rate=2e-3,
        weight_decay=1e-4,
        warmup=0.1,
        precision="mixed_bfloat16",
        probe_block="block3a",
    ),
    "simclr": Recipe(
        summary="Tell the other view of an image from views of all others.",
        method="image.simclr",
        dataset="cifar10",
        epochs=24,
        batch_size=256,
        optimizer="adam",
        learning_rate=2e-3,
        weight_decay=1e-4,
        warmup=0.1,
        precision="mixed_bfloat16",
        probe_block="block3a",
    ),
    "barlow_twins": Recipe(
        summary="Two views agree in each number, and no two numbers say the same.",
        method="image.barlow_twins",
        dataset="cifar10",
        epochs=16,
        batch_size=256,
        optimizer="adam",
        learning_rate=2e-3,
        weight_decay=1e-4,
        warmup=0.1,
        precision="mixed_bfloat16",
        probe_block="block3a",
    ),
    "vicreg": Recipe(
        summary="Two views alike, while every number varies and none twice.",
        method="image.vicreg",
        dataset="cifar10",
        epochs=16,
        batch_size=256,
        learning_rate=0.02,
        weight_decay=1e-4,
        warmup=0.1,
        precision="mixed_bfloat16",
        probe_block="block3a",
    ),
    "byol": Recipe(
        summary="Predict how a moving average of the network sees the other view.",
        method="image.byol",
        dataset="cifar10",
        epochs=16,
        batch_size=256,
        optimizer="adam",
        learning_rate=2e-3,
        weight_decay=1e-4,
        warmup=0.1,
        precision="mixed_bfloat16",
        probe_block="block3a",
    ),
    "word2vec": Recipe(
        summary="Vectors of words from the words that stand near them.",
        method="text.word2vec",
        dataset="imdb_reviews",
        splits="train+test+unsupervised",
        encoder="word_vectors",
        words=28_000,
        least=5,
        punctuation=False,
        window=768,
        epochs=5,
        batch_size=2,
        steps_per_execution=16,
        optimizer="sgd",
        momentum=0.0,
        learning_rate=0.025,
        schedule="linear",
    ),
    "masked_lm": Recipe(
        summary="Fill in hidden words of a text from those on both sides.",
        method="text.masked_language_model",
        dataset="imdb_reviews",
        splits="train+unsupervised",
        encoder="text_transformer",
        encoder_options={"width": 128, "depth": 3},
        words=10_000,
        epochs=1,
        batch_size=32,
        optimizer="adam",
        learning_rate=2e-3,
        beta_2=0.98,
        weight_decay=1e-4,
        warmup=0.06,
    ),
    "next_word": Recipe(
        summary="Tell the next word of a text, and write on.",
        method="text.language_model",
        dataset="imdb_reviews",
        encoder="language_model",
        encoder_options={"variant": "attention", "width": 256, "depth": 2, "dropout": 0.3},
        words=10_000,
        epochs=4,
        batch_size=48,
        optimizer="adam",
        learning_rate=3e-3,
        warmup=0.02,
    ),
    "frame_prediction": Recipe(
        summary="Tell the next ten frames of a clip from the ten before.",
        method="video.frame_prediction",
        dataset="moving:mnist",
        encoder="clip_convnet",
        encoder_options={"width": 112},
        options={"width": 112},
        window=20,
        epochs=4,
        batch_size=16,
        optimizer="adam",
        learning_rate=1e-3,
        warmup=0.05,
        precision="mixed_bfloat16",
    ),
    "temporal_order": Recipe(
        summary="Tell whether three frames of a clip stand in the order of time.",
        method="video.temporal_order",
        dataset="moving:mnist",
        encoder="clip_convnet",
        encoder_options={"width": 64},
        window=13,
        epochs=3,
        batch_size=32,
        optimizer="adam",
        learning_rate=2e-3,
        warmup=0.05,
    ),
    "translation": Recipe(
        summary="Say a sentence in another language.",
        method="text.translation",
        dataset="multi30k",
        encoder="text_transformer",
        encoder_options={"width": 128, "depth": 2, "window": 40, "dropout": 0.2},
        options={"dropout": 0.2},
        least=2,
        window=40,
        epochs=12,
        batch_size=64,
        optimizer="adam",
        learning_rate=2e-3,
        beta_2=0.98,
        warmup=0.1,
    ),
    "audio_restoration": Recipe(
        summary="Mend a recording: noise, gaps, clipping, a band removed, coarse quantisation.",
        method="audio.restoration",
        dataset="spoken_digit",
        encoder="spectrogram_net",
        encoder_options={"hop": 128},
        window=8064,  # 64 frames: a map that ends with the sound, as those of any length may
        epochs=150,
        batch_size=16,
        optimizer="adam",
        learning_rate=2e-3,
        warmup=0.05,
        precision="mixed_bfloat16",
    ),
}


def get(name):
    """The recipe of a name. Raises InputError with the nearest names for an unknown one."""
    if name not in RECIPES:
        raise unknown("recipe", name, list(RECIPES))
    return RECIPES[name]
