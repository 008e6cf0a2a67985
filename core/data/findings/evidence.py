"""The input of finders, and helpers for the messages of findings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from core.data.grouping import manifest_column
from core.data.images.store import measurements
from core.schemas import DatasetRecord, Finding, Step


@dataclass(frozen=True)
class Evidence:
    """The samples that a version keeps (columns of `load_samples`) and the dataset's folder.

    `table` holds the cells of a table, in the order of `samples`, as the recipe's steps leave them. `kept` maps a
    finding's kind to the ids of samples that a person has reviewed and confirmed. `near_rows` are the table's
    `core.data.tables.near_rows.near_pairs`, where they are known already.
    """

    dataset: DatasetRecord
    samples: pd.DataFrame
    folder: Path
    table: pd.DataFrame | None = None
    kept: Mapping[str, frozenset[str]] = field(default_factory=dict)
    near_rows: Mapping[int, int] | None = None

    @cached_property
    def measured(self) -> pd.DataFrame:
        """The measurements of the images (`core.data.images.store.measurements`), in the order of `samples`."""
        return measurements(self.dataset, self.folder, self.samples)

    @cached_property
    def vanished(self) -> pd.Series:
        """For each image, whether it looks blank only because of the ground that it was laid on."""
        known = manifest_column(self.dataset, self.folder, "vanished")
        return self.samples["id"].map(known).eq(True)

    def unconfirmed(self, kind: str) -> pd.Series:
        """For each sample, whether a finding of this kind may name it: false for samples that were confirmed."""
        return ~self.samples["id"].isin(self.kept.get(kind, frozenset()))

    @property
    def cells(self) -> pd.DataFrame:
        """The table; only finders of tables ask for it."""
        assert self.table is not None
        return self.table

    def sample_names(self, rows: np.ndarray) -> tuple[str, ...]:
        """The samples at these positions, as named on import."""
        return tuple(self.samples["path"].iloc[rows])


NAMED = 20  # columns that a message names
Finder = Callable[[Evidence], Iterator[Finding]]


def remedy_step(kind: str, **params: object) -> Step:
    """The recipe step that resolves a finding."""
    return Step(kind=kind, params=params)


def count(n: int, noun: str, many: str | None = None) -> str:
    """“1 row”, “2 rows”."""
    return f"{n:,} {noun if n == 1 else many or noun + 's'}"


def join_names(names: Sequence[str]) -> str:
    """“a”, “b” and “c”; of many the first and how many more there are."""
    quoted = [f"“{name}”" for name in names]
    if len(quoted) > NAMED:
        return list_some(quoted, NAMED)
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def list_some(parts: Sequence[str], most: int = 5) -> str:
    """The first few of the parts, and how many more there are."""
    return ", ".join(parts[:most]) + (f" and {len(parts) - most:,} more" if len(parts) > most else "")
