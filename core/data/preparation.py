"""From a table's columns to the matrix that learners see, fitted on training rows only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.data import cleaning
from core.data.steps.step import Learnt, Rows, numeric, sample, text
from core.errors import GraftError, InputError
from core.schemas import Recipe

CATEGORIES = 64  # columns made of one text column, the rarest categories together in the last
SHOWN = 5_000  # training rows that steps are tried and shown on


class Preparation:
    """The learning steps of a recipe, and a finish that lets any recipe train.

    The finish does what the recipe left undone. Numbers: missing cells become the median and are marked, then columns
    that no step has scaled are standardised. Categories: a missing cell is a category of its own, then one column a
    category; one never seen in training gets zeros.

    Example:
        preparation = Preparation(recipe)
        learnt_from = preparation.fit_transform(x.iloc[train], y[train])  # rows `preparation.kept_rows` of them
        judged = preparation.transform(x.iloc[test])
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Preparation":
        """Fit on training rows `x` (columns of `load_table`) with classes `y`, `(n,)`, as numbers.

        `InputError` names a step that cannot be fitted. `kept_rows` are then the positions that are learnt from.
        """
        self.fit_transform(x, y)
        return self

    def fit_transform(self, x: pd.DataFrame, y: np.ndarray) -> np.ndarray:
        """Fit, and the matrix to learn from, `(len(kept_rows), columns)`, float32."""
        self.kept_rows = np.arange(len(x))
        self.learnt_: list[Learnt] = []
        for _, change, x_new, kept in _fitted(self.recipe, x, y):
            x, y, self.kept_rows = x_new, y[kept], self.kept_rows[kept]
            if change is not None:
                self.learnt_.append(change)
        scaled = frozenset().union(*(step.scaled for step in self.learnt_)) if self.learnt_ else frozenset()
        self.finish_ = finish(x, scaled).fit(x)
        return self._finished(x)

    def transform(self, x: pd.DataFrame) -> np.ndarray:
        """Any rows, `(n, columns)`, float32."""
        for step in self.learnt_:
            x = step.transform(x)
        return self._finished(x)

    def _finished(self, x: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.finish_.transform(x), dtype="float32")


def finish(x: pd.DataFrame, scaled: frozenset[str]) -> Any:
    """A scikit-learn transformer, not yet fitted, from the columns of `x` to a matrix without gaps."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = numeric(x)
    gaps = {"strategy": "median", "add_indicator": True}
    words = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=CATEGORIES),
    )
    return ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(**gaps), StandardScaler()),
                [c for c in numbers if c not in scaled],
            ),
            ("scaled", SimpleImputer(**gaps), [c for c in numbers if c in scaled]),
            ("categories", words, text(x)),
        ]
    )


@dataclass(frozen=True)
class Stage:
    """What one step does, on at most 5,000 training rows.

    `place` is its position in the recipe. `before` and `after` hold training rows; `n_before` and `n_after` count all
    samples, or training rows for a step that picks among them. With an `error` nothing comes after.
    """

    place: int
    before: pd.DataFrame
    after: pd.DataFrame
    n_before: int
    n_after: int
    error: str = ""


def trace(recipe: Recipe, rows: Rows, training: pd.Index) -> list[Stage]:
    """The stages of a recipe in the order in which they act, up to the first that cannot be applied.

    Args:
        recipe: its steps that are off have no stage.
        rows: the imported samples and cells.
        training: ids of the samples to learn from and to show.
    """
    stages: list[Stage] = []
    shown = rows.cells.index.intersection(training)
    shown = shown[sample(len(shown), SHOWN)]

    def seen(of: Rows) -> pd.DataFrame:
        return of.cells.loc[of.cells.index.intersection(shown, sort=False)]

    place = 0
    try:
        cleaning.check(recipe, "table")
        for number, step, kind, settings in cleaning.enabled(recipe, *cleaning.AT_ONCE):
            place = number
            after = cleaning.apply_step(rows, number, step, kind, settings)
            stages.append(Stage(number - 1, seen(rows), seen(after), len(rows.samples), len(after.samples)))
            rows = after
        x = seen(rows)
        labels = rows.samples.set_index("id")["label"].reindex(x.index)
        y = pd.factorize(labels, sort=True)[0]
        numbers = [n for n, *_ in cleaning.enabled(recipe, "learnt", "training_rows")]
        steps = _fitted(recipe, x, y)
        for place in numbers:
            _, _, x_new, kept = next(steps)
            stages.append(Stage(place - 1, x, x_new, len(x), int(kept.sum())))
            x = x_new
    except GraftError as error:
        before = stages[-1].after if stages else seen(rows)
        stages.append(Stage(max(place, 1) - 1, before, before, len(rows.samples), len(rows.samples), error.message))
    return stages


def check(recipe: Recipe, rows: Rows) -> None:
    """`InputError` when a learning step cannot be fitted on a sample of these labelled rows."""
    if not any(cleaning.enabled(recipe, "learnt", "training_rows")):
        return
    place = sample(len(rows.samples), SHOWN)
    x, labels = rows.cells.iloc[place], rows.samples["label"].iloc[place]
    for _ in _fitted(recipe, x, pd.factorize(labels, sort=True)[0]):
        pass


def _fitted(
    recipe: Recipe, x: pd.DataFrame, y: np.ndarray
) -> Iterator[tuple[int, Learnt | None, pd.DataFrame, np.ndarray]]:
    """Fit one learning step after the other; of each its place from 1, what it learnt, and the rows it leaves."""
    for number, step, kind, settings in cleaning.enabled(recipe, "learnt", "training_rows"):
        kept = np.ones(len(x), dtype=bool)
        change: Learnt | None = None
        try:
            if kind.scope == "training_rows":
                kept = kind.run(settings).keep(x, y)
                x, y = x[kept], y[kept]
            else:
                change = kind.run(settings)
                x = change.fit_transform(x, y)
        except (KeyError, TypeError, ValueError) as error:
            raise cleaning.cannot(number, step, error) from error
        if x.columns.empty:
            raise InputError(
                f"Step {number} of the recipe, {step.kind}, leaves no column to predict from.", "Leave it out."
            )
        if x.columns.has_duplicates:
            twice = x.columns[x.columns.duplicated()][0]
            raise InputError(
                f"Step {number} of the recipe, {step.kind}, makes a second column “{twice}”.",
                "Leave out one of them.",
            )
        yield number, change, x, kept
