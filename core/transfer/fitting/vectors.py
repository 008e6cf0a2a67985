"""Training problems on vectors: prepared columns of a table, or embeddings; for a target and its source."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from core.schemas import ResolvedSpec
from core.transfer.fitting.linear import Projection
from core.transfer.fitting.problem import Fit, fit_network
from core.transfer.fitting.recorder import Recorder
from core.transfer.fitting.weighing import loss_and_accuracy, one_hot, validation_weights


@dataclass
class VectorProblem:
    """`x` is `(n, d)` float32; for a table, prepared by steps fitted on the rows in `train` alone.

    `labels` are class indices, `(n,)`; `train`, `validation` and `judged` (the rows to predict) are positions.
    `weights`, `(n,)`, if any, are sample weights for training; metrics count each row once. `fit` is as in
    `core.transfer.fitting.problem.Problem`. `source` is the problem on the source, with the same columns and its own
    classes.
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
    fit: Fit = fit_network
    source: "VectorProblem | None" = None

    @property
    def targets(self) -> np.ndarray:
        return one_hot(self.labels, len(self.classes))

    @property
    def class_weight(self) -> str | None:
        """The argument of that name in scikit-learn."""
        return "balanced" if self.resolved.class_weights == "balanced" else None

    @property
    def sample_weight(self) -> np.ndarray | None:
        """Weights of the training rows, the argument of that name in scikit-learn's `fit`."""
        return None if self.weights is None else self.weights[self.train]


@dataclass
class VectorFitted:
    """A model trained on vectors.

    Attributes:
        probabilities: of the judged rows, `(len(judged), classes)`.
        model: a Keras network from vectors, or an estimator with `predict_proba` and `classes_`.
        facts: metrics to keep with the run.
        projection: a linear map applied before the model, if any.
        source_weights: weight of each training row of the source, in the order of `source.train`.
    """

    probabilities: np.ndarray
    model: Any
    facts: dict[str, float] = field(default_factory=dict)
    projection: Projection | None = None
    source_weights: np.ndarray | None = None

    def save(self, folder: Path) -> None:
        """Write the model, without the projection, to a run's folder."""
        if hasattr(self.model, "predict_proba"):
            joblib.dump(self.model, folder / "model.joblib", compress=3)
        else:
            self.model.save(folder / "model.keras")


Learn = Callable[[VectorProblem], VectorFitted]  # a table learner, or a head on embeddings


def join_source(problem: VectorProblem, weights: np.ndarray | None = None) -> VectorProblem:
    """Source and target as one problem: the source's rows come after the target's.

    If the spec ignores the target's labels, only the source is used for training and validation.

    Args:
        problem: has a source with the same classes.
        weights: weight of each training row of the source, `(len(source.train),)`; target rows have weight 1.
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
    """The problem with only the source for training and validation; the same rows are predicted."""
    ignoring = problem.resolved.model_copy(update={"target_labels": "ignored"})
    return replace(join_source(replace(problem, resolved=ignoring)), resolved=problem.resolved)


def fitted_estimator(
    problem: VectorProblem, model: Any, facts: dict[str, float], source_weights: np.ndarray | None = None
) -> VectorFitted:
    """The result of a fitted estimator with `predict_proba` over all classes, with its validation metrics."""
    validation, judged = (model.predict_proba(problem.x[rows]) for rows in (problem.validation, problem.judged))
    scores = loss_and_accuracy(validation, problem.targets[problem.validation], validation_weights(problem))
    metrics = {"validation_loss": scores["loss"], "validation_accuracy": scores["accuracy"]}
    return VectorFitted(judged, model, metrics | facts, source_weights=source_weights)
