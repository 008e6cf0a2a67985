"""The learners of `core.methods.learners`: from a prepared matrix to probabilities and a file."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.settings import get_settings
from core.transfer.fitting.vectors import VectorFitted, VectorProblem
from core.transfer.fitting.weighing import loss_and_accuracy, sample_weights

BOOSTING_EPOCHS = 20  # in so many equal parts the rounds of boosting are judged
BOOSTING_PATIENCE = 4  # of them, without a better validation loss, after which boosting ends
BOOSTING_RATE = 0.1


def logistic_regression(problem: VectorProblem) -> VectorFitted:
    """L2-regularised softmax regression, its strength chosen by the validation loss, one epoch a strength."""
    from sklearn.linear_model import LogisticRegression

    weights = problem.class_weight
    strengths = (0.01, 0.1, 1.0, 10.0, 100.0)
    candidates = {c: LogisticRegression(C=c, max_iter=2000, class_weight=weights) for c in strengths}
    return best_candidate(problem, "logistic regression", candidates, "c")


def random_forest(problem: VectorProblem) -> VectorFitted:
    """A random forest (Breiman 2001), the size of its leaves chosen by the validation loss, one epoch a size."""
    from sklearn.ensemble import RandomForestClassifier

    settings = {
        "n_estimators": problem.resolved.trees,
        "class_weight": problem.class_weight,
        "random_state": problem.resolved.seed,
        "n_jobs": get_settings().threads,
    }
    candidates = {leaf: RandomForestClassifier(min_samples_leaf=leaf, **settings) for leaf in (1, 3, 10, 30)}
    return best_candidate(problem, "random forest", candidates, "min_samples_leaf")


def gradient_boosting(problem: VectorProblem) -> VectorFitted:
    """Histogram-based gradient boosting (Friedman 2001; Ke et al. 2017), ended where the validation loss turns.

    An epoch is a twentieth of the rounds asked for; the epoch with the least validation loss is kept.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    resolved, x, y = problem.resolved, problem.x[problem.train], problem.labels[problem.train]
    rounds = np.unique(np.linspace(0, resolved.trees, BOOSTING_EPOCHS + 1).round().astype("int64"))[1:]
    problem.recorder.phase("gradient boosting", len(rounds))
    model = HistGradientBoostingClassifier(
        learning_rate=BOOSTING_RATE,
        early_stopping=False,
        warm_start=True,
        class_weight=problem.class_weight,
        random_state=resolved.seed,
    )
    best: _Candidate | None = None
    since = 0
    for number, n in enumerate(rounds.tolist(), start=1):
        model.set_params(max_iter=n).fit(x, y, sample_weight=problem.sample_weight)
        candidate = _judged(problem, model, number)
        since += 1
        if best is None or candidate.is_better(best):
            best, since = replace(candidate, model=deepcopy(model)), 0
        if since == BOOSTING_PATIENCE or _finish_asked(problem):
            break
    assert best is not None
    return _kept(problem, best, {"rounds": float(best.model.n_iter_)})


@dataclass(frozen=True)
class _Candidate:
    """A fitted model and how it does on the validation rows; `score` is its macro-F1 if it is chosen by that."""

    model: Any
    loss: float
    accuracy: float
    score: float

    def is_better(self, other: "_Candidate") -> bool:
        return (-self.score, self.loss) < (-other.score, other.loss)


def best_candidate(problem: VectorProblem, phase: str, models: Mapping[Any, Any], parameter: str) -> VectorFitted:
    """Fit each of the models, an epoch each, and keep the best: the least validation loss, or macro-F1 if asked.

    `models` are told apart by the value of `parameter`, which is kept among the facts.
    """
    problem.recorder.phase(phase, len(models))
    best: _Candidate | None = None
    chosen = 0.0
    for number, (value, model) in enumerate(models.items(), start=1):
        model.fit(problem.x[problem.train], problem.labels[problem.train], sample_weight=problem.sample_weight)
        candidate = _judged(problem, model, number)
        if best is None or candidate.is_better(best):
            best, chosen = candidate, value
        if _finish_asked(problem):
            break
    assert best is not None
    return _kept(problem, best, {parameter: float(chosen)})


def _finish_asked(problem: VectorProblem) -> bool:
    asked = problem.recorder.finish_asked()
    if asked:
        problem.recorder.note("Finished early on request; the best so far was kept.")
    return asked


def _kept(problem: VectorProblem, best: _Candidate, facts: dict[str, float]) -> VectorFitted:
    return VectorFitted(
        probabilities=_probabilities(best.model, problem, problem.judged),
        model=best.model,
        facts={"validation_loss": best.loss, "validation_accuracy": best.accuracy} | facts,
    )


def _judged(problem: VectorProblem, model: Any, epoch: int) -> _Candidate:
    """The fitted model with its validation scores, which are recorded."""
    values = {**_judge(model, problem, problem.train, ""), **_judge(model, problem, problem.validation, "val_")}
    problem.recorder.epoch(epoch, values)
    return _Candidate(model, values["val_loss"], values["val_accuracy"], values.get("val_macro_f1", 0.0))


def _probabilities(model: Any, problem: VectorProblem, rows: np.ndarray) -> np.ndarray:
    """Probabilities over all classes; a class that training rows lack gets zero."""
    full = np.zeros((len(rows), len(problem.classes)))
    full[:, model.classes_] = model.predict_proba(problem.x[rows])
    return full


def _judge(model: Any, problem: VectorProblem, rows: np.ndarray, prefix: str) -> dict[str, float]:
    """Loss, with classes weighted as in training, and accuracy on some rows; macro-F1 if the choice is by that."""
    from sklearn.metrics import f1_score

    p, targets = _probabilities(model, problem, rows), problem.targets
    weights = sample_weights(problem.resolved, targets, problem.train)[rows]
    found = loss_and_accuracy(p, targets[rows], weights)
    if problem.resolved.monitor == "macro_f1":
        found["macro_f1"] = float(f1_score(problem.labels[rows], p.argmax(axis=1), average="macro", zero_division=0))
    return {f"{prefix}{name}": value for name, value in found.items()}
