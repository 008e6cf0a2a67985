"""Bootstrap intervals, and macro-F1 of one or several runs on resampled test sets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.intervals import Interval

Numbers = NDArray[Any]
DRAWS = 1_000  # estimates a standard error to within 2 %
SEED = 20_240_229
_NUMBERS_AT_ONCE = 4_000_000


def percentile_interval(draws: Numbers) -> Interval:
    """The 95 % percentile interval of a statistic's bootstrap draws (Efron and Tibshirani 1993, chapter 13)."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def macro_f1(confusion: Numbers) -> NDArray[np.float64]:
    """Mean of the F1 of the classes that occur, as a sample's class or as a prediction, as in scikit-learn.

    Args:
        confusion: counts of shape (..., classes, classes), true class first.

    Returns:
        Array of shape (...).
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return _mean_f1(hits, confusion.sum(-1) + confusion.sum(-2))


def macro_f1_draws(
    labels: NDArray[np.intp], predicted: NDArray[np.intp], n_classes: int, draws: int = DRAWS, seed: int = SEED
) -> NDArray[np.float64]:
    """Macro-F1 of one or several models on `draws` resampled test sets, the same ones for all models.

    Samples are drawn with replacement (Efron and Tibshirani 1993), so that the models' correlation is preserved.

    Args:
        labels: true class per sample, shape (n,).
        predicted: predicted class per sample and model, shape (n, models).
        n_classes: classes are the integers below it.
        draws: how many test sets are drawn.
        seed: the same seed gives the same draws.

    Returns:
        Array of shape (draws, models).
    """
    n, models = predicted.shape
    one_hot = np.eye(n_classes, dtype="float32")  # counts of samples are whole numbers, exact in float32 up to 2^24
    rng = np.random.default_rng(seed)
    result = np.empty((draws, models))
    step = max(1, _NUMBERS_AT_ONCE // n)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        picked = rng.integers(0, n, (size, n), dtype=np.int32)
        times = np.array([np.bincount(row, minlength=n) for row in picked], dtype="float32")
        support = times @ one_hot[labels]
        for model, guess in enumerate(predicted.T):
            guesses = one_hot[guess]
            both = times @ np.hstack([guesses * (guess == labels)[:, None], guesses])
            result[start : start + size, model] = _mean_f1(both[:, :n_classes], support + both[:, n_classes:])
    return result


def _mean_f1(hits: Numbers, total: Numbers) -> NDArray[np.float64]:
    """Mean over the last axis of 2 · hits / total, where a class has any samples or predictions (`total`)."""
    f1 = np.divide(2.0 * hits, total, out=np.zeros(hits.shape), where=total > 0)
    return np.asarray(f1.sum(-1) / np.maximum((total > 0).sum(-1), 1))
