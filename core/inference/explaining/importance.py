"""Feature importance of a run on a table: permutation importance and partial dependence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.data.versions import load_rows
from core.errors import InputError
from core.inference.explaining.record import ColumnImportance, Dependence, FeatureImportance
from core.schemas import DataRef
from core.store import runs

ROWS = 2_000  # test rows at most, chosen at random
REPEATS = 10
DRAWN = 6  # columns with partial dependence
GRID, GRID_ROWS = 20, 300
MOST_VALUES = 12  # of a category
Predict = Callable[[pd.DataFrame], np.ndarray]  # cells to probabilities, `(n, classes)`


def importance_task(params: dict[str, Any], folder: Path, progress: Any) -> dict[str, Any]:
    """The task `matters`: `params` has the `run`; the result is a `FeatureImportance`."""
    from core.inference.predicting.model import TableModel, load_model

    progress(0, 0, "loading the model")
    model = load_model(params["run"])
    if not isinstance(model, TableModel):
        raise InputError("Only a run on a table has columns.", "For images, see where the network looks.")
    run = runs.get_run(params["run"])
    rows, _ = load_rows(DataRef(dataset=run.dataset, version=run.version), cells=True)
    judged = np.flatnonzero(rows.samples["part"] == "test")
    if not len(judged):
        raise InputError(f"Run “{run.name}” has no test rows to judge columns on.", "Train with a test part.")
    judged = np.sort(np.random.default_rng(0).permutation(judged)[:ROWS])
    cells = rows.cells.iloc[judged].reset_index(drop=True)
    truth = pd.Index(model.classes).get_indexer(pd.Index(rows.samples["label"].iloc[judged]))

    def predict(changed: pd.DataFrame) -> np.ndarray:
        return model.probabilities(model.preparation.transform(changed))

    columns, accuracy = permutation_importance(predict, cells, truth, progress)
    drawn = [c.column for c in columns[:DRAWN]]
    few = cells.sample(min(GRID_ROWS, len(cells)), random_state=0)
    progress(0, 0, "how the probabilities move")
    dependence = tuple(partial_dependence(predict, few, column, model.classes) for column in drawn)
    found = FeatureImportance(n=len(cells), accuracy=accuracy, columns=columns, dependence=dependence)
    return found.model_dump(mode="json")


def permutation_importance(
    predict: Predict, cells: pd.DataFrame, truth: np.ndarray, progress: Any = None
) -> tuple[tuple[ColumnImportance, ...], float]:
    """Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019) of every column, and the share right.

    A row's loss is the share of `REPEATS` shuffles that turn it wrong, less those that turn it right; the interval is
    that of the mean loss over rows.

    Args:
        cells: `(n, columns)`, shuffled one column at a time; truth: the place of each row's class, `(n,)`.
    """
    rng = np.random.default_rng(0)
    right = predict(cells).argmax(axis=1) == truth
    found = []
    for number, column in enumerate(cells.columns):
        if progress:
            progress(number, cells.shape[1], f"without {column}")
        # All shuffles in one table: a call of a learner costs more than its rows.
        given = cells[column].iloc[np.concatenate([rng.permutation(len(cells)) for _ in range(REPEATS)])]
        still = predict(_repeated(cells, REPEATS).assign(**{str(column): given.reset_index(drop=True)}))
        loss = right - (still.argmax(axis=1) == np.tile(truth, REPEATS)).reshape(REPEATS, -1).mean(axis=0)
        error = 1.96 * loss.std(ddof=1) / np.sqrt(len(loss)) if len(loss) > 1 else 1.0  # one row tells nothing
        mean = float(loss.mean())
        found.append(ColumnImportance(column=str(column), drop=mean, low=mean - error, high=mean + error))
    return tuple(sorted(found, key=lambda c: -c.drop)), float(right.mean())


def partial_dependence(predict: Predict, cells: pd.DataFrame, column: str, classes: tuple[str, ...]) -> Dependence:
    """Mean probabilities over the rows of `cells`, all of them given one value of the column after the other."""
    known = cells[column].dropna()
    if known.empty:
        return Dependence(column=column, values=(), probabilities=dict.fromkeys(classes, ()))
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
        values: list[Any] = np.unique(np.quantile(known.to_numpy(float), np.linspace(0.02, 0.98, GRID))).tolist()
        if pd.api.types.is_integer_dtype(known):
            values = sorted({round(value) for value in values})
    else:
        values = [str(value) for value in known.value_counts().index[:MOST_VALUES]]
    given = pd.Series(np.repeat(np.array(values, dtype=object), len(cells))).astype(cells[column].dtype)
    p = predict(_repeated(cells, len(values)).assign(**{column: given}))
    means = p.reshape(len(values), len(cells), -1).mean(axis=1)
    return Dependence(
        column=column,
        values=tuple(values),
        probabilities={name: tuple(means[:, i].tolist()) for i, name in enumerate(classes)},
    )


def _repeated(cells: pd.DataFrame, times: int) -> pd.DataFrame:
    return pd.concat([cells] * times, ignore_index=True)
