"""ROC and precision–recall curves, one class against the rest."""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.calibration import probabilities
from core.evaluation.intervals import Interval, quantile
from core.evaluation.scores import classes_of
from core.schemas import Frozen

POINTS = 300  # most points of a drawn curve
Floats = NDArray[np.float64]


class ClassCurves(Frozen):
    """One class against all others. `auc` and `average_precision` with 95 % intervals; curves as (x, y) points.

    `roc` is (false positive rate, true positive rate), `precision_recall` is (recall, precision). `prevalence` is
    what guessing would have for a precision.
    """

    name: str
    n: int
    positives: int
    auc: float
    auc_ci: Interval
    average_precision: float
    average_precision_ci: Interval
    roc: tuple[tuple[float, ...], tuple[float, ...]]
    precision_recall: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def prevalence(self) -> float:
        return self.positives / self.n


def class_curves(rows: pd.DataFrame) -> tuple[ClassCurves, ...]:
    """One `ClassCurves` a class that has samples and counter-examples among the rows, in the run's order."""
    curves = []
    scores = probabilities(rows)
    for place, name in enumerate(classes_of(rows)):
        positive = rows["label"].astype(str).to_numpy() == name
        if 0 < positive.sum() < len(rows):
            curves.append(one_vs_rest_curves(name, scores[:, place], positive))
    return tuple(curves)


def one_vs_rest_curves(name: str, score: Floats, positive: NDArray[np.bool_]) -> ClassCurves:
    """The curves of one class and their areas.

    Args:
        score: the class's probability per sample, `(n,)`; positive: whether the sample is of it, with some of either.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

    area, area_interval = roc_auc(score, positive)
    fpr, tpr, _ = roc_curve(positive, score)
    precision, recall, _ = precision_recall_curve(positive, score)
    average = float(average_precision_score(positive, score))
    return ClassCurves(
        name=name,
        n=len(positive),
        positives=int(positive.sum()),
        auc=area,
        auc_ci=area_interval,
        average_precision=average,
        average_precision_ci=_average_precision_interval(average, int(positive.sum())),
        roc=_thin_curve(fpr, tpr),
        precision_recall=_thin_curve(recall[::-1], precision[::-1]),
    )


def roc_auc(score: Floats, positive: NDArray[np.bool_]) -> tuple[float, Interval]:
    """Area under the ROC curve and its 95 % interval.

    Variance by DeLong et al. (1988) in the form of Sun and Xu (2014), interval on the logit scale so that it stays
    between 0 and 1. A perfect area has no variance there: the interval is that of an area half a pair below 1.
    """
    from scipy.stats import rankdata

    m, n = int(positive.sum()), int((~positive).sum())
    ranks, of_positive, of_negative = rankdata(score), rankdata(score[positive]), rankdata(score[~positive])
    area = float((ranks[positive].sum() - m * (m + 1) / 2) / (m * n))
    v10 = (ranks[positive] - of_positive) / n
    v01 = 1 - (ranks[~positive] - of_negative) / m
    variance = (v10.var(ddof=1) / m if m > 1 else 0.25) + (v01.var(ddof=1) / n if n > 1 else 0.25)
    inside = min(max(area, 0.5 / (m * n)), 1 - 0.5 / (m * n))
    if variance == 0:
        variance = inside * (1 - inside) / min(m, n)
    half = quantile() * np.sqrt(variance) / (inside * (1 - inside))
    low, high = _logit_interval(inside, half)
    return area, (min(low, area), max(high, area))


def _average_precision_interval(value: float, positives: int) -> Interval:
    """95 % interval on the logit scale, as wide as that of a share among the positives (Boyd, Eng and Page 2013)."""
    inside = min(max(value, 0.5 / positives), 1 - 0.5 / positives) if positives > 1 else 0.5
    half = quantile() / np.sqrt(positives * inside * (1 - inside))
    low, high = _logit_interval(inside, half)
    return min(low, value), max(high, value)


def _logit_interval(share: float, half: float) -> Interval:
    """The interval from `half` below to `half` above a share on the logit scale."""
    place = math.log(share / (1 - share))
    return 1 / (1 + math.exp(half - place)), 1 / (1 + math.exp(-half - place))


def _thin_curve(x: Floats, y: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """At most `POINTS` points of a curve, both ends among them."""
    keep: Any = slice(None)
    if len(x) > POINTS:
        keep = np.unique(np.linspace(0, len(x) - 1, POINTS).astype(int))
    return tuple(x[keep].tolist()), tuple(y[keep].tolist())
