"""A training problem on vectors: prepared columns of a table, or embeddings; on a source as well as on the target."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib
import keras
import numpy as np

from core.schemas import ResolvedSpec
from core.transfer.fitting.fit import Fit, fit, loss_and_accuracy, one_hot
from core.transfer.fitting.recorder import Recorder


@dataclass(frozen=True)
class Projection:
    """A linear map of vectors, x ↦ x · matrix + offset, with `matrix` `(d, k)` and `offset` `(k,)`."""

    matrix: np.ndarray
    offset: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (x @ self.matrix + self.offset).astype("float32")


@dataclass
class VectorProblem:
    """`x` is `(n, d)` float32; of a table prepared by what was fitted on the rows in `train` alone.

    `labels` are class numbers, `(n,)`; `train`, `validation` and `judged` positions. `weights`, `(n,)`, where there
    are any, say how much a row counts in training; scores count each row once. `fit` is how a network is fitted, as
    in `core.transfer.fitting.problem.Problem`. `source` is the problem that knowledge comes from, with the same
    columns, classes of its own, and nothing to judge.
    """

    resolved: ResolvedSpec
    classes: tuple[str, ...]
    x: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    judged: np.ndarray
    recorder: Recorder
    weights: np.ndarray | None = None
    fit: Fit = fit
    source: "VectorProblem | None" = None

    @property
    def targets(self) -> np.ndarray:
        return one_hot(self.labels, len(self.classes))

    @property
    def class_weight(self) -> str | None:
        """As scikit-learn names it."""
        return "balanced" if self.resolved.class_weights == "balanced" else None

    @property
    def sample_weight(self) -> np.ndarray | None:
        """Of the training rows, as scikit-learn names it."""
        return None if self.weights is None else self.weights[self.train]


@dataclass
class VectorFitted:
    """What was learnt on vectors.

    Attributes:
        probabilities: of the judged rows, `(len(judged), classes)`.
        model: a Keras network from vectors, or an estimator with `predict_proba` and `classes_`.
        facts: numbers worth keeping with the run.
        projection: what vectors go through before the model, where there is something.
        source_weights: how much each training row of the source counted, in the order of `source.train`.
    """

    probabilities: np.ndarray
    model: Any
    facts: dict[str, float] = field(default_factory=dict)
    projection: Projection | None = None
    source_weights: np.ndarray | None = None

    def save(self, folder: Path) -> None:
        """Write the model, without the projection, into a run's folder."""
        if isinstance(self.model, keras.Model):
            self.model.save(folder / "model.keras")
        else:
            joblib.dump(self.model, folder / "model.joblib", compress=3)


Learn = Callable[[VectorProblem], VectorFitted]  # a learner of tables, or the head on embeddings


def join_source(problem: VectorProblem, weights: np.ndarray | None = None) -> VectorProblem:
    """Source and target as one problem: the source's rows stand behind the target's.

    Where the spec ignores the target's labels, only the source is learnt from and chosen by.

    Args:
        problem: with a source of the same classes.
        weights: how much each of the source's training rows counts, `(len(source.train),)`; a target row counts 1.
    """
    source = problem.source
    assert source
    n = len(problem.x)
    place = np.array([problem.classes.index(name) for name in source.classes])
    scale = np.ones(len(source.x))
    if weights is not None:
        scale[source.train] = weights
    ignored = problem.resolved.target_labels == "ignored"
    own = [np.ones(len(p.x)) if p.weights is None else p.weights for p in (problem, source)]
    learnt = [n + source.train] if ignored else [problem.train, n + source.train]
    plain = weights is None and problem.weights is None and source.weights is None
    return replace(
        problem,
        x=np.concatenate([problem.x, source.x]),
        labels=np.concatenate([problem.labels, place[source.labels]]),
        weights=None if plain else np.concatenate([own[0], own[1] * scale]),
        train=np.concatenate(learnt),
        validation=n + source.validation if ignored else problem.validation,
        source=None,
    )


def source_only(problem: VectorProblem) -> VectorProblem:
    """The problem with nothing but the source to learn from and to choose by; the same rows are judged."""
    ignoring = problem.resolved.model_copy(update={"target_labels": "ignored"})
    return replace(join_source(replace(problem, resolved=ignoring)), resolved=problem.resolved)


def fitted_estimator(
    problem: VectorProblem, model: Any, facts: dict[str, float], source_weights: np.ndarray | None = None
) -> VectorFitted:
    """What an estimator with `predict_proba` over all classes makes of a problem, with its validation facts."""
    validation, judged = (model.predict_proba(problem.x[rows]) for rows in (problem.validation, problem.judged))
    found = loss_and_accuracy(validation, problem.targets[problem.validation])
    told = {"validation_loss": found["loss"], "validation_accuracy": found["accuracy"]}
    return VectorFitted(judged, model, told | facts, source_weights=source_weights)
