"""What a cleaning step is: a name, its settings, and its scope, which says when it acts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from core.schemas import Frozen, Kind

Scope = Literal["samples", "cells", "learnt", "training_rows"]
Cells = Literal["numeric", "text", "any"]

WHERE: dict[Scope, str] = {
    "samples": "Decides which samples and labels there are, when the version is made.",
    "cells": "Changes each row by itself, when the version is made.",
    "learnt": "Fitted on training rows only, again in every fold.",
    "training_rows": "Changes which training rows are learnt from; validation and test stay whole.",
}


NEW = "new "  # prefix of the names of synthetic training rows


class StepSettings(Frozen):
    """A step's settings. Every field has a title and a description; the pages draw a widget for each."""


@dataclass(frozen=True)
class Columns:
    """Marks a field that holds the name or names of columns of this kind."""

    kind: Cells


@dataclass(frozen=True)
class Classes:
    """Marks a field that holds names of classes."""


@dataclass(frozen=True)
class Only:
    """Marks a field that matters only while the field `method` has one of these values."""

    methods: tuple[str, ...]


ClassNames = Annotated[tuple[str, ...], Classes()]
AnyColumn = Annotated[str, Columns("any")]
TextColumn = Annotated[str, Columns("text")]
AnyColumns = Annotated[tuple[str, ...], Columns("any")]
NumericColumns = Annotated[tuple[str, ...], Columns("numeric")]
TextColumns = Annotated[tuple[str, ...], Columns("text")]


@dataclass(frozen=True)
class Rows:
    """What a version is made of, while its recipe is applied.

    `samples` has the columns of `load_samples`. `table` holds the cells of a table in the same order, indexed by the
    samples' ids, numbers as float64 and all else as str; None for images, and where no step needs the cells.
    """

    samples: pd.DataFrame
    table: pd.DataFrame | None = None

    def keep(self, kept: np.ndarray) -> "Rows":
        """The rows at which the boolean array `kept`, `(n,)`, is true."""
        return Rows(self.samples[kept], None if self.table is None else self.table[kept])

    @property
    def cells(self) -> pd.DataFrame:
        if self.table is None:
            raise ValueError("only tables have cells")
        return self.table


class Learnt:
    """A step fitted on training rows: tables in, tables out, rows and their order kept.

    Numbers are float64 with NaN where a cell is missing, text is str with NaN; a step may add, drop and replace
    columns. After `fit`, `scaled` names the columns that it leaves on a common scale.
    """

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.scaled: frozenset[str] = frozenset()

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Learnt":
        """Learn from training rows `x` with classes `y`, `(n,)`, as numbers."""
        raise NotImplementedError

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        raise NotImplementedError

    def fit_transform(self, x: pd.DataFrame, y: np.ndarray) -> pd.DataFrame:
        """The training rows as the model sees them; differs from `transform` where that would leak the class."""
        return self.fit(x, y).transform(x)


class Resampler:
    """A step that decides what a model learns from: it leaves out training rows, changes them or adds to them."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def resample(self, x: pd.DataFrame, y: np.ndarray, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        """The rows to learn from and their classes, `(m,)`.

        Rows that stay keep their name in the index; those that are added have names of their own (`append_rows`).
        """
        raise NotImplementedError


@dataclass(frozen=True)
class StepKind:
    """One entry of the registry.

    `run` is called, by scope, as `run(rows, settings) -> Rows` (samples), `run(table, settings) -> table` (cells),
    `run(settings) -> Learnt` (learnt) or `run(settings) -> Resampler` (training_rows). It may raise `ValueError` with
    the end of a sentence on the reason. `reads_cells` says that a samples step reads the table's cells.
    """

    name: str
    title: str
    help: str
    purpose: str
    scope: Scope
    settings: type[StepSettings]
    run: Callable[..., Any]
    kind: Kind | Literal["both"] = "table"
    reads_cells: bool = False


def numeric_columns(x: pd.DataFrame) -> list[str]:
    """The columns of numbers."""
    return [str(name) for name, kind in x.dtypes.items() if pd.api.types.is_numeric_dtype(kind)]


def text_columns(x: pd.DataFrame) -> list[str]:
    """The columns of categories."""
    numbers = set(numeric_columns(x))
    return [str(name) for name in x.columns if name not in numbers]


def choose_columns(x: pd.DataFrame, names: tuple[str, ...], kind: Cells) -> list[str]:
    """The columns `names`, or all of the kind if none is named; `ValueError` when one is missing."""
    by_kind = {"numeric": numeric_columns, "text": text_columns}
    fitting = by_kind[kind](x) if kind in by_kind else [str(column) for column in x.columns]
    known = frozenset(fitting) if names else frozenset()
    for name in names:
        if name not in x.columns:
            raise ValueError(f"there is no column “{name}” at this place")
        if name not in known:
            raise ValueError(f"column “{name}” does not hold {'numbers' if kind == 'numeric' else 'text'}")
    return list(names) or fitting


def append_rows(x: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Training rows followed by synthetic ones, which are named “new 1” and so on."""
    names = x.index.astype("str")
    first = 1 + max((int(name.removeprefix(NEW)) for name in names if name.startswith(NEW)), default=0)
    return pd.concat([x, more.set_axis([f"{NEW}{first + i}" for i in range(len(more))])])


def sample_positions(n: int, most: int) -> np.ndarray:
    """Sorted positions of at most `most` of `n` rows, drawn uniformly at random with a fixed seed."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, most, replace=False))


def fill_and_scale(x: pd.DataFrame, centre: pd.Series, spread: pd.Series) -> np.ndarray:
    """Robustly scaled numbers, missing cells filled with the centre; `(n, columns)`."""
    return ((x[centre.index].fillna(centre) - centre) / spread).to_numpy()


def centre_and_spread(x: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Median and interquartile range of each column; where that is 0 the standard deviation, then 1."""
    centre = x.median().fillna(0.0)
    spread = x.quantile(0.75) - x.quantile(0.25)
    spread = spread.where(spread > 0, x.std(ddof=0))
    return centre, spread.where(spread > 0, 1.0)
