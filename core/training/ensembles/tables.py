"""An ensemble of learners of tables as one preparation and one learner, which `model.joblib` holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib
import keras
import numpy as np
import pandas as pd

from core.methods.backbones import NETWORK


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
    """

    def __init__(
        self, learners: Sequence[Any], widths: Sequence[int], weights: Sequence[float], classes: int
    ) -> None:
        self.learners, self.weights = tuple(learners), tuple(weights)
        self.ends = np.cumsum(widths)
        self.classes_ = np.arange(classes)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """`(n, classes)`, rows adding up to 1."""
        found = np.zeros((len(x), len(self.classes_)))
        for learner, weight, columns in zip(self.learners, self.weights, np.split(x, self.ends[:-1], 1), strict=True):
            if isinstance(learner, keras.Model):
                found += weight * learner.predict(columns, batch_size=1024, verbose=0)
            else:
                found[:, learner.classes_] += weight * learner.predict_proba(columns)
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def load_member(folder: Path) -> tuple[Any, Any]:
    """A run's preparation and learner."""
    network = folder / NETWORK
    learner = (
        keras.models.load_model(network, compile=False) if network.exists() else joblib.load(folder / "model.joblib")
    )
    return joblib.load(folder / "preparation.joblib"), learner
