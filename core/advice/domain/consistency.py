"""Agreement on the target between probes trained on the source and on the target."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from core.data.findings.label_errors import predict_out_of_fold

FOLDS = 5


def probe_agreement(
    x: np.ndarray, of_source: pd.Series, y: np.ndarray, of_target: pd.Series, groups: np.ndarray
) -> dict[str, float] | None:
    """How often two of three probes agree on the target: learnt on the source, on the target, and on both.

    Predictions of target samples are out of fold, with groups kept together.

    Args:
        x: vectors of the source, `(m, d)`; y: of the target, `(n, d)`.
        of_source, of_target: their classes, `(m,)` and `(n,)`; only classes that both have are looked at.
        groups: of the target's samples, `(n,)`.

    Returns:
        Shares `source_target`, `source_both`, `target_both`; None where fewer than two classes are shared or a class
        of the target has fewer groups than folds.
    """
    shared = set(of_source.dropna()) & set(of_target.dropna())
    here, there = of_source.isin(shared).to_numpy(), of_target.isin(shared).to_numpy()
    x, y, groups = x[here], y[there], groups[there]
    names = sorted(map(str, shared))
    labels, truth = (of[rows].map(names.index).to_numpy() for of, rows in ((of_source, here), (of_target, there)))
    fewest = pd.Series(groups).groupby(truth).nunique().min() if names else 0
    if len(names) < 2 or fewest < FOLDS:
        return None

    def on_both(learnt: np.ndarray, of: np.ndarray) -> LogisticRegression:
        return fit_probe(np.concatenate([x, learnt]), np.concatenate([labels, of]))

    by_source = fit_probe(x, labels).predict(y)
    by_target = predict_out_of_fold(y, truth, groups, FOLDS, fit_probe).argmax(axis=1)
    by_both = predict_out_of_fold(y, truth, groups, FOLDS, on_both).argmax(axis=1)
    return {
        "source_target": float((by_source == by_target).mean()),
        "source_both": float((by_source == by_both).mean()),
        "target_both": float((by_target == by_both).mean()),
    }


def fit_probe(x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> LogisticRegression:
    """A logistic regression of rows `(n, d)`, each counting as much as its weight, `(n,)`, or all the same."""
    return LogisticRegression(max_iter=500).fit(x, labels, sample_weight=weights)
