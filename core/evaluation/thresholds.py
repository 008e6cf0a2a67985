"""Decision thresholds: scores and cost of each, the best chosen on validation and reported on test."""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import InputError
from core.evaluation.intervals import Interval, count_folds, fold_share, wilson
from core.schemas import Frozen

STEPS = np.linspace(0.01, 0.99, 99)
Aim = Literal["cost", "f1"]


class ThresholdScores(Frozen):
    """Scores at a decision threshold: counts, shares with 95 % Wilson intervals, and the mean cost."""

    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: float
    precision_ci: Interval
    recall: float
    recall_ci: Interval
    f1: float
    cost: float

    @property
    def n_positive(self) -> int:
        return self.true_positives + self.false_positives


def at_threshold(
    rows: pd.DataFrame, positive: str, threshold: float, false_alarm: float = 1.0, miss: float = 1.0
) -> ThresholdScores:
    """One class against the rest: positive where its probability is at least `threshold`.

    Args:
        false_alarm, miss: what a false positive and a false negative cost; `cost` is the mean over the rows.
    """
    yes = rows[f"p:{positive}"].to_numpy(float) >= threshold
    true = rows["label"].astype(str).to_numpy() == positive
    tp, fp, fn = int((yes & true).sum()), int((yes & ~true).sum()), int((~yes & true).sum())
    worth = fold_share(count_folds(rows))
    return ThresholdScores(
        threshold=threshold,
        true_positives=tp,
        false_positives=fp,
        false_negatives=fn,
        true_negatives=len(rows) - tp - fp - fn,
        precision=tp / (tp + fp) if tp + fp else 0.0,
        precision_ci=wilson(worth * tp, worth * (tp + fp)),
        recall=tp / (tp + fn) if tp + fn else 0.0,
        recall_ci=wilson(worth * tp, worth * (tp + fn)),
        f1=2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0,
        cost=(false_alarm * fp + miss * fn) / len(rows),
    )


def sweep_thresholds(rows: pd.DataFrame, positive: str, false_alarm: float = 1.0, miss: float = 1.0) -> pd.DataFrame:
    """A row each of `STEPS`: threshold, precision (NaN without positive predictions), recall, f1 and cost."""
    probability = np.sort(rows[f"p:{positive}"].to_numpy(float))
    own = np.sort(rows.loc[rows["label"].astype(str) == positive, f"p:{positive}"].to_numpy(float))
    yes = len(probability) - np.searchsorted(probability, STEPS)
    tp = len(own) - np.searchsorted(own, STEPS)
    fp, fn = yes - tp, len(own) - tp
    return pd.DataFrame(
        {
            "threshold": STEPS,
            "precision": _share(tp, yes, np.nan),
            "recall": _share(tp, np.full_like(tp, len(own)), 0.0),
            "f1": _share(2 * tp, 2 * tp + fp + fn, 0.0),
            "cost": (false_alarm * fp + miss * fn) / len(rows),
        }
    )


def best_threshold(
    validation: pd.DataFrame, positive: str, aim: Aim = "cost", false_alarm: float = 1.0, miss: float = 1.0
) -> float:
    """The threshold with the least cost, or the highest F1, on validation; the middle one where several tie.

    `InputError` where validation is empty, has no sample of the class, or none of another.
    """
    if validation.empty:
        raise InputError(
            "There is no validation part, so no threshold can be chosen on it.",
            "With folds every sample is a test sample, which leaves none to choose on: train once without folds.",
        )
    own = int((validation["label"].astype(str) == positive).sum())
    if own == 0 or own == len(validation):
        raise InputError(
            f"The validation part has {'no' if own == 0 else 'only'} samples of “{positive}”, so no threshold can be"
            " chosen on it.",
            "Train again with a larger validation part.",
        )
    table = sweep_thresholds(validation, positive, false_alarm, miss)
    value = table["cost"] if aim == "cost" else -table["f1"]
    ties = table["threshold"][value <= value.min() + 1e-12].to_numpy()
    return float(ties[len(ties) // 2])


def _share(part: NDArray[np.intp], whole: NDArray[np.intp], empty: float) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), empty), where=whole > 0))
