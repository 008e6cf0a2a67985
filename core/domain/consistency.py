"""Whether what is learnt on the source and on the target says the same of the target."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

FOLDS = 5


def consistency(
    x: np.ndarray, of_source: pd.Series, y: np.ndarray, of_target: pd.Series, groups: np.ndarray
) -> dict[str, float] | None:
    """How often two of three probes agree on the target: learnt on the source, on the target, and on both.

    A target sample is predicted by probes that had not seen it, nor what belongs together with it.

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
    labels, truth = of_source[here].astype(str).to_numpy(), of_target[there].astype(str).to_numpy()
    fewest = pd.Series(groups).groupby(truth).nunique().min() if shared else 0
    if len(shared) < 2 or fewest < FOLDS:
        return None
    by_source = _probe(x, labels).predict(y)
    by_target, by_both = np.empty_like(by_source), np.empty_like(by_source)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for learnt, judged in folds.split(y, truth, groups):
        by_target[judged] = _probe(y[learnt], truth[learnt]).predict(y[judged])
        both = np.concatenate([x, y[learnt]]), np.concatenate([labels, truth[learnt]])
        by_both[judged] = _probe(*both).predict(y[judged])
    return {
        "source_target": float((by_source == by_target).mean()),
        "source_both": float((by_source == by_both).mean()),
        "target_both": float((by_target == by_both).mean()),
    }


def _probe(x: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    return LogisticRegression(max_iter=500).fit(x, labels)
