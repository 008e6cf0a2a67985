"""Small problems on vectors with a source, and a learner for them."""

from pathlib import Path

import numpy as np

from core.schemas import ResolvedSpec
from core.transfer.fitting.vectors import VectorFitted, VectorProblem, fitted_estimator
from core.transfer.instances.tradaboost import softmax_regression
from tests.core.transfer.conftest import Recorder


def parts(n: int) -> dict[str, np.ndarray]:
    """Half of the rows to learn from, a quarter to choose by."""
    return {"train": np.arange(n // 2), "validation": np.arange(n // 2, 3 * n // 4)}


def problem(
    target: tuple[np.ndarray, np.ndarray],
    source: tuple[np.ndarray, np.ndarray],
    *,
    classes: tuple[str, ...] = ("a", "b"),
    source_classes: tuple[str, ...] | None = None,
    train: int | None = None,
    **spec: object,
) -> VectorProblem:
    """A target of which the last quarter is judged, with `train` rows to learn from, and a source."""
    settings = {"data": "t", "source": "s", "class_weights": "none", "l2": 0.1, "target_labels": "used"} | spec
    made = ResolvedSpec.model_validate(settings)

    def of(x: np.ndarray, y: np.ndarray, names: tuple[str, ...]) -> VectorProblem:
        return VectorProblem(
            made, names, x.astype("float32"), y, **parts(len(x)), judged=np.empty(0, int), recorder=Recorder(Path())
        )

    found = of(*target, classes)
    found.judged = np.arange(3 * len(found.x) // 4, len(found.x))
    found.train = found.train[:train]
    found.source = of(*source, source_classes or classes)
    return found


def learn(given: VectorProblem) -> VectorFitted:
    """Softmax regression, on the problem's own rows alone."""
    weights = np.ones(len(given.train)) if given.sample_weight is None else given.sample_weight
    model = softmax_regression(
        given.x[given.train], given.labels[given.train], weights / len(given.train), len(given.classes)
    )
    return fitted_estimator(given, model, {})


def score(given: VectorProblem, fitted: VectorFitted) -> float:
    """Accuracy on the judged rows."""
    return float((fitted.probabilities.argmax(axis=1) == given.labels[given.judged]).mean())
