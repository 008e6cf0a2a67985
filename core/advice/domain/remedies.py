"""The task `remedies`: compares unsupervised transfer methods by their accuracy on the target."""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from core.advice.domain.consistency import fit_probe
from core.advice.domain.record import Remedies, Remedy
from core.advice.domain.sides import draw_sides, side_vectors
from core.embedding.embeddings import limit_threads
from core.errors import DataError, InputError
from core.evaluation.intervals import ALPHA, effective_size, paired_gain, wilson
from core.methods.sources import transfer_obstacle
from core.methods.strategies import STRATEGIES, Strategy
from core.schemas import DataRef, ResolvedSpec
from core.training.recorder import Recorder
from core.transfer.fitting.vectors import VectorFitted, VectorProblem
from core.transfer.instances.weights import domain_auc

Progress = Callable[..., None]


def remedies_task(params: dict[str, Any], _folder: Path, progress: Progress) -> dict[str, Any]:
    """`compare_remedies` in the background. `params`: `source` and `target`, DATASET[@VERSION]."""
    source, target = (DataRef.parse(params[side]) for side in ("source", "target"))
    return compare_remedies(source, target, progress).model_dump(mode="json")


def compare_remedies(source: DataRef, target: DataRef, progress: Progress = lambda *_: None) -> Remedies:
    """Train a probe on the source with each method, and evaluate it on the target without its test part.

    Raises:
        InputError: one has no labels or too few samples, or they differ in classes or columns.
        WeightsError: the backbone's weights are missing.
    """
    limit_threads()
    progress(0, 0, "reading both")
    first, second, _ = draw_sides(source, target, untested=True)
    if not first.labelled or not second.labelled:
        bare = second if first.labelled else first
        raise InputError(f"“{bare.name}” has no labels.", "Methods are compared by the labels of both sides.")
    asked = [
        (strategy, method)
        for strategy in STRATEGIES.values()
        if _without_labels(strategy)
        for method in strategy.methods or (None,)
    ]
    reason = transfer_obstacle(asked[0][0], second.version, first.version)
    if reason:
        raise InputError(reason, "Only what needs neither equal classes nor columns can carry over.")
    seen = side_vectors(first, second, None, progress)
    classes = first.version.classes
    of_source, truth = (np.array([classes.index(c) for c in side.samples["label"]]) for side in (first, second))
    found = []
    with threadpool_limits(1):  # threads that wait for one another cost more than they give
        before = fit_probe(seen.x, of_source).predict(seen.y) == truth
        for number, (strategy, method) in enumerate(asked):
            progress(number, len(asked), strategy.title)
            remedy = Remedy(strategy=strategy.name, title=strategy.title, method=method)
            problem = _problem(classes, (seen.x, of_source), (seen.y, truth), remedy)
            found.append(_try_remedy(remedy, strategy, problem, before, ALPHA / len(asked)))
        apart = domain_auc(seen.x, seen.y)
    found.sort(key=lambda r: -np.inf if r.gain is None else r.gain, reverse=True)
    return Remedies(
        source=str(first.ref),
        target=str(second.ref),
        n_source=len(of_source),
        n=len(truth),
        domain_auc=apart,
        accuracy=float(before.mean()),
        accuracy_ci=wilson(int(before.sum()), len(truth)),
        remedies=tuple(found),
    )


def _without_labels(strategy: Strategy) -> bool:
    """Whether it carries over from a source without labels of the target, whatever learns: in seconds, that is."""
    return strategy.has_source and strategy.kind == "both" and strategy.labels != "needed"


def _try_remedy(
    remedy: Remedy, strategy: Strategy, problem: VectorProblem, before: NDArray[np.bool_], alpha: float
) -> Remedy:
    """The remedy with its results; `before`, `(n,)`, is whether each target sample is correct without it."""
    trial = ProbeLearner()
    try:
        fitted = resolve_name(strategy.fit)(problem, trial)
    except (DataError, InputError) as error:
        return remedy.model_copy(update={"note": error.message})
    after = fitted.model.classes_[fitted.probabilities.argmax(axis=1)] == problem.labels
    gain, gain_ci = paired_gain(before, after, alpha)
    weights = fitted.source_weights
    reached = {
        "domain_auc": trial.domain_auc,
        "effective_size": None if weights is None else effective_size(weights),
        "accuracy": float(after.mean()),
        "gain": gain,
        "gain_ci": gain_ci,
        "note": " ".join(problem.recorder.notes),
    }
    return remedy.model_copy(update=reached)


class ProbeLearner:
    """A linear probe as the learner of a strategy, which also measures the remaining domain AUC."""

    domain_auc = 0.5

    def __call__(self, given: VectorProblem) -> VectorFitted:
        rows, weights = given.x[given.train], given.sample_weight
        there = given.x[given.judged]
        self.domain_auc = domain_auc(rows, there, weights=weights)
        model = fit_probe(rows, given.labels[given.train], weights)
        return VectorFitted(model.predict_proba(there), model)


class _Notes(Recorder):
    """Keeps a strategy's notes; there is no run."""

    def note(self, text: str) -> None:
        self.notes.append(text)


def _problem(
    classes: tuple[str, ...],
    source: tuple[np.ndarray, np.ndarray],
    target: tuple[np.ndarray, np.ndarray],
    asked: Remedy,
) -> VectorProblem:
    """All samples of the source to learn from, all of the target to be seen without labels, and judged."""
    spec = ResolvedSpec(
        data="target", source=("source",), strategy=asked.strategy, method=asked.method, target_labels="ignored"
    )
    notes = _Notes("")

    def of(x: np.ndarray, labels: np.ndarray) -> VectorProblem:
        every, none = np.arange(len(x)), np.empty(0, int)
        return VectorProblem(spec, classes, x.astype("float32"), labels, every, none, every, notes)

    problem = of(*target)
    problem.source = of(*source)
    return problem
