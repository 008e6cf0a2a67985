"""Calibration of a run's probabilities, and temperature scaling."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.intervals import Interval, wilson
from core.evaluation.scores import classes_of
from core.schemas import Frozen

BINS = 15
DRAWS = 500
MIN_SAMPLES = 20  # too few below that to fit a temperature
_TINY = 1e-12
Floats = NDArray[np.float64]


class Calibration(Frozen):
    """The effect of temperature scaling on calibration.

    `temperature` is None where it could not be fitted, `reason` says why; `n` samples it was fitted on. `before` and
    `after` are the expected calibration error (Guo et al. 2017) on the judged samples with its 95 % interval, and
    `loss_before`, `loss_after` their mean log loss.
    """

    temperature: float | None
    n: int
    before: float
    before_ci: Interval
    loss_before: float
    after: float | None = None
    after_ci: Interval | None = None
    loss_after: float | None = None
    reason: str = ""


def probabilities(rows: pd.DataFrame) -> Floats:
    """The probability of every class, `(n, classes)`, as the predictions table holds them."""
    return rows[[f"p:{c}" for c in classes_of(rows)]].to_numpy(float)


def class_indices(rows: pd.DataFrame) -> NDArray[np.intp]:
    """The index of each true class among the run's classes, `(n,)`."""
    return pd.Index(classes_of(rows)).get_indexer(pd.Index(rows["label"].astype(str)))


def fit_temperature(probability: Floats, truth: NDArray[np.intp]) -> float:
    """The temperature T > 0 that maximises the likelihood of p^(1/T), normalised (Guo et al. 2017, section 4.2).

    The order of the classes stays as it is, so that no prediction changes. Above 1 it lowers the confidence. Searched
    between 1/20 and 20.

    Args:
        probability: `(n, classes)`; truth: the true class of each, `(n,)`.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return log_loss(scale_temperature(probability, float(np.exp(log_temperature))), truth)

    optimum = minimize_scalar(loss, bounds=(-np.log(20), np.log(20)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(optimum.x))


def validation_temperature(validation: pd.DataFrame) -> tuple[float | None, str]:
    """The temperature fitted on a run's validation samples, as its predictions hold them; or None and why not."""
    if len(validation) < MIN_SAMPLES:
        return None, f"A temperature needs {MIN_SAMPLES} validation samples; this run has {len(validation)}."
    return fit_temperature(probabilities(validation), class_indices(validation)), ""


def scale_temperature(probability: Floats, temperature: float) -> Floats:
    """Probabilities, `(n, classes)`, at another temperature; rows add up to 1."""
    scaled = np.log(np.maximum(probability, _TINY)) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    result: Floats = scaled / scaled.sum(axis=1, keepdims=True)
    return result


def log_loss(probability: Floats, truth: NDArray[np.intp]) -> float:
    """Mean negative logarithm of the true class's probability."""
    return float(-np.log(np.maximum(probability[np.arange(len(truth)), truth], _TINY)).mean())


def calibrate(judged: pd.DataFrame, validation: pd.DataFrame) -> Calibration:
    """Fit the temperature on `validation` and evaluate it on the held-out samples `judged`.

    With folds there is no validation part: each fold's temperature is fitted on the other folds' predictions, and the
    one reported on all of them.
    """
    probability, truth = probabilities(judged), class_indices(judged)
    error, interval = error_with_interval(probability, truth)
    known = {"before": error, "before_ci": interval, "loss_before": log_loss(probability, truth)}
    folds = judged["fold"].to_numpy()
    if len(validation) == 0 and len(set(folds)) > 1:
        mended = np.empty_like(probability)
        for fold in set(folds):
            here = folds == fold
            mended[here] = scale_temperature(probability[here], fit_temperature(probability[~here], truth[~here]))
        temperature, n = fit_temperature(probability, truth), len(judged)
    else:
        fitted, reason = validation_temperature(validation)
        if fitted is None:
            return Calibration(temperature=None, n=len(validation), reason=reason, **known)
        temperature, n = fitted, len(validation)
        mended = scale_temperature(probability, temperature)
    after, after_ci = error_with_interval(mended, truth)
    return Calibration(
        temperature=temperature,
        n=n,
        after=after,
        after_ci=after_ci,
        loss_after=log_loss(mended, truth),
        **known,
    )


def error_with_interval(probability: Floats, truth: NDArray[np.intp], seed: int = 0) -> tuple[float, Interval]:
    """The expected calibration error over `BINS` bins, and a basic 95 % bootstrap interval.

    The error is a sum of absolute values, so resampling biases it upwards, by about as much as the error itself is
    biased. The basic interval (Davison and Hinkley 1997, section 5.2) corrects for that; it is clipped at 0.
    """
    bins, gap = _gaps(probability, truth)
    one_hot = np.zeros((len(gap), BINS))
    one_hot[np.arange(len(gap)), bins] = gap
    error = float(np.abs(one_hot.sum(0)).sum() / len(gap))
    weights = np.random.default_rng(seed).multinomial(len(gap), np.full(len(gap), 1 / len(gap)), DRAWS)
    drawn = np.abs(weights @ one_hot).sum(1) / len(gap)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return error, (max(0.0, 2 * error - float(high)), max(error, 2 * error - float(low)))


def _gaps(probability: Floats, truth: NDArray[np.intp]) -> tuple[NDArray[np.intp], Floats]:
    """The bin of each sample by its confidence, and its confidence less 1 where it is right, less 0 where not."""
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == truth
    return np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1), confidence - right


def reliability_table(probability: Floats, truth: NDArray[np.intp]) -> pd.DataFrame:
    """One row per non-empty bin of confidence: mean `confidence`, accuracy `right` with its interval, `n`."""
    bins, gap = _gaps(probability, truth)
    confidence = probability.max(axis=1)
    rows = []
    for number in sorted(set(bins.tolist())):
        here = bins == number
        n = int(here.sum())
        right = round(float((confidence[here] - gap[here]).sum()))
        low, high = wilson(right, n)
        rows.append((float(confidence[here].mean()), right / n, low, high, n))
    return pd.DataFrame(rows, columns=["confidence", "right", "low", "high", "n"])


def coverage_table(probability: Floats, truth: NDArray[np.intp]) -> pd.DataFrame:
    """Accuracy against coverage when only confident predictions are accepted (selective classification).

    One row per threshold on the confidence, ascending: `threshold`, the share `covered`, and the accuracy `right` of
    these with its 95 % interval `low`, `high`.
    """
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == truth
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence, hits = confidence[order], np.cumsum(right[order])
    # Samples of equal confidence are accepted together or not at all.
    last = np.flatnonzero(np.append(np.diff(sorted_confidence) != 0, True))
    last = last[np.unique(np.linspace(0, len(last) - 1, min(len(last), 200)).astype(int))]
    n = last + 1
    bounds = [wilson(int(h), int(m)) for h, m in zip(hits[last], n, strict=True)]
    return pd.DataFrame(
        {
            "threshold": sorted_confidence[last],
            "covered": n / len(truth),
            "right": hits[last] / n,
            "low": [b[0] for b in bounds],
            "high": [b[1] for b in bounds],
        }
    ).iloc[::-1]
