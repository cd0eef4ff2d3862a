"""Reads and writes sound files as waveforms: one channel, float32 in -1..1, all at one sampling rate."""

from pathlib import Path

import numpy as np

from keras_ssl.errors import InputError

SUFFIXES = (".wav", ".flac")
RATE = 8000  # samples a second, where nobody says otherwise
FULL_SCALE = {"uint8": 128, "int16": 1 << 15, "int32": 1 << 31}  # what stands for 1 in files' whole numbers


def read(path, rate=RATE):
    """Returns the waveform of a file, float32 (T,), its channels averaged, resampled to `rate`.

    Raises:
        InputError: soundfile isn't installed.
        OSError: it can't be read.
        ValueError: it has no samples, fewer than it says, or some that aren't numbers.
    """
    samples, own = read_raw(path)
    return resample(samples, own, rate)


def read_raw(path):
    """Returns (waveform (T,), its channels averaged, the file's own sampling rate). Raises what `read` does."""
    soundfile = library()
    with Path(path).open("rb") as file:  # soundfile's own message for a missing file says less
        try:
            with soundfile.SoundFile(file) as sound:
                samples, own = sound.read(dtype="float32", always_2d=True), sound.samplerate
        except soundfile.LibsndfileError as error:
            raise ValueError(f"it isn't a sound file that can be read: {error.error_string.rstrip('.')}") from None
        said, found = _bytes_said(file)
    if said > found:
        raise ValueError(f"it is truncated: {found} bytes of samples where it says {said}")
    if not len(samples):
        raise ValueError("it has no samples")
    if not np.isfinite(samples).all():
        raise ValueError("it has samples that aren't numbers")
    return samples.mean(axis=1), own


def opened(path):
    """Returns what `read_raw` does. Raises InputError where that raises anything."""
    try:
        return read_raw(path)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} isn't a readable sound file ({reason})") from error


def write(path, waveform, rate):
    """Writes a waveform (T,) in -1..1 as a 16-bit wav; beyond that it is clipped."""
    import wave

    scaled = np.rint(np.clip(waveform, -1, 1) * 32767).astype("<i2")
    with Path(path).open("wb") as file, wave.open(file) as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(scaled.tobytes())


def resample(waveform, rate, wanted):
    """Returns a waveform (T,) at `rate` at the rate `wanted`, ceil(T wanted / rate) samples, by a polyphase filter."""
    if rate == wanted:
        return waveform
    from math import gcd

    from scipy.signal import resample_poly

    shared = gcd(int(rate), int(wanted))
    return resample_poly(waveform, wanted // shared, rate // shared).astype("float32")


def library():
    """Returns the module soundfile. Raises InputError where it isn't installed."""
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: it is, but its libsndfile isn't
        raise InputError("reading sound files needs soundfile: pip install 'keras_ssl[audio]'") from None
    return soundfile


def _bytes_said(file):
    """(bytes of samples that a RIFF file's header says it has, bytes that are there); (0, 0) for another file.

    libsndfile reads a truncated wav up to where it ends and says nothing.
    """
    end = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return 0, 0
    while len(chunk := file.read(8)) == 8:
        size = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"data":
            # Those who stream leave the size at its largest.
            return (0, 0) if size >= 0xFFFFFF00 else (size, end - file.tell())
        file.seek(size + size % 2, 1)
    return 0, 0
