"""Training on tables: preparation fitted on training rows only, then the learner, once or once per fold."""

from pathlib import Path
from pkgutil import resolve_name

import joblib
import numpy as np
import pandas as pd

from core.data.cleaning.preparation import Preparation
from core.data.versions import load_rows, load_weights
from core.errors import DataError
from core.methods.learners import get_learner
from core.methods.parts import Parts, parts_of, predictions_table
from core.schemas import DataRef, ResolvedSpec, RunRecord
from core.store.datasets import get_version
from core.training.recorder import Recorder
from core.training.result import Result
from core.training.sources.source_problem import SourceEffect, SourceTables, fit_with_baselines
from core.transfer.fitting.vectors import VectorProblem


class TableTask:
    """A spec's version, rows and splits, and the problem that its learner solves on each split."""

    def __init__(self, resolved: ResolvedSpec, recorder: Recorder) -> None:
        ref = DataRef.parse(resolved.data)
        self.resolved = resolved
        self.recorder = recorder
        self.version = get_version(ref)
        rows, _ = load_rows(ref, cells=True)
        self.samples, self._features = rows.samples, rows.cells
        index = {name: i for i, name in enumerate(self.version.classes)}
        self._labels = self.samples["label"].map(index).to_numpy(dtype="int64")
        self._sample_weights = load_weights(self.version, self.samples)
        self.splits = list(parts_of(self.samples, resolved.folds, resolved.seed))
        self._source = SourceTables(resolved, self._features, recorder) if resolved.source else None

    def problem(self, parts: Parts) -> tuple[VectorProblem, Preparation]:
        """The problem, and the preparation of its columns, fitted on the training rows."""
        labels, features, weights = self._labels, self._features, self._sample_weights
        preparation = Preparation(self.version.recipe, self.resolved.seed)
        if self._source and self.resolved.target_labels == "ignored":
            x = self._source.prepared(preparation).transform(features)
            problem = self._problem(parts, x, labels, weights, parts.train)
            problem.source = self._source.problem(problem, preparation)
            return problem, preparation
        learnt_from = preparation.fit_transform(features.iloc[parts.train], labels[parts.train])
        new = preparation.rows_ < 0
        train = np.empty(len(new), dtype="int64")
        train[~new], train[new] = parts.train[preparation.rows_[~new]], len(labels) + np.arange(new.sum())
        x = np.concatenate([preparation.transform(features), learnt_from[new]])
        x[train] = learnt_from  # an encoding by the target shows each training row without its own class
        if weights is not None:
            weights = _weights(weights, labels, parts.train, preparation)
        problem = self._problem(parts, x, np.concatenate([labels, preparation.classes_[new]]), weights, train)
        if self._source:
            problem.source = self._source.problem(problem, preparation)
        return problem, preparation

    def _problem(
        self, parts: Parts, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None, train: np.ndarray
    ) -> VectorProblem:
        return VectorProblem(
            resolved=self.resolved,
            classes=self.version.classes,
            x=x,
            labels=labels,
            weights=weights,
            train=train,
            validation=parts.validation,
            judged=np.concatenate([parts.validation, parts.test]) if not parts.fold else parts.test,
            recorder=self.recorder,
        )


def train_table(run: RunRecord, recorder: Recorder) -> Result:
    """Train a run on a table; returns its predictions and a function that saves preparation and learner."""
    resolved = run.spec
    task = TableTask(resolved, recorder)
    learn = resolve_name(get_learner(resolved.learner).fit)
    tables: list[pd.DataFrame] = []
    facts: list[dict[str, float]] = []
    effect = SourceEffect()
    for parts in task.splits:
        recorder.prefix = f"fold {parts.fold} of {resolved.folds}" if parts.fold else ""
        with recorder.timed("embed"):
            problem, preparation = task.problem(parts)
        with recorder.timed("fit"):
            if problem.source:
                fitted, baselines = fit_with_baselines(problem, learn)
                preparation.projection = fitted.projection
                effect.add(task.samples, problem, parts, baselines, fitted.source_weights)
            else:
                fitted = learn(problem)
        tables.append(predictions_table(task.samples, problem.judged, parts, fitted.probabilities, problem.classes))
        facts.append(fitted.facts)
    recorder.prefix = ""

    def save(folder: Path) -> None:
        joblib.dump(preparation, folder / "preparation.joblib")
        fitted.save(folder)

    return Result(
        predictions=pd.concat(tables, ignore_index=True),
        classes=task.version.classes,
        facts=facts,
        save=None if resolved.folds else save,
        tables=effect.tables(),
    )


def _weights(weights: np.ndarray, labels: np.ndarray, train: np.ndarray, preparation: Preparation) -> np.ndarray:
    """Weights of all rows and of those that steps made, which weigh as their class does on average.

    Their mean over the rows learnt from is 1, so that penalties and step sizes mean what they do without weights.
    """
    rows, classes = preparation.rows_, preparation.classes_
    total = np.bincount(labels[train], weights[train], minlength=classes.max() + 1)
    of_class = total / np.bincount(labels[train], minlength=len(total)).clip(1)
    whole = np.concatenate([weights, of_class[classes[rows < 0]]])
    learnt = np.where(rows < 0, of_class[classes], weights[train][rows])
    if not learnt.any():
        raise DataError("All training rows weigh nothing.", "Choose another column as weight, or make another split.")
    return np.asarray(whole / learnt.mean())
