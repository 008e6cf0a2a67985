"""How well a run's probabilities are calibrated, before and after they are scaled."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.intervals import Interval, clopper_pearson, quantile, wilson
from core.evaluation.scaling import Floats, Scaling, fit_scaling, log_loss
from core.evaluation.scores import classes_of
from core.schemas import Frozen

BINS = 15
DRAWS = 500
WIDER = 1.2
MIN_SAMPLES = 20  # too few below that to calibrate


class Calibration(Frozen):
    """The effect of scaling on calibration.

    `scaling` is None where it could not be fitted, `reason` says why; `n` samples it was fitted on. `before` and
    `after` are the expected calibration error (Guo et al. 2017) on the judged samples with its 95 % interval, and
    `loss_before`, `loss_after` their mean log loss.
    """

    scaling: Scaling | None
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


def validation_scaling(validation: pd.DataFrame) -> tuple[Scaling | None, str]:
    """The scaling fitted on a run's validation samples, as its predictions hold them; or None and why not."""
    if len(validation) < MIN_SAMPLES:
        return None, f"Calibration needs {MIN_SAMPLES} validation samples; this run has {len(validation)}."
    return fit_scaling(probabilities(validation), class_indices(validation)), ""


def calibrate(judged: pd.DataFrame, validation: pd.DataFrame) -> Calibration:
    """Fit the scaling on `validation` and evaluate it on the held-out samples `judged`.

    With folds there is no validation part: each fold's scaling is fitted on the other folds' predictions, which are
    out of fold, and the one reported on all of them.
    """
    probability, truth = probabilities(judged), class_indices(judged)
    predicted = probability.argmax(axis=1)
    error, interval = error_with_interval(probability, truth)
    known = {"before": error, "before_ci": interval, "loss_before": log_loss(probability, truth)}
    folds = judged["fold"].to_numpy()
    if len(validation) == 0 and len(set(folds)) > 1:
        mended = np.empty_like(probability)
        for fold in set(folds):
            here = folds == fold
            mended[here] = fit_scaling(probability[~here], truth[~here])(probability[here])
        scaling = fit_scaling(probability, truth)
    else:
        fitted, reason = validation_scaling(validation)
        if fitted is None:
            return Calibration(scaling=None, n=len(validation), reason=reason, **known)
        scaling = fitted
        mended = scaling(probability)
    after, after_ci = error_with_interval(mended, truth, predicted)
    return Calibration(
        scaling=scaling,
        n=scaling.n,
        after=after,
        after_ci=after_ci,
        loss_after=log_loss(mended, truth),
        **known,
    )


def error_with_interval(
    probability: Floats, truth: NDArray[np.intp], predicted: NDArray[np.intp] | None = None, seed: int = 0
) -> tuple[float, Interval]:
    """The expected calibration error over `BINS` bins, and its 95 % interval.

    The error is a sum of absolute values, so resampling biases it upwards, by about as much as the error itself is
    biased. The interval is the bootstrap's normal one, with that bias taken off twice (Davison and Hinkley 1997,
    section 5.2) and widened by a fifth, which few samples need. It begins at 0 where an error as large is no surprise
    in probabilities that mean what they say (Bröcker and Smith 2007): there the bootstrap knows no bottom.
    """
    bins, confidence, gap = _gaps(probability, truth, predicted)
    n = len(gap)
    one_hot = np.zeros((n, BINS))
    one_hot[np.arange(n), bins] = gap
    error = float(np.abs(one_hot.sum(0)).sum() / n)
    rng = np.random.default_rng(seed)
    drawn = np.abs(rng.multinomial(n, np.full(n, 1 / n), DRAWS) @ one_hot).sum(1) / n
    centre, half = max(0.0, 2 * error - float(drawn.mean())), WIDER * quantile() * float(drawn.std())
    noise = np.sqrt(np.bincount(bins, weights=confidence * (1 - confidence), minlength=BINS))
    by_chance = np.abs(noise * rng.normal(size=(DRAWS, BINS))).sum(1) / n
    low = 0.0 if error <= np.quantile(by_chance, 0.975) else max(0.0, centre - half)
    return error, (min(low, error), max(error, centre + half))


def _gaps(
    probability: Floats, truth: NDArray[np.intp], predicted: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """The bin of each sample by its confidence, its confidence, and that less 1 where it is right, less 0 where not.

    Confidence is the probability of the class in `predicted`; by default the most probable one.
    """
    predicted = probability.argmax(axis=1) if predicted is None else predicted
    confidence = probability[np.arange(len(truth)), predicted]
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return bins, confidence, confidence - (predicted == truth)


def reliability_table(
    probability: Floats, truth: NDArray[np.intp], predicted: NDArray[np.intp] | None = None, worth: float = 1.0
) -> pd.DataFrame:
    """One row per non-empty bin of confidence: mean `confidence`, accuracy `right` with its interval, `n`.

    `worth` is what share of its samples a cross-validation is worth (`core.evaluation.intervals.fold_share`).
    """
    bins, confidence, gap = _gaps(probability, truth, predicted)
    rows = []
    for number in sorted(set(bins.tolist())):
        here = bins == number
        n = int(here.sum())
        right = round(float((confidence[here] - gap[here]).sum()))
        low, high = wilson(worth * right, worth * n)
        rows.append((float(confidence[here].mean()), right / n, low, high, n))
    return pd.DataFrame(rows, columns=["confidence", "right", "low", "high", "n"])


def coverage_table(probability: Floats, truth: NDArray[np.intp], worth: float = 1.0) -> pd.DataFrame:
    """Accuracy against coverage when only confident predictions are accepted (selective classification).

    One row per threshold on the confidence, ascending: `threshold`, the share `covered`, and the accuracy `right` of
    these with its 95 % interval `low`, `high`.

    The interval is for the accuracy among the most confident `covered` of all samples there could be. Where their
    confidence begins is uncertain as well: beside A (1 − A), the variance of an accuracy A among the share q has the
    part (1 − q) (A − B)², B being the accuracy of samples just at the threshold, here of the √n nearest on either
    side. Of as many samples as are as uncertain the interval is Clopper and Pearson's, since often few are accepted
    and nearly all of them right. `benchmarks/selective.py` measures its coverage.

    Args:
        probability: `(n, classes)`; truth: the true class of each, `(n,)`.
        worth: what share of its samples a cross-validation is worth (`core.evaluation.intervals.fold_share`).
    """
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == truth
    n = len(truth)
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence, hits = confidence[order], np.append(0, np.cumsum(right[order]))
    # Samples of equal confidence are accepted together or not at all.
    taken = 1 + np.flatnonzero(np.append(np.diff(sorted_confidence) != 0, True))
    taken = taken[np.unique(np.linspace(0, len(taken) - 1, min(len(taken), 200)).astype(int))]
    near = math.ceil(math.sqrt(n))
    first, last = np.maximum(taken - near, 0), np.minimum(taken + near, n)
    at_edge = (hits[last] - hits[first]) / (last - first)
    share = (hits[taken] + 1) / (taken + 2)
    spread = share * (1 - share)
    alike = worth * spread / (spread + (1 - taken / n) * (share - at_edge) ** 2)
    bounds = [clopper_pearson(w * h, w * m) for w, h, m in zip(alike, hits[taken], taken, strict=True)]
    return pd.DataFrame(
        {
            "threshold": sorted_confidence[taken - 1],
            "covered": taken / n,
            "right": hits[taken] / taken,
            "low": [b[0] for b in bounds],
            "high": [b[1] for b in bounds],
        }
    ).iloc[::-1]
