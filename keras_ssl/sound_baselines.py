"""What restored sounds and their encoders stand beside: filters and interpolation, and log-mel energies."""

import time

import numpy as np

WINDOW, HOP = 256, 64
BANDS = 40
FEW = 100  # labels of the probe with few of them
CELLS = 3  # parts of a sound whose means are taken, one after the other


def wiener(clean, noisy):
    """A Wiener filter of a spectrogram that is told the noise's power: gain max(1 - noise / |X|^2, 0) for each bin."""
    from scipy import signal

    noise = np.mean((np.asarray(noisy, "float64") - clean) ** 2)
    choices = {"window": "hann", "nperseg": min(WINDOW, len(noisy))}
    choices["noverlap"] = choices["nperseg"] * 3 // 4
    _, _, found = signal.stft(noisy, **choices)
    window = signal.get_window("hann", choices["nperseg"])
    power = noise * np.sum(window**2) / np.sum(window) ** 2  # of the noise in each bin, by scipy's scale
    gain = np.maximum(1 - power / np.maximum(np.abs(found) ** 2, 1e-20), 0)
    return signal.istft(found * gain, **choices)[1][: len(noisy)]


def line(clean, spoilt):
    """A straight line through the samples beside those that were lost."""
    known = np.flatnonzero(clean == spoilt)
    return np.interp(np.arange(len(spoilt)), known, spoilt[known]) if len(known) else spoilt


def spline(clean, spoilt):
    """A cubic spline through the samples that weren't lost, clipped to -1..1."""
    from scipy.interpolate import CubicSpline

    known = np.flatnonzero(clean == spoilt)
    if len(known) < 4:
        return spoilt
    return np.clip(CubicSpline(known, spoilt[known], bc_type="natural")(np.arange(len(spoilt))), -1, 1)


def smooth(clean, spoilt):
    """The mean of three neighbouring samples, weighted 1, 2, 1: rounding's noise is strong at high frequencies."""
    padded = np.pad(spoilt, 1, mode="edge")
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


# kind of corruption -> {name: function (clean, spoilt) -> restored}
FOR = {
    "noise": {"wiener": wiener},
    "gaps": {"line": line, "spline": spline},
    "clipping": {"line": line, "spline": spline},
    "quantization": {"smooth": smooth},
}


def log_mel(waveform, rate=8000, cells=CELLS):
    """Logarithms of the energy in 40 bands of the mel scale, their means in consecutive parts: (cells * 40,)."""
    import tensorflow as tf

    padded = np.pad(waveform, (0, max(0, WINDOW - len(waveform))))
    power = np.abs(tf.signal.stft(padded[None].astype("float32"), WINDOW, HOP, WINDOW)[0].numpy()) ** 2
    bands = tf.signal.linear_to_mel_weight_matrix(BANDS, WINDOW // 2 + 1, rate, 60, rate / 2 * 0.975).numpy()
    energies = np.log(power @ bands + 1e-6)
    ends = np.arange(cells + 1) * len(energies) / cells
    parts = zip(np.floor(ends[:-1]).astype(int), np.ceil(ends[1:]).astype(int), strict=True)
    return np.concatenate([energies[begin:end].mean(axis=0) for begin, end in parts]).astype("float32")


def log_mel_probe(dataset, labels="all", seed=0):
    """A linear classifier on log-mel energies of a DataSet. Arguments, and what is returned, as for `probe`."""
    from .transfer.extraction import Frozen
    from .transfer.linear import probe_features
    from .transfer.scores import parts

    began = time.perf_counter()
    part = parts(dataset, labels, seed)
    given = dataset.arrays(part.train, keep=part.keep)[0], dataset.arrays(part.test)[0]
    x, test = (np.stack([log_mel(each, dataset.rate) for each in waveforms]) for waveforms in given)
    y, test_y = dataset.labels(part.train)[part.keep], dataset.labels(part.test)
    figures, c = probe_features(Frozen(dataset.task, x, y, part.folds, test, test_y))
    seconds = round(time.perf_counter() - began, 1)
    return {**figures, "C": c, "labels": len(part.keep), "seconds": seconds, "block": "", "features": x.shape[1]}


def probes(model, dataset):
    """Linear probes of a model's encoder with FEW labels and with all, beside the same of log-mel energies.

    {"label_probe": {"value": accuracy, "log_mel": ..., "chance": ...}, "label_probe_100": ...}
    """
    from .architectures import encoder_of
    from .transfer.extraction import features
    from .transfer.linear import fit_linear, standardise
    from .transfer.scores import parts

    found = {}
    encoder = encoder_of(model)
    encoders = {
        "value": lambda waveforms: features(encoder, waveforms),
        "log_mel": lambda waveforms: np.stack([log_mel(each, dataset.rate) for each in waveforms]),
    }
    x = {
        (way, split): encode(dataset.arrays(split)[0])
        for way, encode in encoders.items()
        for split in ("train", "test")
    }
    labels = {"label_probe": "all", f"label_probe_{FEW}": FEW}
    for name, count in labels.items():
        if count != "all" and dataset.count("train") <= count:
            continue
        part = parts(dataset, count)
        found[name] = {}
        for way in encoders:
            train, test = x[way, "train"][part.keep].copy(), x[way, "test"].copy()
            standardise(train, test)
            y, test_y = dataset.labels("train")[part.keep], dataset.labels("test")
            figures, _ = fit_linear(dataset.task, train, y, test, test_y, part.folds)
            found[name][way] = figures["accuracy"]
        found[name]["chance"] = 1 / len(dataset.classes)
    return found
