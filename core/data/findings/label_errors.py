"""Confident learning: labels with which a classifier's out-of-fold predictions confidently disagree.

After Northcutt, Jiang and Chuang (2021), “Confident learning: estimating uncertainty in dataset labels”,
arXiv:1911.00068.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.splitting import assign_folds

FOLDS = 5
# Off-diagonal samples are reported only if their label is less than half as probable as under random guessing: one in
# eight clean photos is off the diagonal, one in fifty is below this threshold too.
DOUBT = 0.5
PENALTY = 8.0  # C of the regressions, on unit length: chosen on photos that no benchmark uses
DIMENSIONS = 256  # principal components that are kept of the features; with more it only takes longer


@dataclass(frozen=True)
class LabelErrors:
    """Likely label errors, the most likely first.

    `rows`, `suggested` `(m,)`: positions, and class indices that fit better; `confidence`: probability of the given
    label, `probability`: of the suggested one.
    """

    rows: np.ndarray
    suggested: np.ndarray
    confidence: np.ndarray
    probability: np.ndarray


def normalize_embeddings(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings as `core.models.heads.linear_head` sees them, but of length 1: `(n, d)` float32."""
    x = np.tanh(embeddings)
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12))


def principal_components(x: np.ndarray, dimensions: int = DIMENSIONS) -> np.ndarray:
    """The leading principal components, `(n, dimensions)` at most; no label is used for them."""
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ vectors[:, np.argsort(values)[::-1][: min(dimensions, len(x))]])


def fit_probe(x: np.ndarray, labels: np.ndarray) -> Any:
    """A fitted logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=PENALTY, max_iter=200, tol=1e-3).fit(x, labels)


def predict_out_of_fold(
    x: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    folds: int = FOLDS,
    learn: Callable[[np.ndarray, np.ndarray], Any] = fit_probe,
) -> np.ndarray:
    """Out-of-fold class probabilities; copies of a sample are in the same fold.

    Args:
        x: features, `(n, d)`.
        labels: class indices `(n,)`; every class needs two groups.
        groups: `(n,)`; samples with the same value are in one fold.
        learn: fits a classifier; a logistic regression by default.

    Returns:
        `(n, classes)`.
    """
    fold = assign_folds(labels, groups, folds)
    out = np.zeros((len(x), int(labels.max()) + 1))
    for i in range(folds):
        judged = fold == i
        if judged.any():
            model = learn(x[~judged], labels[~judged])
            out[np.ix_(judged, model.classes_)] = model.predict_proba(x[judged])
    return out


def confident_learning(probabilities: np.ndarray, labels: np.ndarray) -> LabelErrors:
    """Find label errors from out-of-fold probabilities.

    A sample counts for class j when its probability reaches that class's threshold, the mean probability of j among
    the samples labelled j, and j is the most probable of the classes it counts for. Those that count for another
    class than their own are the off-diagonal of the confident joint. They are reported if the given label is less
    than half as probable as under random guessing, and ranked by self-confidence, the probability of the given label.

    Args:
        probabilities: `(n, classes)`; labels: class indices `(n,)`.
    """
    n, classes = probabilities.shape
    present = np.bincount(labels, minlength=classes)
    own = probabilities[np.arange(n), labels]
    thresholds = np.bincount(labels, own, minlength=classes) / present.clip(1)
    reached = np.where(probabilities >= np.where(present > 0, thresholds, np.inf), probabilities, -1.0)
    counted = reached.argmax(axis=1)
    doubted = (reached.max(axis=1) >= 0) & (counted != labels) & (own < DOUBT / max(1, (present > 0).sum()))
    rows = np.flatnonzero(doubted)
    rows = rows[np.argsort(own[rows], kind="stable")]
    return LabelErrors(rows, counted[rows], own[rows], probabilities[rows, counted[rows]])
