"""The result of training, and its headline metrics."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from core.evaluation.scores import fold_scores, judged_rows, score_predictions
from core.evaluation.words import describe_single_prediction


@dataclass
class Result:
    """The predictions table, the class order, metrics per fold, and a function that saves the model, if it is kept.

    `tables` are written beside the predictions under their names; for a run with a source, `baselines` has the
    predictions of models trained without it or on it alone, distinguished by the column `baseline`.
    """

    predictions: pd.DataFrame
    classes: tuple[str, ...]
    facts: list[dict[str, float]]
    save: Callable[[Path], None] | None
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


def describe_result(result: Result) -> str | None:
    """What a reader must know before the metrics; None if nothing."""
    return describe_single_prediction(score_predictions(judged_rows(result.predictions), result.classes))


def headline_metrics(result: Result) -> dict[str, float]:
    """The metrics in lists of runs: accuracy and macro-F1 on the test samples with 95 % confidence intervals.

    With folds every sample is predicted once, out of fold; mean and standard deviation over the folds are added.
    """
    test = judged_rows(result.predictions)
    scores = score_predictions(test, result.classes)
    metrics = {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1, "n_test": float(scores.n)}
    if describe_single_prediction(scores):
        metrics["one_class"] = 1.0
    for name in ("accuracy", "macro_f1"):
        metrics[f"{name}_low"], metrics[f"{name}_high"] = scores.ci[name]
    for key in result.facts[0]:
        metrics[key] = float(np.mean([f[key] for f in result.facts]))
    baselines = result.tables.get("baselines", pd.DataFrame(columns=["baseline"]))
    for name in baselines["baseline"].unique():
        rows = baselines[baselines["baseline"] == name]
        alone = score_predictions(judged_rows(rows), result.classes)
        metrics[f"{name}_accuracy"] = alone.accuracy
        low, high = alone.ci["accuracy"]
        metrics |= {f"{name}_accuracy_low": low, f"{name}_accuracy_high": high}
    folds = fold_scores(test, result.classes)
    if folds is not None:
        for name in ("accuracy", "macro_f1"):
            metrics[f"{name}_mean"], metrics[f"{name}_deviation"] = folds.mean[name], folds.deviation[name]
    return metrics
