"""From a table's columns to the matrix that learners see, fitted on training rows only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.data.cleaning import recipe as cleaning
from core.data.cleaning.steps.step import Learnt, Rows, numeric_columns, sample_positions, text_columns
from core.errors import GraftError, InputError
from core.schemas import Recipe

CATEGORIES = 64  # columns made of one text column, the rarest categories together in the last
CHUNK = 20_000  # rows transformed at a time: scikit-learn's float64 takes twice the memory of the result
SHOWN = 5_000  # training rows that steps are previewed on


class Preparation:
    """The learning steps of a recipe, and a final transformer so that any recipe can be trained on.

    The final transformer does what the recipe left undone. Numbers: missing cells become the median and are marked,
    then columns that no step has scaled are standardised. Categories: a missing cell is a category of its own, then
    one column a category; one never seen in training gets zeros.

    Example:
        preparation = Preparation(recipe, seed)
        learnt_from = preparation.fit_transform(x.iloc[train], y[train])  # of the classes `preparation.classes_`
        judged = preparation.transform(x.iloc[test])
    """

    # Applied to the columns at the end, `(n, d)` → `(n, k)`: the feature alignment, if there is one.
    projection: Callable[[np.ndarray], np.ndarray] | None = None

    def __init__(self, recipe: Recipe, seed: int = 0) -> None:
        self.recipe, self.seed = recipe, seed

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Preparation":
        """Fit on training rows `x` (columns of `load_table`) with classes `y`, `(n,)`, as numbers.

        `InputError` names a step that cannot be fitted. Steps may leave out rows and make new ones: then `rows_`,
        `(m,)`, are the positions in `x` of the rows that are learnt from, −1 for new ones, and `classes_` their `y`.
        """
        self.fit_transform(x, y)
        return self

    def fit_transform(self, x: pd.DataFrame, y: np.ndarray) -> np.ndarray:
        """Fit, and the matrix to learn from, `(m, columns)`, float32."""
        self.learnt_: list[Learnt] = []
        self.rows_, given = np.arange(len(x)), x.index
        for _, change, x_new, y_new in _fit_steps(self.recipe, x, y, self.seed):
            x, y = x_new, y_new
            if change is not None:
                self.learnt_.append(change)
        self.classes_ = y
        if any(cleaning.enabled_steps(self.recipe, "training_rows")):
            self.rows_ = given.get_indexer(x.index)
        scaled = frozenset().union(*(step.scaled for step in self.learnt_)) if self.learnt_ else frozenset()
        self.finish_ = final_transformer(x, scaled).fit(x)
        return self._finished(x)

    def transform(self, x: pd.DataFrame) -> np.ndarray:
        """Any rows, `(n, columns)`, float32."""
        for step in self.learnt_:
            x = step.transform(x)
        matrix = self._finished(x)
        return matrix if self.projection is None else self.projection(matrix)

    def _finished(self, x: pd.DataFrame) -> np.ndarray:
        parts = [x.iloc[i : i + CHUNK] for i in range(0, max(1, len(x)), CHUNK)]
        return np.concatenate([np.asarray(self.finish_.transform(part), dtype="float32") for part in parts])


def final_transformer(x: pd.DataFrame, scaled: frozenset[str]) -> Any:
    """A scikit-learn transformer, not yet fitted, from the columns of `x` to a matrix without gaps."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = numeric_columns(x)
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
            ("categories", words, text_columns(x)),
        ]
    )


@dataclass(frozen=True)
class Stage:
    """The effect of one step on at most 5,000 training rows.

    `place` is its position in the recipe. `before` and `after` hold training rows, of a table; `n_before` and
    `n_after` count all samples, or the training rows shown for a step that learns. `classes` are those before,
    `counts` the samples of each class before and after, counted like `n_before` and `n_after`.
    With an `error` nothing comes after.
    """

    place: int
    before: pd.DataFrame
    after: pd.DataFrame
    n_before: int
    n_after: int
    classes: tuple[str, ...]
    counts: tuple[dict[str, int], dict[str, int]] = ({}, {})
    error: str = ""


def trace_steps(recipe: Recipe, rows: Rows, training: pd.Index) -> list[Stage]:
    """The stages of a recipe in the order in which they act, up to the first that cannot be applied.

    Args:
        recipe: its steps that are off have no stage.
        rows: the imported samples and, of a table, its cells.
        training: ids of the samples to learn from and to show.
    """
    stages: list[Stage] = []
    shown = rows.samples.loc[rows.samples["id"].isin(training), "id"]
    shown = shown.iloc[sample_positions(len(shown), SHOWN)]

    def seen(of: Rows) -> pd.DataFrame:
        return pd.DataFrame() if of.table is None else of.table[of.table.index.isin(shown)]

    def classes(of: Rows) -> tuple[str, ...]:
        return tuple(sorted(of.samples["label"].dropna().unique()))

    def counted(labels: Any) -> dict[str, int]:
        return {str(name): int(n) for name, n in pd.Series(labels).value_counts().sort_index().items()}

    place = 1
    try:
        cleaning.check_recipe(recipe, "image" if rows.table is None else "table")
        for place, step, kind, settings in cleaning.enabled_steps(recipe, *cleaning.AT_ONCE):
            after = cleaning.apply_step(rows, place, step, kind, settings)
            sizes = len(rows.samples), len(after.samples)
            counts = counted(rows.samples["label"]), counted(after.samples["label"])
            stages.append(Stage(place - 1, seen(rows), seen(after), *sizes, classes(rows), counts))
            rows = after
        if rows.table is None:
            return stages
        x = seen(rows)
        labels = rows.samples.set_index("id")["label"].reindex(x.index)
        y, names = pd.factorize(labels, sort=True)
        steps = _fit_steps(recipe, x, y)
        for place, *_ in cleaning.enabled_steps(recipe, "learnt", "training_rows"):
            _, _, x_new, y_new = next(steps)
            counts = counted(names[y]), counted(names[y_new])
            stages.append(Stage(place - 1, x, x_new, len(x), len(x_new), classes(rows), counts))
            x, y = x_new, y_new
    except GraftError as error:
        before, n = (stages[-1].after, stages[-1].n_after) if stages else (seen(rows), len(rows.samples))
        stages.append(Stage(place - 1, before, before, n, n, classes(rows), error=error.message))
    return stages


def features_kept(recipe: Recipe, embeddings: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Which features of an embedding the recipe's learning steps leave, boolean, `(d,)`; `None` without such steps.

    Args:
        embeddings: of the training images, `(n, d)`.
        y: their classes as numbers, `(n,)`.
    """
    if not any(cleaning.enabled_steps(recipe, "learnt")):
        return None
    x = feature_table(embeddings)
    *_, (_, _, left, _) = _fit_steps(recipe, x, y)
    return np.isin(x.columns, left.columns)


def feature_table(embeddings: np.ndarray) -> pd.DataFrame:
    """Embeddings, `(n, d)`, as a table for the steps: one column per feature, named by its index."""
    return pd.DataFrame(embeddings, columns=[str(i) for i in range(embeddings.shape[1])]).astype("float64")


def check_learning_steps(recipe: Recipe, rows: Rows) -> None:
    """`InputError` when a learning step cannot be fitted on a sample of these labelled rows.

    Images are not checked: their steps are fitted on embeddings, which do not exist yet.
    """
    if rows.table is None or not any(cleaning.enabled_steps(recipe, "learnt", "training_rows")):
        return
    place = sample_positions(len(rows.samples), SHOWN)
    x, labels = rows.cells.iloc[place], rows.samples["label"].iloc[place]
    for _ in _fit_steps(recipe, x, pd.factorize(labels, sort=True)[0]):
        pass


def _fit_steps(
    recipe: Recipe, x: pd.DataFrame, y: np.ndarray, seed: int = 0
) -> Iterator[tuple[int, Learnt | None, pd.DataFrame, np.ndarray]]:
    """Fit the learning steps in order; yields each one's place from 1, the fitted step, rows and classes."""
    for number, step, kind, settings in cleaning.enabled_steps(recipe, "learnt", "training_rows"):
        change: Learnt | None = None
        try:
            if kind.scope == "training_rows":
                x, y = kind.run(settings).resample(x, y, seed)
            else:
                change = kind.run(settings)
                x = change.fit_transform(x, y)
        except (KeyError, TypeError, ValueError) as error:
            raise cleaning.step_error(number, step, error) from error
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
        yield number, change, x, y
