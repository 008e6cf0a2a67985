"""Training on tables: columns prepared on training rows only, then the learner, once or once a fold."""

from pathlib import Path
from pkgutil import resolve_name

import joblib
import numpy as np
import pandas as pd

from core.data.preparation import Preparation
from core.data.versions import load_rows, load_weights
from core.errors import DataError
from core.models.tabular import get_learner
from core.schemas import DataRef, RunRecord
from core.store.datasets import get_version
from core.training.parts import parts_of, predictions
from core.training.recorder import Recorder
from core.training.result import Result
from core.training.table_learners import TableFitted, TableProblem


def train_table(run: RunRecord, recorder: Recorder) -> Result:
    """Train a run on a table and return its predictions and a way to save preparation and learner."""
    spec = run.spec
    ref = DataRef.parse(spec.data)
    version = get_version(ref)
    rows, _ = load_rows(ref, cells=True)
    samples, features = rows.samples, rows.cells
    index = {name: i for i, name in enumerate(version.classes)}
    labels = samples["label"].map(index).to_numpy(dtype="int64")
    weights = load_weights(version, samples)
    assert spec.learner
    learn = resolve_name(get_learner(spec.learner).fit)

    tables: list[pd.DataFrame] = []
    facts: list[dict[str, float]] = []
    for parts in parts_of(samples, spec.folds, spec.seed):
        recorder.prefix = f"fold {parts.fold} of {spec.folds}" if parts.fold else ""
        judged = np.concatenate([parts.validation, parts.test]) if not parts.fold else parts.test
        with recorder.timed("embed"):
            preparation = Preparation(version.recipe, spec.seed)
            learnt_from = preparation.fit_transform(features.iloc[parts.train], labels[parts.train])
            new = preparation.rows_ < 0
            train = np.empty(len(new), dtype="int64")
            train[~new], train[new] = parts.train[preparation.rows_[~new]], len(labels) + np.arange(new.sum())
            x = np.concatenate([preparation.transform(features), learnt_from[new]])
            x[train] = learnt_from  # an encoding by the target shows each training row without its own class
        problem = TableProblem(
            spec=spec,
            classes=version.classes,
            x=x,
            labels=np.concatenate([labels, preparation.classes_[new]]),
            weights=None if weights is None else _weights(weights, labels, parts.train, preparation),
            train=train,
            validation=parts.validation,
            judged=judged,
            recorder=recorder,
        )
        with recorder.timed("fit"):
            fitted: TableFitted = learn(problem)
        tables.append(predictions(samples, judged, parts, fitted.probabilities, version.classes))
        facts.append(fitted.facts)
    recorder.prefix = ""

    def save(folder: Path) -> None:
        joblib.dump(preparation, folder / "preparation.joblib")
        fitted.save(folder)

    return Result(
        predictions=pd.concat(tables, ignore_index=True),
        classes=version.classes,
        facts=facts,
        save=None if spec.folds else save,
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
    return whole / learnt.mean()
