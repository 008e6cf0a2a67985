"""Imputing, marking and dropping missing cells, fitted on training rows."""

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.cleaning.steps.step import (
    AnyColumns,
    Learnt,
    Only,
    StepKind,
    StepSettings,
    centre_and_spread,
    choose_columns,
    numeric_columns,
    sample_positions,
    text_columns,
)

MISSING = "Missing cells"
DONORS = 5_000  # training rows that nearest neighbours are looked for among, and that regressions are fitted on


class Impute(StepSettings):
    method: Literal["median", "mean", "mode", "constant", "neighbours", "iterative"] = Field(
        "median",
        title="Method",
        description="Median, mean or mode of the column; a constant; the mean of the nearest rows (Troyanskaya et al."
        " 2001); or iterative: each column predicted from the other ones by Bayesian ridge regression, in rounds"
        " (van Buuren and Groothuis-Oudshoorn 2011). The last two learn from at most 5,000 training rows.",
    )
    columns: AnyColumns = Field((), title="Columns", description="None chosen means all.")
    value: Annotated[str, Only(("constant",))] = Field(
        "0", title="Constant", description="A number, where columns hold numbers."
    )
    neighbours: Annotated[int, Field(ge=1, le=100), Only(("neighbours",))] = Field(
        5, title="Neighbours", description="How many rows are averaged."
    )
    rounds: Annotated[int, Field(ge=1, le=50), Only(("iterative",))] = Field(
        10, title="Rounds", description="At most so many passes over all columns."
    )


class Imputer(Learnt):
    """Text columns get the constant or, by every other method, their most frequent category."""

    settings: Impute

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Imputer":
        names = choose_columns(x, self.settings.columns, "any")
        numbers, words = set(numeric_columns(x)), set(text_columns(x))
        self.numeric_ = [name for name in names if name in numbers and x[name].notna().any()]
        self.values_: dict[str, Any] = {}
        for name in names:
            present = x[name].dropna()
            if name in words:
                constant = self.settings.method == "constant"
                self.values_[name] = self.settings.value if constant or present.empty else present.mode().iloc[0]
            elif name in self.numeric_:
                self.values_[name] = self._number(present)
        self.model_ = self._model(x) if self.settings.method in ("neighbours", "iterative") else None
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        out = x.assign(**{name: x[name].fillna(value) for name, value in self.values_.items() if value is not None})
        if self.model_ is None or not self.numeric_:
            return out
        gaps = x[self.numeric_].isna()
        rows = gaps.any(axis=1).to_numpy()
        if rows.any():
            scaled = self.model_.transform((x.loc[rows, self.known_] - self.centre_) / self.spread_)
            predicted = pd.DataFrame(scaled, index=x.index[rows], columns=self.known_) * self.spread_ + self.centre_
            for name in self.numeric_:
                out[name] = x[name].where(~gaps[name], predicted[name].reindex(x.index))
        return out

    def _number(self, present: pd.Series) -> float | None:
        """The number that fills a column; None where it is predicted from the other columns."""
        match self.settings.method:
            case "median":
                return float(present.median())
            case "mean":
                return float(present.mean())
            case "mode":
                return float(present.mode().iloc[0])
            case "constant":
                try:
                    return float(self.settings.value)
                except ValueError:
                    raise ValueError(f"“{self.settings.value}” is no number for column “{present.name}”") from None
        return None

    def _model(self, x: pd.DataFrame) -> Any:
        """Fitted on all numeric columns, scaled, so that distances and regressions weight them equally."""
        self.known_ = [name for name in numeric_columns(x) if x[name].notna().any()]
        if not self.known_:
            return None
        self.centre_, self.spread_ = centre_and_spread(x[self.known_])
        place = sample_positions(len(x), DONORS)
        rows = ((x[self.known_] - self.centre_) / self.spread_).iloc[place]
        rows.iloc[0] = rows.iloc[0].fillna(0.0)  # a column missing in the whole sample would be dropped
        if self.settings.method == "neighbours":
            from sklearn.impute import KNNImputer

            return KNNImputer(n_neighbors=self.settings.neighbours).fit(rows)
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer

        low, high = rows.min(), rows.max()
        high = high.where(high > low, low + 1e-6)
        imputer = IterativeImputer(
            max_iter=self.settings.rounds,
            min_value=low.to_numpy(),
            max_value=high.to_numpy(),
            random_state=0,
            tol=0.01,
        )
        return _fit_quietly(imputer.fit, rows)


def _fit_quietly(fit: Any, rows: pd.DataFrame) -> Any:
    """Call `fit` without the warning that the iterations did not converge."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit(rows)


class MissingIndicator(StepSettings):
    columns: AnyColumns = Field((), title="Columns", description="None chosen means all with gaps in training rows.")


class Indicator(Learnt):
    settings: MissingIndicator

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Indicator":
        names = choose_columns(x, self.settings.columns, "any")
        self.columns_ = names if self.settings.columns else [name for name in names if x[name].isna().any()]
        self.scaled = frozenset(f"{name} missing" for name in self.columns_)
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        return x.assign(**{f"{name} missing": x[name].isna().astype("float64") for name in self.columns_})


class DropColumnsMissing(StepSettings):
    share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5,
        title="Missing at most",
        description="A column is dropped when a larger share of its training cells is missing.",
    )


class FullColumns(Learnt):
    settings: DropColumnsMissing

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "FullColumns":
        share = x.isna().mean()
        self.dropped_ = [str(name) for name in share.index[share > self.settings.share]]
        if len(self.dropped_) == x.shape[1]:
            raise ValueError("it leaves no column to predict from")
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        return x.drop(columns=self.dropped_)


# Steps that other modules propose.
IMPUTE = "impute"
MISSING_INDICATOR = "missing_indicator"
KINDS = (
    StepKind(
        name=IMPUTE,
        title="Fill missing cells",
        help="Puts values learnt from training rows into empty cells.",
        purpose=MISSING,
        scope="learnt",
        settings=Impute,
        run=Imputer,
    ),
    StepKind(
        name=MISSING_INDICATOR,
        title="Mark missing cells",
        help="Adds a column of 0 and 1 that marks missing cells, since that can be related to the class."
        " Put it before the filling.",
        purpose=MISSING,
        scope="learnt",
        settings=MissingIndicator,
        run=Indicator,
    ),
    StepKind(
        name="drop_columns_missing",
        title="Drop columns with missing cells",
        help="Leaves out columns that are mostly empty in training rows.",
        purpose=MISSING,
        scope="learnt",
        settings=DropColumnsMissing,
        run=FullColumns,
    ),
)
