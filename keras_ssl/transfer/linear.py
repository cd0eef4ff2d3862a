"""The linear probe: how much of a task a linear map finds in frozen features."""

import time
import warnings

import numpy as np

from .extraction import frozen
from .scores import scores

CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse strengths of the L2 penalty
# Loose: a tenth of a point of accuracy isn't worth the several times longer way to the last digits of the loss.
TOL = 1e-3


def probe(encoder, dataset, labels="all", block=None, seed=0, grid=3):
    """Linear probe: (logistic) regression on an encoder's standardised features.

    Features as `features` gives them are standardised by their mean and deviation over the labelled training images.
    Classification: multinomial logistic regression; multilabel: one logistic regression a class; regression: ridge. The
    penalty is chosen among `CS`, from the strongest on, on labelled images held out (see `parts`), then the model is
    fitted to all of them.
    In float32 and from each penalty's solution to the next, 50,000 x 1,152 features take about a minute on two cores.

    encoder: anything that `open_encoder` takes. dataset: a DataSet, or anything that `keras_ssl.data.open` takes.
    labels: how many of the training labels to use, as `keras_ssl.data.choose_labels` takes it; seed: of that choice.
    block, grid: as for `features`.

    Returns a dictionary: the figures on the test split as `scores` gives them ("accuracy" first, in 0..1), and "C",
    "labels", "seconds", "block", "features" (their number).
    Raises InputError for anything that can't be used.
    """
    began = time.perf_counter()
    data = frozen(encoder, dataset, labels, block, seed, grid)
    figures, c = probe_features(data)
    seconds = round(time.perf_counter() - began, 1)
    return {
        **figures, "C": c, "labels": len(data.x), "seconds": seconds, "block": block or "",
        "features": data.x.shape[1],
    }  # fmt: skip


def probe_features(data):
    """(figures on the test split, the C chosen) of `probe`, of a `Frozen`, whose features are standardised in place."""
    standardise(data.x, data.test)
    return fit_linear(data.task, data.x, data.y, data.test, data.test_y, data.folds)


def standardise(x, *others):
    """Give features x (N, D) mean 0 and deviation 1, in place, and treat `others` alike; constant ones become 0."""
    mean, deviation = x.mean(axis=0, dtype="float64"), x.std(axis=0, dtype="float64")
    scale = np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0)
    for each in (x, *others):
        each -= mean.astype("float32")
        each *= scale.astype("float32")


def fit_linear(task, x, y, test_x, test_y, folds, cs=CS, tol=TOL):
    """(figures on the test data, the C chosen on `folds`) of the task's linear model.

    tol: the gradient at which a logistic regression ends, for features of deviation 1; a smaller one for smaller ones.
    """
    from threadpoolctl import threadpool_limits

    # On small matrices BLAS's threads wait for each other far longer than they work, above all on a busy machine.
    with threadpool_limits(1 if getattr(x, "nbytes", 0) < 64 << 20 else None):  # a sparse matrix has none
        reached = [[] for _ in cs]
        for rows, held in folds:
            fit_x, held_x = x[rows], x[held]
            for i, predicted in enumerate(_path(task, fit_x, y[rows], held_x, cs, tol)):
                reached[i].append(list(scores(task, y[held], predicted).values()))
                if len(folds) == 1 and i and reached[i][0] < reached[i - 1][0]:
                    break  # of many labels, the weaker penalties take most of the time, and only fall further
        means = [np.mean(each, axis=0).tolist() for each in reached if each]
        # One held-out example of thousands more or less may be rounding's doing.
        equal = min(6e-4, 1.01 / sum(len(held) for _, held in folds))
        equals = [i for i, each in enumerate(means) if each[0] >= max(means)[0] - equal]
        best = max(equals, key=lambda i: means[i][1:])  # by the next figure; the strongest penalty among equals
        *_, predicted = _path(task, x, y, test_x, cs[: best + 1], tol)
    return scores(task, test_y, predicted), cs[best]


def _path(task, x, y, ask, cs, tol):
    """Predictions for `ask` of models of each C in turn, each started from the one before."""
    if task == "regression":
        from sklearn.linear_model import Ridge

        for c in cs:
            yield Ridge(alpha=1 / c).fit(x, y).predict(ask)
        return
    columns = [y] if task == "classification" else list(y.T)
    models = [_logistic(tol) for _ in columns]
    for c in cs:
        answers = [_fitted(model, c, x, column, ask) for model, column in zip(models, columns, strict=True)]
        if task == "multilabel":
            yield np.stack([answer[:, -1] for answer in answers], axis=1)
        else:
            full = np.zeros((ask.shape[0], y.max() + 1), "float32")  # classes that aren't among the labels stay at 0
            full[:, np.unique(y)] = answers[0]
            yield full


def _logistic(tol):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(solver="lbfgs", tol=tol, max_iter=200, warm_start=True)


def _fitted(model, c, x, y, ask):
    """Probabilities (N, classes) for `ask` once the model is fitted; of a single class, 1 for it or 0."""
    from sklearn.exceptions import ConvergenceWarning

    if len(np.unique(y)) == 1:
        return np.full((ask.shape[0], 1), float(y[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.set_params(C=c).fit(x, y).predict_proba(ask)
