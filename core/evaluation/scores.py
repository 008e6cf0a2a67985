"""Scores of a run with their 95 % intervals, from its stored predictions.

A run's predictions have one row a judged sample (`id, path, part, fold, label, predicted`, and a probability
`p:CLASS` for every class, in the run's class order). Nothing here loads a model.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import InputError
from core.evaluation.intervals import Interval, count_folds, f1_interval, fold_share, macro_f1_interval, wilson
from core.schemas import Frozen, Part

MINUS = "\N{MINUS SIGN}"
ROUNDING = 0.01  # tolerance for rounding in low-precision number formats
DEPENDENT_FOLDS = (
    "Any two folds share most of their training samples, so the folds are not independent: the deviation shows how"
    " much the score moves from fold to fold and is no confidence interval. The interval of the score over all folds"
    " is wider than that of as many test samples, for this reason."
)


class ClassScores(Frozen):
    """One class: its scores, how many samples it has (`support`) and of how many it was predicted (`predicted`)."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int
    precision_ci: Interval
    recall_ci: Interval
    f1_ci: Interval


class Scores(Frozen):
    """Scores of a set of predictions. `confusion[i][j]` counts samples of class i predicted as class j.

    `ci` holds 95 % intervals of `accuracy` and `macro_f1` (see `core.evaluation.intervals`). The macro averages are
    over the classes that occur, as a sample's class or as a prediction; `balanced_accuracy` over those that have
    samples. With one label a sample the micro averages of precision, recall and F1 are all the accuracy, so there is
    one, `micro_f1`. `mcc` is Matthews' correlation of labels and predictions for any number of classes (Gorodkin
    2004), `kappa` the agreement beyond chance (Cohen 1960); both are 0 where all is one class. `ece` is the expected
    calibration error, `confidence_gap` the mean confidence less the accuracy, both shares of 1.
    """

    n: int
    correct: int
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    accuracy: float
    balanced_accuracy: float
    mcc: float
    kappa: float
    micro_f1: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    weighted_precision: float
    weighted_recall: float
    weighted_f1: float
    per_class: tuple[ClassScores, ...]
    ci: dict[str, Interval]
    ece: float
    confidence_gap: float

    @property
    def matrix(self) -> NDArray[np.int64]:
        """The confusion matrix as an array of shape (classes, classes), true class first."""
        return np.array(self.confusion, dtype=np.int64)

    @property
    def absent(self) -> tuple[str, ...]:
        """The classes without a sample here, whose recall is unknown."""
        return tuple(c.name for c in self.per_class if not c.support)

    @property
    def confidence_gap_ci(self) -> Interval:
        """The 95 % interval of `confidence_gap`, that of the accuracy taken from the mean confidence."""
        low, high = self.ci["accuracy"]
        confidence = self.accuracy + self.confidence_gap
        return confidence - high, confidence - low

    def as_json(self) -> dict[str, Any]:
        """What `python -m core evaluate` prints: everything here, with `n` named `n_test`."""
        document = self.model_dump(mode="json")
        return {"n_test": document.pop("n"), **document}


class FoldScores(Frozen):
    """Scores of each fold of a cross-validation, with their mean and sample standard deviation over the folds."""

    folds: tuple[Scores, ...]
    mean: dict[str, float]
    deviation: dict[str, float]


def classes_of(predictions: pd.DataFrame) -> list[str]:
    """The run's classes, in the order of its probabilities."""
    return [str(c).removeprefix("p:") for c in predictions.columns if str(c).startswith("p:")]


def judged_rows(predictions: pd.DataFrame, part: Part = "test") -> pd.DataFrame:
    """The rows that a run is scored on: those of `part`; `InputError` without any, or with invalid probabilities."""
    rows = predictions[predictions["part"] == part].reset_index(drop=True)
    if rows.empty:
        raise InputError(
            f"These predictions have no sample of the part “{part}”.", "Train again with a share for that part."
        )
    _check_probabilities(rows)
    return rows


def _check_probabilities(rows: pd.DataFrame) -> None:
    values = rows[[f"p:{c}" for c in classes_of(rows)]].to_numpy(float)
    for wrong, what in (
        (~np.isfinite(values).all(1), "are not numbers"),
        ((values < 0).any(1), "are below 0"),
        (np.abs(values.sum(1) - 1) > ROUNDING, "do not add up to 1"),
    ):
        if wrong.any():
            example = rows["path"].iloc[int(np.argmax(wrong))]
            raise InputError(
                f"The probabilities of {int(wrong.sum())} of {len(rows)} test samples {what}"
                f" (for one, those of {example}), so the run cannot be judged.",
                "Train it again, with a lower learning rate or in full precision if the result is the same.",
            )


def score_predictions(rows: pd.DataFrame, classes: Sequence[str]) -> Scores:
    """Score every row given (choose them with `judged_rows`), over `classes` in this order.

    Equal to scikit-learn's scores with default settings: a class that occurs, but has no sample or no prediction,
    counts 0 where its share has no denominator; one that does not occur at all is in no average. Rows of several
    folds get intervals that allow for the dependence of the folds (`core.evaluation.intervals.fold_share`).
    `InputError` when a label or prediction is not among the classes.
    """
    truth, predicted = _codes(rows, "label", classes), _codes(rows, "predicted", classes)
    n, k = len(rows), len(classes)
    confusion = np.zeros((k, k), dtype=np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    hits, support, guessed = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    precision, recall, f1 = (_ratio(hits, guessed), _ratio(hits, support), _ratio(2 * hits, support + guessed))
    occurs = support + guessed > 0
    correct = int(hits.sum())
    worth = fold_share(count_folds(rows))
    confidence = rows[[f"p:{c}" for c in classes]].to_numpy(float)[np.arange(n), predicted]
    return Scores(
        n=n,
        correct=correct,
        classes=tuple(classes),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        accuracy=correct / n,
        balanced_accuracy=recall[support > 0].mean(),
        mcc=_correlation(correct, support, guessed),
        kappa=_agreement(correct, support, guessed),
        micro_f1=correct / n,
        macro_precision=precision[occurs].mean(),
        macro_recall=recall[occurs].mean(),
        macro_f1=f1[occurs].mean(),
        weighted_precision=np.average(precision, weights=support),
        weighted_recall=np.average(recall, weights=support),
        weighted_f1=np.average(f1, weights=support),
        per_class=tuple(
            ClassScores(
                name=name,
                precision=precision[i],
                recall=recall[i],
                f1=f1[i],
                support=support[i],
                predicted=guessed[i],
                precision_ci=wilson(worth * hits[i], worth * guessed[i]),
                recall_ci=wilson(worth * hits[i], worth * support[i]),
                f1_ci=f1_interval(worth * hits[i], worth * support[i], worth * guessed[i]),
            )
            for i, name in enumerate(classes)
        ),
        ci={"accuracy": wilson(worth * correct, worth * n), "macro_f1": macro_f1_interval(confusion, worth)},
        ece=calibration_error(confidence, truth == predicted),
        confidence_gap=float(confidence.mean() - correct / n),
    )


def _codes(rows: pd.DataFrame, column: str, classes: Sequence[str]) -> NDArray[np.intp]:
    codes = pd.Index(classes).get_indexer(pd.Index(rows[column].astype(str)))
    if (codes < 0).any():
        stranger = rows[column].astype(str).iloc[int(np.argmin(codes))]
        raise InputError(
            f"The class “{stranger}” is not one of the run's {len(classes)} classes.",
            "Train again on the newest version of the dataset, where every class is known.",
        )
    return codes


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)


def _correlation(correct: int, support: NDArray[np.int64], guessed: NDArray[np.int64]) -> float:
    """Matthews' correlation from whole numbers: covariance of label and prediction over both deviations."""
    n = int(support.sum())
    covariance = correct * n - int(support @ guessed)
    spread = (n**2 - int(support @ support)) * (n**2 - int(guessed @ guessed))
    return covariance / math.sqrt(spread) if spread else 0.0


def _agreement(correct: int, support: NDArray[np.int64], guessed: NDArray[np.int64]) -> float:
    n = int(support.sum())
    by_chance = int(support @ guessed)
    return (correct * n - by_chance) / (n**2 - by_chance) if by_chance < n**2 else 0.0


def calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error over `bins` equal bins of the predicted class's probability (Guo et al. 2017)."""
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(which, weights=confidence - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def fold_scores(rows: pd.DataFrame, classes: Sequence[str]) -> FoldScores | None:
    """Score each fold of a cross-validated run on its own; `None` when the rows are no cross-validation's.

    The deviation is descriptive: no unbiased estimate of the variance of k-fold cross-validation exists (Bengio and
    Grandvalet 2004), as `DEPENDENT_FOLDS` explains.
    """
    numbers = sorted(set(rows["fold"]) - {0})
    if len(numbers) < 2:
        return None
    folds = tuple(score_predictions(rows[rows["fold"] == number], classes) for number in numbers)
    values = {m: [getattr(fold, m) for fold in folds] for m in ("accuracy", "macro_f1", "weighted_f1")}
    return FoldScores(
        folds=folds,
        mean={metric: fmean(v) for metric, v in values.items()},
        deviation={metric: stdev(v) for metric, v in values.items()},
    )


def format_interval(value: float, low: float, high: float) -> str:
    """`0.88 (0.85–0.91)`, in no more digits than `digits_for` the interval allows."""
    digits = digits_for(high - low)
    return f"{value:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def format_score(value: float, of: Scores) -> str:
    """A score that has no interval of its own, in as many digits as the accuracy on the same samples."""
    low, high = of.ci["accuracy"]
    return f"{value:.{digits_for(high - low)}f}"


def format_spread(mean: float, deviation: float) -> str:
    """`0.88 ± 0.02`, in the digits of an interval of two deviations to either side."""
    digits = digits_for(4 * deviation)
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def digits_for(width: float) -> int:
    """Decimals that an interval of this width allows: the finest whose last digit is worth a quarter of it.

    Where it has no width, 2.
    """
    if width <= 0:
        return 2
    return min(4, max(1, math.ceil(-math.log10(width / 4) - 1e-9)))


def class_table(scores: Scores) -> pd.DataFrame:
    """One row a class, then the macro and the weighted average; numbers, for reading and for download."""
    rows: list[dict[str, Any]] = [
        {
            "class": c.name,
            "precision": c.precision,
            "precision_low": c.precision_ci[0],
            "precision_high": c.precision_ci[1],
            "recall": c.recall,
            "recall_low": c.recall_ci[0],
            "recall_high": c.recall_ci[1],
            "f1": c.f1,
            "f1_low": c.f1_ci[0],
            "f1_high": c.f1_ci[1],
            "support": c.support,
        }
        for c in scores.per_class
    ]
    for kind in ("macro", "weighted"):
        averages = {m: getattr(scores, f"{kind}_{m}") for m in ("precision", "recall", "f1")}
        rows.append({"class": f"{kind} average", **averages, "support": scores.n})
    rows[-2] |= dict(zip(("f1_low", "f1_high"), scores.ci["macro_f1"], strict=True))
    return pd.DataFrame(rows)


def confusion_table(scores: Scores) -> pd.DataFrame:
    """The confusion matrix with names: a row a true class, a column a predicted one."""
    return pd.DataFrame(
        scores.matrix, index=pd.Index(scores.classes, name="true \\ predicted"), columns=scores.classes
    )


def mistakes(rows: pd.DataFrame) -> pd.DataFrame:
    """The misclassified rows with their `confidence` in the wrong class, the most confident first."""
    return with_confidence(rows[rows["label"] != rows["predicted"]]).sort_values("confidence", ascending=False)


def with_confidence(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with one more column, `confidence`: the probability of the predicted class."""
    classes = classes_of(rows)
    codes = _codes(rows, "predicted", classes) if len(rows) else np.empty(0, dtype=int)
    values = rows[[f"p:{c}" for c in classes]].to_numpy(float)[np.arange(len(rows)), codes]
    return rows.assign(confidence=values)
