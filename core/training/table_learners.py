"""The learners of `core.models.tabular`: from a prepared matrix to probabilities and a file."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.schemas import TrainingSpec

if TYPE_CHECKING:
    from core.training.recorder import Recorder


@dataclass
class TableProblem:
    """`x` is `(n, columns)` float32, prepared by what was fitted on the rows in `train` alone."""

    spec: TrainingSpec
    classes: tuple[str, ...]
    x: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    judged: np.ndarray
    recorder: "Recorder"

    @property
    def targets(self) -> np.ndarray:
        from core.transfer.fitting import one_hot

        return one_hot(self.labels, len(self.classes))


@dataclass
class TableFitted:
    """`probabilities` is `(len(judged), classes)`; `save` writes the fitted learner into a folder."""

    probabilities: np.ndarray
    save: Callable[[Path], Any]
    facts: dict[str, float] = field(default_factory=dict)


def network(problem: TableProblem) -> TableFitted:
    """A multilayer perceptron: two hidden layers of 64 ReLU units with dropout."""
    import keras

    from core.transfer.fitting import fit_by_spec

    spec = problem.spec
    dropout = spec.dropout or 0.0
    penalty = keras.regularizers.L2((spec.l2 or 0.0) / len(problem.train))
    model = keras.Sequential(
        [
            keras.Input((problem.x.shape[1],)),
            keras.layers.Dense(64, activation="relu", kernel_regularizer=penalty),
            keras.layers.Dropout(dropout, seed=spec.seed),
            keras.layers.Dense(64, activation="relu", kernel_regularizer=penalty),
            keras.layers.Dropout(dropout, seed=spec.seed + 1),
            keras.layers.Dense(len(problem.classes), activation="softmax", kernel_regularizer=penalty),
        ],
        name="table_network",
    )
    facts = fit_by_spec(model, problem.x, problem, "network")
    return TableFitted(
        probabilities=model.predict(problem.x[problem.judged], batch_size=1024, verbose=0),
        save=lambda folder: model.save(folder / "model.keras"),
        facts={"validation_loss": facts["loss"], "validation_accuracy": facts["accuracy"]},
    )


def logistic_regression(problem: TableProblem) -> TableFitted:
    """L2-regularised softmax regression, its strength chosen by the validation loss, one epoch a strength."""
    import joblib
    from sklearn.linear_model import LogisticRegression

    strengths = (0.01, 0.1, 1.0, 10.0, 100.0)
    problem.recorder.phase("logistic regression", len(strengths))
    weights = "balanced" if problem.spec.class_weights == "balanced" else None
    best: tuple[float, float, Any] | None = None
    for number, strength in enumerate(strengths, start=1):
        candidate = LogisticRegression(C=strength, max_iter=2000, class_weight=weights)
        candidate.fit(problem.x[problem.train], problem.labels[problem.train])
        values = {
            **_judge(candidate, problem, problem.train, ""),
            **_judge(candidate, problem, problem.validation, "val_"),
        }
        problem.recorder.epoch(number, values)
        if best is None or values["val_loss"] < best[0]:
            best = (values["val_loss"], values["val_accuracy"], candidate)
    assert best is not None
    loss, accuracy, model = best
    return TableFitted(
        probabilities=_probabilities(model, problem, problem.judged),
        save=lambda folder: joblib.dump(model, folder / "model.joblib"),
        facts={"validation_loss": loss, "validation_accuracy": accuracy, "c": float(model.C)},
    )


def _probabilities(model: Any, problem: TableProblem, rows: np.ndarray) -> np.ndarray:
    """Probabilities over all classes; a class that training rows lack gets zero."""
    full = np.zeros((len(rows), len(problem.classes)))
    full[:, model.classes_] = model.predict_proba(problem.x[rows])
    return full


def _judge(model: Any, problem: TableProblem, rows: np.ndarray, prefix: str) -> dict[str, float]:
    p, y = _probabilities(model, problem, rows), problem.labels[rows]
    picked = np.clip(p[np.arange(len(y)), y], 1e-7, 1)
    return {
        f"{prefix}loss": float(-np.log(picked).mean()),
        f"{prefix}accuracy": float((p.argmax(axis=1) == y).mean()),
    }
