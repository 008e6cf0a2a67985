"""Scaling, power transforms and bins of numeric columns."""

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.cleaning.steps.step import Learnt, NumericColumns, StepKind, StepSettings, choose_columns

NUMBERS = "Numbers"


class Scale(StepSettings):
    method: Literal["standard", "robust", "min_max", "quantile"] = Field(
        "standard",
        title="Method",
        description="Standard: (x − mean) / s. Robust: (x − median) / IQR, which outliers do not move. Min–max: onto"
        " 0 to 1. Quantile: by rank, onto a normal distribution.",
    )
    columns: NumericColumns = Field((), title="Columns", description="None chosen means all numbers.")


class Scaler(Learnt):
    settings: Scale

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Scaler":
        from sklearn import preprocessing as scalers

        names = choose_columns(x, self.settings.columns, "numeric")
        self.columns_ = [name for name in names if x[name].notna().any()]
        n = int(min(1000, max(2, len(x))))
        self.model_: Any = {
            "standard": scalers.StandardScaler,
            "robust": scalers.RobustScaler,
            "min_max": scalers.MinMaxScaler,
            "quantile": lambda: scalers.QuantileTransformer(
                n_quantiles=n, output_distribution="normal", random_state=0
            ),
        }[self.settings.method]()
        self.scaled = frozenset(self.columns_)
        if self.columns_:
            self.model_.fit(x[self.columns_])
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        return _replace_columns(x, self.columns_, self.model_)


class Power(StepSettings):
    columns: NumericColumns = Field((), title="Columns", description="None chosen means all numbers.")


class PowerTransform(Learnt):
    settings: Power

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "PowerTransform":
        from sklearn.preprocessing import PowerTransformer

        # A column without spread has no likelihood to maximise.
        self.columns_ = [
            name for name in choose_columns(x, self.settings.columns, "numeric") if x[name].nunique() > 1
        ]
        self.scaled = frozenset(self.columns_)
        self.model_ = PowerTransformer(method="yeo-johnson")
        if self.columns_:
            self.model_.fit(x[self.columns_])
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        return _replace_columns(x, self.columns_, self.model_)


class Bins(StepSettings):
    columns: NumericColumns = Field((), title="Columns", description="None chosen means all numbers.")
    bins: Annotated[int, Field(ge=2, le=50)] = Field(5, title="Bins", description="At most so many a column.")
    width: Literal["equal_counts", "equal_widths"] = Field(
        "equal_counts", title="Limits", description="At quantiles of the training rows, or equally far apart."
    )


class Binner(Learnt):
    """Numbers become categories; a missing cell stays missing."""

    settings: Bins

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Binner":
        self.edges_: dict[str, np.ndarray] = {}
        shares = np.linspace(0, 1, self.settings.bins + 1)[1:-1]
        for name in choose_columns(x, self.settings.columns, "numeric"):
            present = x[name].dropna()
            if present.empty:
                continue
            if self.settings.width == "equal_counts":
                edges = present.quantile(shares).to_numpy()
            else:
                edges = present.min() + shares * (present.max() - present.min())
            self.edges_[name] = np.unique(edges)
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        new = {}
        for name, edges in self.edges_.items():
            said = [f"up to {edge:.6g}" for edge in edges] + [f"over {edges[-1]:.6g}"]
            place = np.searchsorted(edges, x[name].to_numpy(), side="left")
            words = pd.Series(np.asarray(said, dtype=object)[place], index=x.index, dtype="str")
            new[name] = words.where(x[name].notna())
        return x.assign(**new)


def _replace_columns(x: pd.DataFrame, columns: list[str], model: Any) -> pd.DataFrame:
    if not columns:
        return x
    values = model.transform(x[columns])
    return x.assign(**{name: values[:, i] for i, name in enumerate(columns)})


KINDS = (
    StepKind(
        name="scale",
        title="Scale",
        help="Brings columns onto one scale, so that none outweighs another by its unit.",
        purpose=NUMBERS,
        scope="learnt",
        settings=Scale,
        run=Scaler,
    ),
    StepKind(
        name="power",
        title="Power transform",
        help="Makes skewed columns look normal: Yeo and Johnson (2000), exponent by maximum likelihood, then scaled.",
        purpose=NUMBERS,
        scope="learnt",
        settings=Power,
        run=PowerTransform,
    ),
    StepKind(
        name="bins",
        title="Cut into bins",
        help="Makes categories of numbers, so that a linear model can follow a curve.",
        purpose="New features",
        scope="learnt",
        settings=Bins,
        run=Binner,
    ),
)
