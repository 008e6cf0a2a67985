"""Outliers: the fences of a column, rows unlike the others, and clipping, marking or removing them."""

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.cleaning.steps.step import (
    Learnt,
    NumericColumns,
    Only,
    Resampler,
    StepKind,
    StepSettings,
    centre_and_spread,
    choose_columns,
    fill_and_scale,
    sample_positions,
)

OUTLIERS = "Outliers"
FENCES = (
    "Box plot: outside Q1 − k·IQR and Q3 + k·IQR (Tukey 1977), k = 1.5. Standard deviations: further than k·s from"
    " the mean, k = 3. MAD: further than k·1.4826·MAD from the median (Iglewicz and Hoaglin 1993), k = 3.5."
)
FOREST = " Isolation forest: few random splits isolate the row (Liu et al. 2008)."
LOF = " Local outlier factor: the density around the row is lower than around its neighbours (Breunig et al. 2000)."
FACTORS = {"box_plot": 1.5, "standard_deviations": 3.0, "mad": 3.5}
NEIGHBOURS = 20
FITTED_ON = 5_000  # training rows that the forest or the neighbours are fitted on

Fence = Literal["box_plot", "standard_deviations", "mad"]
Detector = Literal["box_plot", "standard_deviations", "mad", "isolation_forest", "local_outlier_factor"]


def outlier_fences(values: pd.Series, method: str, factor: float | None = None) -> tuple[float, float]:
    """The lowest and the highest value that is no outlier; infinite where the column has no spread."""
    k = FACTORS[method] if factor is None else factor
    if method == "box_plot":
        low, high = float(values.quantile(0.25)), float(values.quantile(0.75))
        reach = k * (high - low)
    elif method == "standard_deviations":
        low = high = float(values.mean())
        reach = k * float(values.std(ddof=0))
    else:
        low = high = float(values.median())
        reach = k * 1.4826 * float((values - low).abs().median())
    if not reach > 0:  # also for an empty column: NaN
        return -np.inf, np.inf
    return low - reach, high + reach


class Clip(StepSettings):
    method: Fence = Field("box_plot", title="Method", description=FENCES)
    factor: Annotated[float, Field(gt=0, le=100)] | None = Field(
        None, title="Factor k", description="How far the fences are; empty takes the method's usual one."
    )
    columns: NumericColumns = Field((), title="Columns", description="None chosen means all numbers.")


class Clipper(Learnt):
    settings: Clip

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Clipper":
        names = choose_columns(x, self.settings.columns, "numeric")
        self.fences_ = {name: outlier_fences(x[name], self.settings.method, self.settings.factor) for name in names}
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        return x.assign(**{name: x[name].clip(*fence) for name, fence in self.fences_.items()})


class Detect(StepSettings):
    method: Detector = Field("box_plot", title="Method", description=FENCES + FOREST + LOF)
    factor: Annotated[Annotated[float, Field(gt=0, le=100)] | None, Only(tuple(FACTORS))] = Field(
        None, title="Factor k", description="How far the fences are; empty takes the method's usual one."
    )
    share: Annotated[float, Field(gt=0, le=0.5), Only(("isolation_forest", "local_outlier_factor"))] = Field(
        0.05,
        title="Share of outliers",
        description="So many training rows are the most unusual ones.",
    )
    columns: NumericColumns = Field((), title="Columns", description="None chosen means all numbers.")


class Judge:
    """Detects outlying rows: any cell beyond its fence, or a row unlike the training rows."""

    def __init__(self, settings: Detect) -> None:
        self.settings = settings

    def fit(self, x: pd.DataFrame) -> "Judge":
        self.columns_ = [
            name for name in choose_columns(x, self.settings.columns, "numeric") if x[name].notna().any()
        ]
        if not self.columns_:
            raise ValueError("there is no column of numbers at this place")
        self.model_: Any = None
        if self.settings.method in FACTORS:
            method, factor = self.settings.method, self.settings.factor
            self.fences_ = {name: outlier_fences(x[name], method, factor) for name in self.columns_}
            return self
        self.centre_, self.spread_ = centre_and_spread(x[self.columns_])
        rows = fill_and_scale(x, self.centre_, self.spread_)[sample_positions(len(x), FITTED_ON)]
        if self.settings.method == "isolation_forest":
            from sklearn.ensemble import IsolationForest

            self.model_ = IsolationForest(contamination=self.settings.share, random_state=0).fit(rows)
        else:
            from sklearn.neighbors import LocalOutlierFactor

            # Training rows are their own neighbours here, so the threshold is the quantile of their scores.
            near = max(1, min(NEIGHBOURS, len(rows) - 1))
            self.model_ = LocalOutlierFactor(n_neighbors=near, novelty=True).fit(rows)
            self.model_.offset_ = np.quantile(self.model_.score_samples(rows), self.settings.share)
        return self

    def outlying(self, x: pd.DataFrame) -> np.ndarray:
        """Boolean, `(n,)`."""
        if self.model_ is not None:
            return np.asarray(self.model_.predict(fill_and_scale(x, self.centre_, self.spread_)) < 0)
        beyond = np.zeros(len(x), dtype=bool)
        for name, (low, high) in self.fences_.items():
            beyond |= ((x[name] < low) | (x[name] > high)).to_numpy()
        return beyond


class Marker(Learnt):
    settings: Detect

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Marker":
        self.judge_ = Judge(self.settings).fit(x)
        self.scaled = frozenset({"outlier"})
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        return x.assign(outlier=self.judge_.outlying(x).astype("float64"))


class Remover(Resampler):
    settings: Detect

    def resample(self, x: pd.DataFrame, y: np.ndarray, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        kept = ~Judge(self.settings).fit(x).outlying(x)
        if set(np.unique(y)) - set(np.unique(y[kept])):
            raise ValueError("it removes every training row of a class")
        return x[kept], y[kept]


# Steps that other modules propose.
CLIP_OUTLIERS = "clip_outliers"
KINDS = (
    StepKind(
        name=CLIP_OUTLIERS,
        title="Clip outliers",
        help="Moves values beyond a column's fences onto them (winsorising).",
        purpose=OUTLIERS,
        scope="learnt",
        settings=Clip,
        run=Clipper,
    ),
    StepKind(
        name="mark_outliers",
        title="Mark outliers",
        help="Adds a column “outlier” of 0 and 1, so that a model can treat such rows differently.",
        purpose=OUTLIERS,
        scope="learnt",
        settings=Detect,
        run=Marker,
    ),
    StepKind(
        name="remove_outliers",
        title="Remove outliers",
        help="Leaves outlying training rows out of learning. Validation and test keep theirs, as will new data.",
        purpose=OUTLIERS,
        scope="training_rows",
        settings=Detect,
        run=Remover,
    ),
)
