"""The training, validation and test samples of a run: one split, or k folds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.data.splitting import folds
from core.errors import DataError

# Share of a fold's training samples that is held out for validation. Small, because cross-validation estimates how
# good training on nearly all samples is.
VALIDATION = 0.125


@dataclass(frozen=True)
class Parts:
    """Positions in the samples table. `fold` is 0 for the version's own split; k folds count from 1."""

    fold: int
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def parts_of(samples: pd.DataFrame, k: int, seed: int) -> Iterator[Parts]:
    """The version's split if `k` is 0, else `k` stratified folds over all samples, with duplicates in one fold."""
    if not k:
        parts = [samples["part"].to_numpy(dtype=object, na_value="")]
    else:
        parts = [fold.to_numpy(dtype=object) for fold in folds(samples, k, seed, VALIDATION)]
    for number, part in enumerate(parts, start=1 if k else 0):
        train, validation, test = (np.flatnonzero(part == p) for p in ("train", "validation", "test"))
        for name, rows in (("training", train), ("validation", validation), ("test", test)):
            if len(rows) == 0:
                raise DataError(f"The {name} part has no samples.", "Make a new split with a larger share for it.")
        yield Parts(number, train, validation, test)


def predictions_table(
    samples: pd.DataFrame, rows: np.ndarray, parts: Parts, probabilities: np.ndarray, classes: tuple[str, ...]
) -> pd.DataFrame:
    """The predictions table for the samples at `rows`, with `probabilities` of shape `(len(rows), classes)`."""
    table = samples.iloc[rows][["id", "path", "label"]].reset_index(drop=True)
    test = np.isin(rows, parts.test)
    table.insert(2, "part", np.where(test, "test", "validation"))
    table.insert(3, "fold", parts.fold)
    table["predicted"] = np.asarray(classes, dtype=object)[probabilities.argmax(axis=1)]
    scores = pd.DataFrame(probabilities.astype("float64"), columns=[f"p:{c}" for c in classes])
    return pd.concat([table, scores], axis=1)
