"""What a prediction leaves behind, and which runs can predict: all that pages need of it."""

from pathlib import Path

import pandas as pd

from core.evaluation.scaling import Scaling
from core.jobs import tasks
from core.schemas import Frozen, Kind, Skipped

TABLE, CELLS = "predictions.parquet", "cells.parquet"


class Outcome(Frozen):
    """`result.json` of a predicting task.

    `scaling` is that of the calibrated probabilities, `temperature` its temperature; None where there is none,
    `uncalibrated` says why. What
    lies beyond the distance `threshold` is unlike the training data; `unjudged` says why that is not told. `notes`
    say how cells were read. `given` says what was predicted. Of `n_known` samples what was given tells the class, by
    a column or folder (`known_by`); `n_right` of these were predicted so.
    """

    run: str
    kind: Kind
    classes: tuple[str, ...]
    n: int
    temperature: float | None
    scaling: Scaling | None = None
    uncalibrated: str = ""
    threshold: float | None = None
    quantile: float
    unjudged: str = ""
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    given: str = ""
    n_known: int = 0
    n_right: int = 0
    known_by: str = ""


def read_prediction(task_id: str) -> tuple[Outcome, pd.DataFrame]:
    """What a task that succeeded has found: the table is described in `core.inference.predicting.predict`."""
    outcome = Outcome.model_validate(tasks.result(task_id))
    return outcome, pd.read_parquet(tasks.task_folder(task_id) / TABLE)


def read_cells(folder: Path) -> pd.DataFrame:
    """The rows of a table as they were given, in the order of the predictions."""
    return pd.read_parquet(folder / CELLS)
