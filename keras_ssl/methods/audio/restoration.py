"""Audio restoration: the clean sound from one with noise, gaps, clipping, a band removed, or coarse quantisation.

A denoising autoencoder (Vincent et al., JMLR 11 (2010) 3371-3408) of sounds: a U-Net over the spectrogram gives a
complex mask, which mends phases too (Choi et al., ICLR 2019, arXiv:1903.03107), and what to add where nothing is left.
"""

import keras
import numpy as np
import tensorflow as tf

from ... import losses, sound_baselines, views
from ...architectures.spectrogram import restorer
from ...data import audio_files
from ...data.fitting import checked_rate
from ...layers import SoundCorruption
from ...layers.sound_corruption import KINDS, noise
from ...models import AudioModel

LOSS = {"snr": losses.SignalToNoise(most=30), "spectral": losses.SpectralDistance()}
METRICS = [losses.snr]  # dB
HISS = 20.0, 50.0  # dB below the sound
SHORTEST = 6 / 7  # of a window that a sound fills in training
PIECE, OVERLAP = 20, 1  # seconds that long recordings are restored in, and that are faded from one to the next


def pretext(waveforms, seed, kinds=None):
    """Waveforms (N, T) -> the same spoilt, and as they were, float32; each of them upside down with probability 1/2.

    kinds: names of layers.sound_corruption.KINDS to draw from; None for all.

    As they were: with a recorder's hiss, which stays. Who learnt from few recorders takes another's for damage.

    Each ends at a place drawn in its last seventh, zeros after that: a network that never saw a sound's end
    takes the zeros behind it for a gap, and fills it.
    """
    count, samples = tf.unstack(tf.shape(waveforms))
    signs, ends = (
        tf.random.stateless_uniform([count, 1], views.fold(seed, use), alg="philox") for use in ("sign", "end")
    )
    hiss = tf.random.stateless_uniform([count], views.fold(seed, "level"), *HISS, alg="philox")
    waveforms = noise(tf.where(signs < 0.5, -1.0, 1.0) * waveforms, views.fold(seed, "hiss"), hiss)
    spoilt = SoundCorruption(kinds).corrupt(waveforms, views.fold(seed, "corruption"))
    place = tf.range(samples, dtype=tf.float32)[None] / tf.cast(samples, tf.float32)
    lasts = tf.cast(place < SHORTEST + (1 - SHORTEST) * ends, tf.float32)
    return spoilt * lasts, waveforms * lasts


def build(encoder, kinds=None, widths=(32, 48, 64)):
    """Spoilt waveforms (N, T) -> restored ones, float32; any length.

    kinds: as pretext's; kept in the model. widths: the decoder's, as architectures.spectrogram.restorer takes them.

    Raises InputError for an unknown kind, and for an encoder that gives no sequence.
    """
    corruption = SoundCorruption(kinds, dtype="float32", name="corruption")
    encoder, restored = restorer(encoder, widths)
    return Restoration(encoder.input, corruption(restored), name="audio_restoration")


@keras.saving.register_keras_serializable("keras_ssl")
class Restoration(AudioModel):
    """`predict` restores waveforms at the model's rate, `restore` those of any; `corrupt` spoils as in training."""

    def restore(self, waveforms, rate=None):
        """Spoilt sound, one waveform (T,), a list or an array of them, or a file's path -> the same restored.

        As long as it was, float32, at the rate it was. rate: its samples a second; None for the model's, or a file's.

        Raises InputError for what isn't a waveform, and for a rate that isn't a whole number from 1.
        """
        if isinstance(waveforms, str) or hasattr(waveforms, "__fspath__"):
            waveforms, rate = audio_files.opened(waveforms)
        rate = checked_rate(rate) or self.rate
        given, single = self.natural(waveforms)
        own = [audio_files.resample(each, rate, self.rate) for each in given]
        found = [audio_files.resample(each, self.rate, rate) for each in self._restored(own)]
        found = [np.pad(each, (0, max(0, len(x) - len(each))))[: len(x)] for each, x in zip(found, given, strict=True)]
        return found[0] if single else np.stack(found) if isinstance(waveforms, np.ndarray | tf.Tensor) else found

    def corrupt(self, waveforms, seed=0, kind=None, strength=None):
        """Waveforms at the model's rate spoilt as in training, a list or array as they came; the same for one seed.

        kind: one of layers.sound_corruption.KINDS instead of a drawn one, at `strength`, by default that of `measure`.
        """
        given, single = self.natural(waveforms)
        if len({len(each) for each in given}) == 1:
            found = list(self._corrupt(tf.stack(given), seed, kind, strength).numpy())
        else:
            found = [self._corrupt(each[None], seed + i, kind, strength).numpy()[0] for i, each in enumerate(given)]
        return found[0] if single else np.stack(found) if isinstance(waveforms, np.ndarray | tf.Tensor) else found

    def energy(self, waveforms):
        """What restoration changes, its power over the sound's: low for clean sounds. (N,), a number for one."""
        given, single = self.natural(waveforms)
        found = np.array([_changed(x[None], y[None])[0] for x, y in zip(given, self._restored(given), strict=True)])
        return found[0] if single else found

    def endpoints(self):
        endpoints = super().endpoints()
        waveforms = endpoints["serve"][1]
        return {
            **endpoints,
            "restore": endpoints["serve"],
            "corrupt": (self._corrupt, [*waveforms, tf.TensorSpec((), tf.int32, "seed")]),
            "energy": (lambda waveforms: _changed(waveforms, self.respond(waveforms)), waveforms),
        }

    def _restored(self, waveforms):
        """Each of the waveforms restored; long ones in pieces, so that memory doesn't grow with them."""
        longest, fade = PIECE * self.rate, OVERLAP * self.rate
        found = []
        for waveform, short in [(each, len(each) <= longest) for each in waveforms]:
            if short:
                found.append(None)
                continue
            whole, ramp = np.zeros_like(waveform), np.linspace(0, 1, fade, dtype="float32")
            for at in range(0, len(waveform) - fade, longest - fade):
                piece = self._answers([waveform[at : at + longest]])[0]
                if at:
                    piece[:fade] *= ramp
                if at + longest < len(waveform):
                    piece[-fade:] *= ramp[::-1]
                whole[at : at + longest] += piece
            found.append(whole)
        short = iter(self._answers([each for each, done in zip(waveforms, found, strict=True) if done is None]))
        return [next(short) if done is None else done for done in found]

    def _corrupt(self, waveforms, seed, kind=None, strength=None):
        if kind is None:
            return self.get_layer("corruption").corrupt(waveforms, [seed, 0])
        function, _, usual = KINDS[kind]
        strengths = tf.fill([tf.shape(waveforms)[0]], float(usual if strength is None else strength))
        return function(tf.cast(waveforms, tf.float32), [seed, 0], strengths)


def _changed(waveforms, restored):
    """The power of the difference over the waveforms' own, 0 for silence: (N, T) twice -> (N,)."""
    power = tf.reduce_sum((waveforms - restored) ** 2, axis=1), tf.reduce_sum(waveforms**2, axis=1)
    return tf.math.divide_no_nan(*power)


def measure(model, dataset):
    """Gain in signal-to-noise ratio (dB) on spoilt test sounds, a figure for each kind, the mean over sounds.

    Each stands beside doing nothing, 0 dB, and what knows more than the network: for noise, a Wiener filter that is
    told the noise's level; for samples lost in gaps or by clipping, where they are, a line or a spline through the
    others. Then digits, or whatever the labels are: a linear probe of the encoder beside log-mel energies.
    """
    waveforms, _ = dataset.arrays("test")
    figures = {}
    for kind in model.get_layer("corruption").kinds:
        spoilt = [model.corrupt(each, i, kind) for i, each in enumerate(waveforms)]
        before = np.array([_snr(x, y) for x, y in zip(waveforms, spoilt, strict=True)])
        restored = model._restored(spoilt)
        ways = {"value": restored}
        for name, way in sound_baselines.FOR.get(kind, {}).items():
            ways[name] = [way(x, y) for x, y in zip(waveforms, spoilt, strict=True)]
        gains = {
            name: np.array([_snr(x, y) for x, y in zip(waveforms, found, strict=True)]) - before
            for name, found in ways.items()
        }
        changed = np.isfinite(before) & (before < 100)  # a kind may leave a sound as it is
        figures[f"{kind}_gain_db"] = {name: _mean(gain[changed]) for name, gain in gains.items()} | {"nothing": 0.0}
    if dataset.task == "classification":
        figures |= sound_baselines.probes(model, dataset)
    return figures


def _snr(clean, found):
    error = np.sum((np.asarray(found, "float64") - clean) ** 2)
    return 10 * np.log10(max(np.sum(np.asarray(clean, "float64") ** 2), 1e-12) / max(error, 1e-12))


def _mean(values):
    return float(np.mean(values)) if len(values) else 0.0


def show(model, waveforms):
    """Rows (title, waveforms, captions): sounds, spoilt and restored, under their signal-to-noise ratios.

    Paths of files, which are what is to be restored, come as they are and restored, at their own rates.
    """
    if isinstance(waveforms[0], str):
        given = [audio_files.opened(path) for path in waveforms]
        changes = [f"changed by {10 * np.log10(max(model.energy(path), 1e-9)):.0f} dB" for path in waveforms]
        restored = [model.restore(*each) for each in given]
        return [("given", [each for each, _ in given], list(waveforms)), ("restored", restored, changes)]
    spoilt = [model.corrupt(each, i) for i, each in enumerate(waveforms)]
    restored = model._restored(spoilt)
    captions = [[f"{_snr(x, y):.1f} dB" for x, y in zip(waveforms, found, strict=True)] for found in (spoilt, restored)]
    return [("spoilt", spoilt, captions[0]), ("restored", restored, captions[1]), ("clean", list(waveforms), None)]
