"""Frame prediction: the frames that follow, or came before, or lie between those of a clip.

Srivastava, Mansimov, Salakhutdinov, ICML 2015, arXiv:1502.04681; here by SimVP's plain convolutions or by a
convolutional LSTM (see architectures/clips.py). Frames that went before say how things move, and what they are.
"""

import keras
import numpy as np
import tensorflow as tf

from ... import energies, losses
from ...architectures.clips import clip_decoder
from ...errors import InputError, unknown
from ...layers import TimeReversal
from ...models import ClipModel, natural_clips

DIRECTIONS = ("future", "past", "masked")
BATCH = 50  # clips measured at once
STEPS = 3  # predicted frames whose error is told apart: the first one, one in the middle, the last one


def frame_mse(clips, predicted):
    """Squared error summed over the pixels of a frame, in 0..1, its mean over frames: (N, T, H, W, C) twice -> (N,)."""
    return losses.mse(clips, predicted) * tf.cast(tf.reduce_prod(tf.shape(predicted)[2:]), tf.float32)


LOSS = losses.PixelSquaredError()
METRICS = [frame_mse]


def seen(frames):
    """How many frames of a clip the network sees: half of them, the larger half where it's odd."""
    return frames - frames // 2


def pretext(clips, seed, direction="future"):
    """Some frames are told, the others asked for; nothing is drawn.

    clips (N, T, H, W, C) -> told (N, T - T // 2, H, W, C), asked (N, T // 2, H, W, C), in the order of time.
    direction: "future", the second half from the first; "past", the first half from the second; "masked", every other
        frame from its neighbours.

    Raises InputError for another direction.
    """
    return _parted(clips, direction)


def _parted(clips, direction):
    frames = clips.shape[1]
    if direction == "masked":
        return clips[:, ::2], clips[:, 1::2]
    if direction not in DIRECTIONS:
        raise unknown("direction", direction, DIRECTIONS)
    if direction == "future":
        return clips[:, : seen(frames)], clips[:, seen(frames) :]
    return clips[:, frames // 2 :], clips[:, : frames // 2]


def _together(told, found, direction):
    """Clips from their two parts, as `_parted` gives them."""
    if direction == "masked":
        whole = np.empty((len(told), told.shape[1] + found.shape[1], *told.shape[2:]), "float32")
        whole[:, ::2], whole[:, 1::2] = told, found
        return whole
    return np.concatenate([told, found] if direction == "future" else [found, told], axis=1)


def build(encoder, shape, direction="future", decoder="convolutional", width=128, depth=4):
    """Frames told (N, T, H, W, C) -> frames asked for (N, S, H, W, C), float32, about 0..255.

    shape: of the clips trained on: as many frames as are told and asked for together. direction: as pretext's; the
    network sees the past of a clip as the future of one that runs backwards. decoder: "convolutional" or "recurrent",
    width, depth: its own.

    Raises InputError for another direction or decoder, and for an encoder that gives no map.
    """
    if direction not in DIRECTIONS:
        raise unknown("direction", direction, DIRECTIONS)
    clips = encoder.input
    turned = TimeReversal(direction, dtype="float32", name="direction")(clips)
    maps = keras.tree.flatten(encoder(turned))[-1]
    asked = shape[0] - clips.shape[1]
    found = clip_decoder(decoder, encoder, asked, clips.shape[-1], width, depth)([maps, turned])
    found = TimeReversal(direction, dtype="float32", name="direction_back")(found)
    return FramePredictor(clips, found, name="frame_prediction")


@keras.saving.register_keras_serializable("keras_ssl")
class FramePredictor(ClipModel):
    """`predict` gives the frames that follow those of a clip, or came before, or lie between; `rollout` any number."""

    @property
    def direction(self):
        return self.get_layer("direction").direction

    def respond(self, clips):
        return tf.clip_by_value(self(clips, training=False), 0, 255)

    def rollout(self, frames, steps):
        """So many frames that follow a clip, or came before it, in the order of time: float32 (N, steps, H, W, C).

        What was predicted is told again. frames: as `predict` takes them; (steps, H, W, C) for one clip.
        Raises InputError for a model of masked frames, and steps below 1.
        """
        if self.direction == "masked":
            raise InputError(f"{self.name} fills frames in between: there is nothing to go on from")
        if steps < 1:
            raise InputError(f"steps is 1 or more, got {steps}")
        clips, single = self.natural(frames)
        found = np.concatenate([self._roll(part, steps).numpy() for part in np.split(clips, range(32, len(clips), 32))])
        return found[0] if single else found

    def _roll(self, clips, steps):
        backwards = self.direction == "past"

        def go_on(whole):
            told = whole[:, : clips.shape[1]] if backwards else whole[:, -clips.shape[1] :]
            found = self.respond(tf.ensure_shape(told, clips.shape))
            return (tf.concat([found, whole] if backwards else [whole, found], axis=1),)

        frames = clips.shape[1]
        (whole,) = tf.while_loop(
            lambda whole: tf.shape(whole)[1] < frames + steps, go_on, (tf.convert_to_tensor(clips),),
            shape_invariants=(tf.TensorShape([None, None, *clips.shape[2:]]),),
        )  # fmt: skip
        return whole[:, -frames - steps : -frames] if backwards else whole[:, frames : frames + steps]

    def energy(self, clips):
        """Squared error of what is predicted of whole clips, summed over a frame, pixels in 0..1: (N,), or a number.

        clips: (N, T + S, H, W, C), frames told and asked for, in the order of time.
        """
        whole = (self.input_shape[1] + self.output_shape[1], *self.input_shape[2:])
        clips, single = natural_clips(clips, whole, self.name)
        parts = np.split(clips, range(BATCH, len(clips), BATCH))
        found = np.concatenate([self._energy(part).numpy() for part in parts])
        return found[0] if single else found

    def _energy(self, clips):
        told, right = _parted(clips, self.direction)
        return frame_mse(right, self.respond(told))

    def endpoints(self):
        frames, *rest = self.input_shape[1:]
        told = tf.TensorSpec((None, frames, *rest), tf.float32, "frames")
        whole = tf.TensorSpec((None, frames + self.output_shape[1], *rest), tf.float32, "clips")
        steps = tf.TensorSpec((), tf.int32, "steps")
        rollout = {} if self.direction == "masked" else {"rollout": (self._roll, [told, steps])}
        return {**super().endpoints(), **rollout, "energy": (self._energy, [whole])}


def measure(model, dataset):
    """Squared error summed over each predicted frame, pixels in 0..1, and SSIM, on test clips.

    Beside them black ("zeros"), the mean of the frames told ("mean"), and the nearest frame told again ("copy").
    mse_at_N, ssim_at_N: of the N-th frame alone. energy_auc: the energy of clips against that of the same ones with the
    frames asked for in the wrong order. SSIM: Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13 (2004).
    """
    direction, found, energy = model.direction, {}, ([], [])
    for clips in dataset.stream("test", labels=False).batch(BATCH).as_numpy_iterator():
        told, right = _parted(clips, direction)
        ways = {"value": model.predict(told), **_trivial(told, right.shape[1], direction)}
        for who, frames in ways.items():
            errors = tf.reduce_sum(((tf.cast(right, tf.float32) - frames) / 255) ** 2, axis=[2, 3, 4])
            likeness = tf.image.ssim(tf.cast(right, tf.float32), tf.cast(frames, tf.float32), 255)
            for figure, values in (("mse", errors), ("ssim", likeness)):
                found.setdefault(figure, {}).setdefault(who, []).append(values.numpy())
        for each, asked in zip(energy, (right, right[:, ::-1]), strict=True):  # what is told is the same
            each.append(frame_mse(asked, ways["value"]).numpy())
    found = {figure: {who: np.concatenate(values) for who, values in ways.items()} for figure, ways in found.items()}
    figures = {figure: {who: values.mean() for who, values in ways.items()} for figure, ways in found.items()}
    asked = model.output_shape[1]
    for step in sorted({round(each) for each in np.linspace(1, asked, STEPS)}):
        for figure, ways in found.items():
            figures[f"{figure}_at_{step}"] = {who: values[:, step - 1].mean() for who, values in ways.items()}
    return {**figures, "energy_auc": {"value": energies.auc(*map(np.concatenate, energy)), "chance": 0.5}}


def _trivial(told, asked, direction):
    """What needs no learning: {way: frames (N, S, H, W, C)}."""
    nearest = {"future": told[:, -1:], "past": told[:, :1], "masked": told[:, :asked]}[direction]
    mean = told.astype("float32").mean(axis=1, keepdims=True)
    like = np.zeros((len(told), asked, *told.shape[2:]), "float32")
    return {"zeros": like, "mean": like + mean, "copy": like + nearest}


def show(model, clips):
    """Clips, and what is told of each with what is predicted, under its squared error summed over the frame."""
    rows = []
    for clip in np.asarray(clips):
        told, right = _parted(clip[None], model.direction)
        found = model.predict(told)
        errors = np.sum(((right.astype("float32") - found) / 255) ** 2, axis=(2, 3, 4))[0]
        marks = _together(np.zeros(told.shape[:2]), 1 + np.arange(right.shape[1])[None], model.direction)[0]
        captions = [f"{errors[int(mark) - 1]:.0f}" if mark else "" for mark in marks]
        rows += [("clip", clip, None), ("predicted", _together(told, found, model.direction)[0], captions)]
    return rows
