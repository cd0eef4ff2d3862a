"""What raw input may look like: the classes that the zoo's models share.

A subclass adds verbs (`sample`, `colorize`, ...) and has no `__init__` of its own: it is a functional graph, and finds
its parts with `get_layer`, so that `.keras` files open without running anybody's code.
"""

import keras
import numpy as np
from keras import ops

from .errors import InputError


@keras.saving.register_keras_serializable("keras_ssl")
class ImageModel(keras.Model):
    """A Keras model of images that takes them as they come.

    `predict` takes one picture or a batch; grey (H, W) or (N, H, W), RGB or RGBA; uint8 or float in 0..255; a path; and
    gives its answer in float32, without a batch axis for one picture. Everything else is `keras.Model`'s.
    """

    def respond(self, images):
        """What `predict` and the SavedModel answer to a float batch (N, H, W, C): a pure TensorFlow function."""
        return self(images, training=False)

    def endpoints(self):
        """The SavedModel's endpoints: name -> (function, list of tf.TensorSpec)."""
        import tensorflow as tf

        shape = (None, *self._image_shape())
        respond = tf.function(self.respond)  # the file then holds its graph once
        return {
            "serve": (respond, [tf.TensorSpec(shape, tf.float32, "images")]),
            "serve_uint8": (
                lambda images: respond(tf.cast(images, tf.float32)),
                [tf.TensorSpec(shape, tf.uint8, "images")],
            ),
        }

    def predict_step(self, data):
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.respond(images)

    def predict(self, x, batch_size=None, verbose=0, **kwargs):
        """The model's answer for one picture, a batch, a path of a picture, or a tf.data.Dataset of batches."""
        if hasattr(x, "element_spec"):
            return super().predict(x, verbose=verbose, **kwargs)
        images, single = self.natural(x)
        answer = super().predict(images, batch_size=batch_size, verbose=verbose, **kwargs)
        return keras.tree.map_structure(lambda a: a[0], answer) if single else answer

    def natural(self, x):
        """(batch (N, H, W, C) float32 as this model takes it, whether `x` was one picture).

        Raises InputError for a shape, number of channels or range that can't be a picture of this model.
        """
        return natural_images(x, self._image_shape(), self.name)

    def ask(self, function, x, size=500):
        """What a function of a float batch (N, H, W, C) says of pictures as they come, `size` at a time.

        For one picture without a batch axis.
        """
        images, single = self.natural(x)
        answers = by_parts(function, images, size)
        return answers[0] if single else answers

    def _image_shape(self):
        return tuple(self.input_shape[1:])


@keras.saving.register_keras_serializable("keras_ssl")
class ClipModel(ImageModel):
    """A Keras model of clips that takes them as an ImageModel takes pictures: (T, H, W, C) or (N, T, H, W, C)."""

    def natural(self, x):
        return natural_clips(x, self._image_shape(), self.name)


@keras.saving.register_keras_serializable("keras_ssl")
class TextModel(keras.Model):
    """A Keras model of texts that takes them as they come.

    Its graph takes ids of words (N, T), as `words()`, a `layers.Vocabulary` in it, gives them, or texts (N,).
    `predict` takes one text or many, in a list, an array, a tensor or a tf.data.Dataset of batches, and gives its
    answer in float32, without a batch axis for one text.
    """

    def words(self):
        """The Vocabulary, wherever in the model it lies."""
        from .layers import Vocabulary

        return next(layer for layer in self._flatten_layers() if isinstance(layer, Vocabulary))

    def respond(self, texts):
        """What `predict` and the SavedModel answer to a string tensor (N,): a pure TensorFlow function."""
        return self(texts if self.inputs[0].dtype == "string" else self.words()(texts), training=False)

    def endpoints(self):
        """The SavedModel's endpoints: name -> (function, list of tf.TensorSpec)."""
        import tensorflow as tf

        return {"serve": (self.respond, [tf.TensorSpec((None,), tf.string, "texts")])}

    def predict(self, x, batch_size=32):
        """The model's answer for one text, many, or a tf.data.Dataset of batches. Sequences are padded with zeros."""
        if hasattr(x, "element_spec"):
            batches = x.map(lambda texts, *labels: texts)
            return _joined([self._graph("respond")(batch).numpy() for batch in batches])
        return self.answer("respond", x, batch_size)

    def answer(self, verb, texts, batch_size=32):
        """What a method of this model, by name, that takes a string tensor (N,), says of texts as they come.

        In float32, without a batch axis for one text. Texts of similar length are taken together.
        """
        texts, single = natural_texts(texts, self.name)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        parts = [[texts[i] for i in order[at : at + batch_size]] for at in range(0, len(texts), batch_size)]
        found = _joined([self._graph(verb)(part).numpy() for part in parts])
        answer = np.empty_like(found)
        answer[order] = found
        return answer[0] if single else answer

    def _graph(self, verb):
        import tensorflow as tf

        # Not an attribute by Keras's ways, which would take it for a part of the model.
        graphs = self.__dict__.setdefault("_graphs", {})
        if verb not in graphs:
            graphs[verb] = tf.function(getattr(self, verb), input_signature=[tf.TensorSpec((None,), tf.string)])
        return graphs[verb]


@keras.saving.register_keras_serializable("keras_ssl")
class AudioModel(keras.Model):
    """A Keras model of waveforms that takes them as they come.

    `predict` takes one waveform (T,) or many of different lengths, in a list or an array; float in -1..1 or whole
    numbers as sound files have them; a path of a .wav or .flac file, brought to the model's `rate`; or a
    tf.data.Dataset of batches. It gives its answer in float32, without a batch axis for one waveform.
    """

    @property
    def rate(self):
        """Samples a second of the waveforms that the model takes."""
        return getattr(self._spectrogram(), "rate", 8000)

    def respond(self, waveforms):
        """What `predict` and the SavedModel answer to a float batch (N, T): a pure TensorFlow function."""
        return self(waveforms, training=False)

    def endpoints(self):
        """The SavedModel's endpoints: name -> (function, list of tf.TensorSpec)."""
        import tensorflow as tf

        respond = tf.function(self.respond)  # the file then holds its graph once
        return {
            "serve": (respond, [tf.TensorSpec((None, None), tf.float32, "waveforms")]),
            "serve_int16": (
                lambda waveforms: respond(tf.cast(waveforms, tf.float32) / 32768),
                [tf.TensorSpec((None, None), tf.int16, "waveforms")],
            ),
        }

    def predict(self, x, batch_size=32, verbose=0):
        """The model's answer for one waveform, many, a path, or a tf.data.Dataset of batches.

        Waveforms of different lengths don't change each other's answers: sequences, and waveforms, are padded with
        zeros at the end.
        """
        if hasattr(x, "element_spec"):
            batches = x.map(lambda waveforms, *labels: waveforms)
            return _joined([self._graph()(batch).numpy() for batch in batches])
        waveforms, single = self.natural(x)
        answers = self._answers(waveforms, batch_size)
        return answers[0] if single else _joined([answer[None] for answer in answers])

    def natural(self, x):
        """(list of waveforms (T,), float32 in -1..1, whether `x` was one). InputError for what isn't a waveform."""
        return natural_waveforms(x, self.name, self.rate)

    def _answers(self, waveforms, batch_size=32):
        """What `predict` says of each of some waveforms. Those of as many frames are taken together."""
        spectrogram = self._spectrogram()
        length = getattr(spectrogram, "longest", lambda samples: samples)
        groups = {}
        for i, waveform in enumerate(waveforms):
            groups.setdefault(length(len(waveform)), []).append(i)
        whole = len(self.output_shape) == 2 and self.output_shape[1] is None  # waveforms again
        found = [None] * len(waveforms)
        for longest, group in groups.items():
            for at in range(0, len(group), batch_size):
                part = group[at : at + batch_size]
                batch = np.stack([np.pad(waveforms[i], (0, longest - len(waveforms[i]))) for i in part])
                for i, answer in zip(part, self._graph()(batch).numpy(), strict=True):
                    found[i] = answer[: len(waveforms[i])] if whole else answer
        return found

    def _spectrogram(self):
        from .layers import Spectrogram

        return next((layer for layer in self._flatten_layers() if isinstance(layer, Spectrogram)), None)

    def _graph(self):
        import tensorflow as tf

        # Not an attribute by Keras's ways, which would take it for a part of the model.
        if "_respond" not in self.__dict__:
            signature = [tf.TensorSpec((None, None), tf.float32)]
            self.__dict__["_respond"] = tf.function(self.respond, input_signature=signature)
        return self.__dict__["_respond"]


def _joined(answers):
    """Batches of answers as one array, float32; sequences padded with zeros to the longest."""
    if not answers:
        raise InputError("there is nothing to answer")
    if len({answer.shape[1:] for answer in answers}) > 1:
        longest = max(answer.shape[1] for answer in answers)
        answers = [np.pad(a, [(0, 0), (0, longest - a.shape[1]), *[(0, 0)] * (a.ndim - 2)]) for a in answers]
    return np.concatenate(answers).astype("float32")


class OwnStep:
    """What a `train_step` of one's own needs; stands before ImageModel among a class's bases.

    TRACKED: names of the figures that `train_step` and `test_step` follow by `track`.
    """

    TRACKED = ("loss",)

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.trackers = [keras.metrics.Mean(name) for name in self.TRACKED]

    @property
    def metrics(self):
        return getattr(self, "trackers", [])

    def track(self, *values):
        """Note this batch's values, in the order of TRACKED; returns what a step returns: {name: mean so far}."""
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def share(self, loss):
        """The part of a batch's mean loss that a replica answers for: Keras adds the replicas' gradients up."""
        return loss / self.distribute_strategy.num_replicas_in_sync


class Adversaries(OwnStep):
    """A model of two players: a critic, which tells real images from made ones, and the rest of the model, the maker.

    CRITIC: names of the parts that are the critic's. Each player has an optimizer of its own; the critic is the first.
    The papers stand in methods/image/gan.py.
    """

    CRITIC = ("discriminator",)

    def compile(self, optimizer, loss=None, **kwargs):
        """optimizer: the critic's; the maker gets a copy. loss: kept for train_step as `own_loss`, not for Keras."""
        super().compile(optimizer=optimizer, **kwargs)
        self.own_loss = loss
        config = self.optimizer.get_config() | {"name": "generator_optimizer"}
        self.optimizers = [self.optimizer, type(self.optimizer).from_config(config)]
        for optimizer, variables in zip(self.optimizers, self.players(), strict=True):
            optimizer.build(variables)

    def players(self):
        """The variables that each player trains: [the critic's, the maker's]."""
        critic = [v for name in self.CRITIC for v in self.get_layer(name).trainable_variables]
        taken = {id(v) for v in critic}
        return [critic, [v for v in self.trainable_variables if id(v) not in taken]]

    def play(self, tape, losses):
        """One step of each player along the gradient of its own loss, [the critic's, the maker's], from one tape."""
        for optimizer, variables, loss in zip(self.optimizers, self.players(), losses, strict=True):
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    @staticmethod
    def verdicts(real, fake):
        """Mean losses of logits that images are real: (the critic's, the maker's, non-saturating)."""
        critic = ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))
        return critic, ops.mean(ops.softplus(-fake))

    @staticmethod
    def steepness(score, images):
        """Mean squared length of the gradient of `score`, a function of images, for pixels in -1..1.

        As a penalty on real images (R1) it holds a critic back. Of an image's logits at several places the mean counts.
        """
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = score(images)
            means = tf.reduce_mean(tf.reshape(logits, [tf.shape(logits)[0], -1]), axis=1)
        return tf.reduce_mean(tf.reduce_sum((127.5 * tape.gradient(means, images)) ** 2, axis=[1, 2, 3]))


def natural_images(x, shape, name="the model"):
    """Pictures as they come -> (float32 batch (N, H, W, C) that fits `shape`, whether `x` was one picture)."""
    if isinstance(x, str) or hasattr(x, "__fspath__"):
        from .data import image_files

        try:
            x = image_files.read(x, None, 3)
        except Exception as error:  # Pillow's decoders raise errors of many kinds
            raise InputError(f"{x} isn't a readable picture ({error})") from error
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise InputError("pictures of one batch have one shape: resize them, or give one at a time") from error
    if x.dtype.kind not in "uifb":
        raise InputError(f"pictures are numbers in 0..255, got an array of {x.dtype}")
    height, width, channels = shape
    single = x.ndim == 2 or (x.ndim == 3 and x.shape[-1] in (1, 3, 4))
    if x.ndim == 2 or (x.ndim == 3 and not single):
        x = x[..., None]
    if single:
        x = x[None]
    if x.ndim != 4 or x.shape[-1] not in (1, 3, 4):
        raise InputError(
            f"{name} takes pictures (N, H, W, C) with 1, 3 or 4 channels, or one (H, W) or (H, W, C); got {x.shape}"
        )
    x = x.astype("float32")
    if x.size and not (np.isfinite(x).all() and x.min() >= -1e-3 and x.max() <= 255.001):
        raise InputError(f"pictures are in 0..255, got values in {x.min():g}..{x.max():g}")
    if x.size and 0 < x.max() <= 1 and (x % 1).any():
        raise InputError(f"pictures are in 0..255, these look like 0..1 (at most {x.max():g}): multiply by 255")
    x = x[..., :3]  # alpha
    if channels == 3 and x.shape[-1] == 1:
        x = np.repeat(x, 3, axis=-1)
    elif channels == 1 and x.shape[-1] == 3:
        x = x @ np.array([[0.299], [0.587], [0.114]], "float32")  # ITU-R BT.601 luma
    if (height and height != x.shape[1]) or (width and width != x.shape[2]):
        raise InputError(f"{name} takes pictures of {height}x{width}, got {x.shape[1]}x{x.shape[2]}: resize them")
    return x, single


def natural_clips(x, shape, name="the model"):
    """Clips as they come -> (float32 batch (N, T, H, W, C) that fits `shape`, whether `x` was one clip).

    One clip is (T, H, W) or (T, H, W, C), many are (N, T, H, W) or (N, T, H, W, C); or a path of a video file.
    Raises InputError for a shape, number of frames or channels, or range that can't be a clip of this model.
    """
    if isinstance(x, str) or hasattr(x, "__fspath__"):
        from .data import video_files

        try:
            x = video_files.read(x, None, shape[-1])
        except InputError:
            raise
        except Exception as error:  # decoders raise errors of many kinds
            raise InputError(f"{x} isn't a readable video ({error})") from error
    x = np.asarray(x)
    single = x.ndim == 3 or (x.ndim == 4 and x.shape[-1] in (1, 3, 4))
    x = x[None] if single else x
    if x.ndim not in (4, 5):
        raise InputError(f"{name} takes clips (N, T, H, W, C), or one (T, H, W, C); got {x.shape}")
    if shape[0] not in (None, x.shape[1]):
        raise InputError(f"{name} takes clips of {shape[0]} frames, got {x.shape[1]}")
    frames = natural_images(x.reshape(-1, *x.shape[2:], *([1] if x.ndim == 4 else [])), shape[1:], name)[0]
    return frames.reshape(*x.shape[:2], *frames.shape[1:]), single


def natural_waveforms(x, name="the model", rate=8000):
    """Waveforms as they come -> (list of float32 (T,) in -1..1, whether `x` was one waveform).

    Raises InputError for what isn't a waveform, or a list or array of them, and for a file that can't be read.
    """
    from .data import audio_files
    from .data.audio_sets import waveform

    if isinstance(x, str) or hasattr(x, "__fspath__"):
        samples, own = audio_files.opened(x)
        return [audio_files.resample(samples, own, rate)], True
    x = x.numpy() if hasattr(x, "numpy") else x
    single = np.ndim(x[0]) == 0 if len(x) else False
    given = [np.asarray(x)] if single else list(x)
    if not given:
        raise InputError(f"{name} takes waveforms: one (T,), or a list or array of them; got none")
    if isinstance(x, np.ndarray) and x.ndim == 2 and x.shape[1] <= 2 < x.shape[0]:
        raise InputError(f"{name} takes waveforms (N, T) of one channel, got {x.shape}: average the channels first")
    what = "the waveform" if single else "waveform {}"
    return [waveform(each, what.format(i)) for i, each in enumerate(given)], single


def natural_texts(x, name="the model"):
    """Texts as they come -> (a list of str or bytes, whether `x` was one text). InputError for what isn't text."""
    x = x.numpy() if hasattr(x, "numpy") else x
    single = isinstance(x, (str, bytes)) or (isinstance(x, np.ndarray) and x.ndim == 0)
    texts = [x.item() if isinstance(x, np.ndarray) else x] if single else list(x)
    wrong = next((text for text in texts if not isinstance(text, (str, bytes))), None)
    if wrong is not None:
        raise InputError(f"{name} takes texts: a str, or a list or 1-D array of them; got a {type(wrong).__name__}")
    return texts, single


def by_parts(function, batch, size=500):
    """A function of a batch, run on `size` of it at a time, so that memory doesn't grow with the batch."""
    return np.concatenate([function(batch[i : i + size]) for i in range(0, max(1, len(batch)), size)])
