"""Training on tables: columns prepared on training rows only, then the learner, once or once a fold."""

from pathlib import Path
from pkgutil import resolve_name

import joblib
import numpy as np
import pandas as pd

from core.data.tables import load_table
from core.data.versions import load_samples
from core.models.tabular import get_learner, preparation
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
    samples = load_samples(ref)
    features, schema = load_table(ref)
    features = features.loc[samples["id"]]
    index = {name: i for i, name in enumerate(version.classes)}
    labels = samples["label"].map(index).to_numpy(dtype="int64")
    assert spec.learner
    learn = resolve_name(get_learner(spec.learner).fit)

    tables: list[pd.DataFrame] = []
    facts: list[dict[str, float]] = []
    for parts in parts_of(samples, spec.folds, spec.seed):
        recorder.prefix = f"fold {parts.fold} of {spec.folds}" if parts.fold else ""
        judged = np.concatenate([parts.validation, parts.test]) if not parts.fold else parts.test
        with recorder.timed("embed"):
            transformer = preparation(list(schema.numeric), list(schema.categorical))
            transformer.fit(features.iloc[parts.train])
            x = np.asarray(transformer.transform(features), dtype="float32")
        problem = TableProblem(
            spec=spec,
            classes=version.classes,
            x=x,
            labels=labels,
            train=parts.train,
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
        joblib.dump(transformer, folder / "preparation.joblib")
        fitted.save(folder)

    return Result(
        predictions=pd.concat(tables, ignore_index=True),
        classes=version.classes,
        facts=facts,
        save=None if spec.folds else save,
    )
