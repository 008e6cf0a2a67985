"""Estimators that a run's `model.joblib` and `preparation.joblib` hold, with scikit-learn's interface.

They import nothing that trains, so that a model predicts without Keras unless it holds a network.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

TIES = 1e-3  # how much probabilities count beside a majority vote, so that they decide where votes tie


class Stack:
    """Fitted learners and a meta-learner with scikit-learn's interface; `fit` fits only the meta-learner.

    `held_out` are the learners' probabilities for the training rows, `(n, learners × classes)`, each by one that had
    not seen the row.
    """

    def __init__(self, fitted: Sequence[Any], top: Any, held_out: np.ndarray) -> None:
        self.fitted, self.top, self._held_out = tuple(fitted), top, held_out

    def fit(self, _x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> "Stack":
        self.top.fit(self._held_out, y, sample_weight=sample_weight)
        self.classes_ = self.top.classes_
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.top.predict_proba(np.concatenate([f.predict_proba(x) for f in self.fitted], axis=1))
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_held_out": np.empty((0, 0))}  # training data are not saved with the model


class TreeVote:
    """Weighted average of trees by their shares, `(t,)`; a class that a tree has not seen gets 0."""

    def __init__(self, trees: list[Any], shares: np.ndarray, k: int) -> None:
        self.trees, self.shares, self.classes_ = trees, shares, np.arange(k)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        total = np.zeros((len(x), len(self.classes_)))
        for tree, share in zip(self.trees, self.shares, strict=True):
            total[:, tree.classes_] += share * tree.predict_proba(x)
        return total


class Together:
    """The members' preparations side by side: cells `(n, …)` to the columns of all, `(n, sum of widths)` float32."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = tuple(parts)

    def transform(self, cells: pd.DataFrame) -> np.ndarray:
        return np.concatenate([part.transform(cells) for part in self.parts], axis=1)


class Vote:
    """Learners that each see the columns of their own preparation; their probabilities, weighed.

    Args:
        learners: Keras networks, or what scikit-learn calls a classifier.
        widths: how many columns each sees; weights: how much each says, adding up to 1.
        classes: how many there are.
        by_class: whether each learner only names a class; its probabilities then decide where votes tie.
    """

    by_class = False  # of those stored before there was a choice

    def __init__(
        self,
        learners: Sequence[Any],
        widths: Sequence[int],
        weights: Sequence[float],
        classes: int,
        by_class: bool = False,
    ) -> None:
        self.learners, self.weights, self.by_class = tuple(learners), tuple(weights), by_class
        self.ends = np.cumsum(widths)
        self.classes_ = np.arange(classes)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """`(n, classes)`, rows adding up to 1."""
        found = np.zeros((len(x), len(self.classes_)))
        for learner, weight, columns in zip(self.learners, self.weights, np.split(x, self.ends[:-1], 1), strict=True):
            shares = np.zeros_like(found)
            if hasattr(learner, "predict_proba"):
                shares[:, learner.classes_] = learner.predict_proba(columns)
            else:
                shares[:] = learner.predict(columns, batch_size=1024, verbose=0)
            if self.by_class:
                shares = (1 - TIES) * np.eye(shares.shape[1])[shares.argmax(axis=1)] + TIES * shares
            found += weight * shares
        return np.asarray(found / found.sum(axis=1, keepdims=True))
