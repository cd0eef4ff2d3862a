"""Figures over several seeds: the mean, and how far from it the truth may lie."""

import numpy as np

from ..errors import InputError


def percent(values):
    """The mean of accuracies over seeds in percent, and half the width of its interval, as a table has them."""
    mean, half = interval(values)
    return f"{100 * mean:.1f}" + ("" if half is None else f" ± {100 * half:.1f}")


def interval(values, level=0.95):
    """(mean, half the width of Student's t confidence interval of the mean) of values over seeds.

    One value says nothing of its spread: its half width is None.
    """
    from scipy import stats

    values = np.asarray(values, "float64")
    if len(values) < 2:
        return float(values.mean()), None
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(stats.t.ppf((1 + level) / 2, len(values) - 1) * error)


def merged(rows, metric):
    """One dictionary of several, one a seed: of each number the mean, of `metric` its "interval" and "values" too.

    What isn't a number in all of them is that of the first.
    """
    means = {
        name: float(np.mean([row[name] for row in rows]))
        for name, value in rows[0].items()
        if isinstance(value, float) and all(isinstance(row.get(name), float) for row in rows)
    }
    mean, half = interval([row[metric] for row in rows])
    return {**rows[0], **means, metric: mean, "interval": half, "values": [row[metric] for row in rows]}


def over_seeds(once, seed, seeds, merge):
    """once(seed) -> (model, report, ...) for several seeds from `seed` on: that of the first, its report over all.

    merge: a function of the reports that gives one; "seeds" and "runs", the reports themselves, are added to it. The
    report of a single seed stays as it is.

    Raises InputError for fewer than one seed.
    """
    if seeds < 1:
        raise InputError(f"seeds is 1 or more, got {seeds}")
    model, report, *more = once(seed)
    if seeds == 1:
        return model, report, *more
    reports = [report, *(once(each)[1] for each in range(seed + 1, seed + seeds))]
    return model, {**merge(reports), "seeds": [each["seed"] for each in reports], "runs": reports}, *more
