"""Feature construction from existing columns."""

from itertools import combinations
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.cleaning.steps.step import (
    Learnt,
    NumericColumns,
    StepKind,
    StepSettings,
    centre_and_spread,
    choose_columns,
    fill_and_scale,
)

FEATURES = "New features"
MOST = 500  # new columns that a step may make


class Interactions(StepSettings):
    columns: NumericColumns = Field((), title="Columns", description="None chosen means all numbers.")
    squares: bool = Field(True, title="Squares too", description="x² as well as the products xy.")


class Products(Learnt):
    """Products of pairs of standardised columns, so that they do not merely reflect the factors' scale."""

    settings: Interactions

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Products":
        self.columns_ = choose_columns(x, self.settings.columns, "numeric")
        n = len(self.columns_) * (len(self.columns_) - 1) // 2 + self.settings.squares * len(self.columns_)
        if n > MOST:
            raise ValueError(f"it would make {n} columns, more than {MOST}; choose fewer")
        self.mean_ = x[self.columns_].mean()
        spread = x[self.columns_].std(ddof=0)
        self.spread_ = spread.where(spread > 0, 1.0)
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        z = (x[self.columns_] - self.mean_) / self.spread_
        new = {f"{a} × {b}": z[a] * z[b] for a, b in combinations(self.columns_, 2)}
        if self.settings.squares:
            new |= {f"{a}²": z[a] ** 2 for a in self.columns_}
        return pd.concat([x, pd.DataFrame(new, index=x.index)], axis=1)


class Ratios(StepSettings):
    above: NumericColumns = Field((), title="Numerators", description="Each is divided by each denominator.")
    below: NumericColumns = Field((), title="Denominators", description="Division by zero gives a missing cell.")


class Quotients(Learnt):
    settings: Ratios

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Quotients":
        if not self.settings.above or not self.settings.below:
            raise ValueError("it needs a numerator and a denominator")
        above, below = (choose_columns(x, names, "numeric") for names in (self.settings.above, self.settings.below))
        self.pairs_ = [(a, b) for a in above for b in below if a != b]
        if len(self.pairs_) > MOST:
            raise ValueError(f"it would make {len(self.pairs_)} columns, more than {MOST}; choose fewer")
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        new = {f"{a} / {b}": x[a] / x[b].where(x[b] != 0) for a, b in self.pairs_}
        return pd.concat([x, pd.DataFrame(new, index=x.index)], axis=1)


class PrincipalComponents(StepSettings):
    columns: NumericColumns = Field((), title="Columns", description="None chosen means all numbers.")
    components: Annotated[int, Field(ge=1, le=200)] = Field(
        5, title="Components", description="How many directions of largest variance are kept."
    )
    replace: bool = Field(True, title="Replace the columns", description="Else the components are added to them.")


class Components(Learnt):
    settings: PrincipalComponents

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Components":
        from sklearn.decomposition import PCA

        self.columns_ = [c for c in choose_columns(x, self.settings.columns, "numeric") if x[c].notna().any()]
        if not self.columns_:
            raise ValueError("there is no column of numbers at this place")
        self.centre_, self.spread_ = centre_and_spread(x[self.columns_])
        n = min(self.settings.components, len(self.columns_), len(x))
        self.model_: Any = PCA(n_components=n, svd_solver="full").fit(fill_and_scale(x, self.centre_, self.spread_))
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        values = self.model_.transform(fill_and_scale(x, self.centre_, self.spread_))
        names = [f"component {i}" for i in range(1, values.shape[1] + 1)]
        left = x.drop(columns=self.columns_) if self.settings.replace else x
        return pd.concat([left, pd.DataFrame(values, index=x.index, columns=names)], axis=1)


KINDS = (
    StepKind(
        name="interactions",
        title="Interactions",
        help="Adds products of pairs of columns, (x − mean)/s each, and their squares: a polynomial of degree two.",
        purpose=FEATURES,
        scope="learnt",
        settings=Interactions,
        run=Products,
    ),
    StepKind(
        name="ratios",
        title="Ratios",
        help="Adds quotients of columns, such as weight by height.",
        purpose=FEATURES,
        scope="learnt",
        settings=Ratios,
        run=Quotients,
    ),
    StepKind(
        name="principal_components",
        title="Principal components",
        help="Directions of largest variance (Pearson 1901) of the columns, robustly scaled, gaps at the median.",
        purpose=FEATURES,
        scope="learnt",
        settings=PrincipalComponents,
        run=Components,
    ),
)
