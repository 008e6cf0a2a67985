"""ROC and precision–recall curves, one class against the rest."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.areas import average_precision, roc_auc
from core.evaluation.calibration import probabilities
from core.evaluation.intervals import Interval, count_folds, fold_share
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
    scores, worth = probabilities(rows), fold_share(count_folds(rows))
    for place, name in enumerate(classes_of(rows)):
        positive = rows["label"].astype(str).to_numpy() == name
        if 0 < positive.sum() < len(rows):
            curves.append(one_vs_rest_curves(name, scores[:, place], positive, worth))
    return tuple(curves)


def one_vs_rest_curves(name: str, score: Floats, positive: NDArray[np.bool_], worth: float = 1.0) -> ClassCurves:
    """The curves of one class and their areas.

    Args:
        score: the class's probability per sample, `(n,)`; positive: whether the sample is of it, with some of either.
        worth: what share of its samples a cross-validation is worth (`core.evaluation.intervals.fold_share`).
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    area, area_interval = roc_auc(score, positive, worth)
    average, average_interval = average_precision(score, positive, worth)
    fpr, tpr, _ = roc_curve(positive, score)
    precision, recall, _ = precision_recall_curve(positive, score)
    return ClassCurves(
        name=name,
        n=len(positive),
        positives=int(positive.sum()),
        auc=area,
        auc_ci=area_interval,
        average_precision=average,
        average_precision_ci=average_interval,
        roc=_thin_curve(fpr, tpr),
        precision_recall=_thin_curve(recall[::-1], precision[::-1]),
    )


def _thin_curve(x: Floats, y: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """At most `POINTS` points of a curve, both ends among them."""
    keep: Any = slice(None)
    if len(x) > POINTS:
        keep = np.unique(np.linspace(0, len(x) - 1, POINTS).astype(int))
    return tuple(x[keep].tolist()), tuple(y[keep].tolist())
