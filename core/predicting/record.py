"""What a prediction leaves behind, and which runs can predict: all that pages need of it."""

from pathlib import Path

import pandas as pd

from core.errors import InputError
from core.jobs import tasks
from core.schemas import Frozen, Kind, RunRecord, Skipped
from core.store import runs

TABLE, CELLS = "predictions.parquet", "cells.parquet"
MODELS = ("model.keras", "model.joblib")


class Outcome(Frozen):
    """`result.json` of a predicting task.

    `temperature` is that of the calibrated probabilities; None where there is none, `uncalibrated` says why. What
    lies beyond the distance `threshold` is unlike the training data; `unjudged` says why that is not told. `notes`
    say how cells were read.
    """

    run: str
    kind: Kind
    classes: tuple[str, ...]
    n: int
    temperature: float | None
    uncalibrated: str = ""
    threshold: float | None = None
    quantile: float
    unjudged: str = ""
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


def check_model(run: RunRecord) -> None:
    """`InputError` unless the run has a model that can predict."""
    if run.state != "succeeded":
        raise InputError(f"Run “{run.name}” is {run.state}.", "Only a run that succeeded can predict.")
    if run.spec.folds:
        raise InputError(
            f"Run “{run.name}” was cross-validated: each of its {run.spec.folds} models saw only a part of the data,"
            " and none was kept.",
            "Train the same without folds to predict.",
        )
    if not has_model(run):
        raise InputError(f"Run “{run.name}” has kept no model.", "Train it again to predict.")


def has_model(run: RunRecord) -> bool:
    return any((runs.run_folder(run.id) / name).exists() for name in MODELS)


def predicting_runs() -> list[RunRecord]:
    """Runs that can predict, newest first."""
    return [run for run in runs.list_runs(states=["succeeded"]) if not run.spec.folds and has_model(run)]


def read(task_id: str) -> tuple[Outcome, pd.DataFrame]:
    """What a task that succeeded has found: the table is described in `core.predicting.predict`."""
    outcome = Outcome.model_validate(tasks.result(task_id))
    return outcome, pd.read_parquet(tasks.folder_of(task_id) / TABLE)


def read_cells(folder: Path) -> pd.DataFrame:
    """The rows of a table as they were given, in the order of the predictions."""
    return pd.read_parquet(folder / CELLS)
