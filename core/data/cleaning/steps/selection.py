"""Feature selection among numeric columns or, for images, the features of an embedding."""

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.cleaning.steps.step import (
    Learnt,
    NumericColumns,
    Only,
    StepKind,
    StepSettings,
    centre_and_spread,
    choose_columns,
    fill_and_scale,
    sample_positions,
)

SELECTION = "Selection"
COUNTED = ("forest", "chi2", "anova", "mutual_information", "l1", "variance", "rfe")
FITTED_ON = 5_000  # training rows that scores are computed on
ROUND = 0.1  # share of the columns that each round eliminates: an embedding has about a thousand


class SelectFeatures(StepSettings):
    method: Literal["forest", "chi2", "anova", "mutual_information", "l1", "variance", "rfe", "rfecv"] = Field(
        "forest",
        title="Method",
        description="Forest: mean decrease in impurity (Breiman 2001). Chi²: of the columns scaled onto 0 to 1."
        " ANOVA: F of the classes' means. Mutual information: by nearest neighbours (Ross 2014). L1: weights of a"
        " sparse logistic regression. Variance: of the columns scaled onto 0 to 1. RFE: drops the weakest tenth until"
        " enough are left (Guyon et al. 2002); RFECV finds how many by cross-validation.",
    )
    keep: Annotated[Annotated[int, Field(ge=1, le=10_000)] | None, Only(COUNTED)] = Field(
        None, title="Columns to keep", description="The best ones. Empty means a quarter of them, at least 10."
    )
    columns: NumericColumns = Field((), title="Among", description="None chosen means all numbers.")

    def kept_of(self, n: int) -> int:
        """How many of `n` columns are kept, unless cross-validation decides."""
        return min(n, self.keep or max(10, n // 4))


class Selector(Learnt):
    """Chooses among columns of numbers; text stays unless it was encoded before."""

    settings: SelectFeatures

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Selector":
        among = choose_columns(x, self.settings.columns, "numeric")
        names = [c for c in among if x[c].nunique() > 1]
        self.dropped_: list[str] = []
        self.scores_: dict[str, float] = {}
        if len(names) < 2:
            return self  # nothing to choose
        place = sample_positions(len(x), FITTED_ON)
        rows = fill_and_scale(x, *centre_and_spread(x[names]))[place]
        keep = self.settings.kept_of(len(among))
        scores = score_columns(self.settings.method, rows, y[place], keep)
        self.scores_ = dict(zip(names, scores.tolist(), strict=True))
        if self.settings.method == "rfecv":
            kept = {name for name, score in self.scores_.items() if score >= 0}
        else:
            kept = set(sorted(names, key=lambda name: -self.scores_[name])[:keep])
        self.dropped_ = [name for name in among if name not in kept]  # including constant columns
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        return x.drop(columns=self.dropped_)


def score_columns(method: str, x: np.ndarray, y: np.ndarray, keep: int) -> np.ndarray:
    """A score for each column of `x`, `(n, columns)`, against the classes `y`: `(columns,)`, higher is better.

    For elimination it is 0 for kept columns and lower the earlier a column was eliminated.
    """
    from sklearn import feature_selection as selection

    spread = x.max(axis=0) - x.min(axis=0)
    unit = (x - x.min(axis=0)) / np.where(spread > 0, spread, 1)
    match method:
        case "variance":
            return np.asarray(unit.var(axis=0))
        case "chi2":
            return np.asarray(np.nan_to_num(selection.chi2(unit, y)[0]))
        case "anova":
            return np.asarray(np.nan_to_num(selection.f_classif(x, y)[0], posinf=np.finfo("float64").max))
        case "mutual_information":
            return np.asarray(selection.mutual_info_classif(x, y, random_state=0))
        case "forest":
            from sklearn.ensemble import RandomForestClassifier

            return np.asarray(RandomForestClassifier(200, random_state=0, n_jobs=1).fit(x, y).feature_importances_)
        case "l1":
            return np.asarray(
                np.abs(_linear(l1_ratio=1.0, solver="saga", C=0.5).fit(_standardize(x), y).coef_).max(axis=0)
            )
        case "rfe":
            wanted = min(keep, x.shape[1])
            rfe = selection.RFE(_linear(), n_features_to_select=wanted, step=ROUND).fit(_standardize(x), y)
            return np.asarray(1.0 - rfe.ranking_)
    from sklearn.model_selection import StratifiedKFold

    folds = int(min(5, np.bincount(y)[np.unique(y)].min()))
    if folds < 2:
        raise ValueError("a class has one training row, too few for cross-validation")
    return np.asarray(
        1.0 - selection.RFECV(_linear(), step=ROUND, cv=StratifiedKFold(folds)).fit(_standardize(x), y).ranking_
    )


def _linear(**settings: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**({"max_iter": 500, "random_state": 0} | settings))


def _standardize(x: np.ndarray) -> np.ndarray:
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1))


KINDS = (
    StepKind(
        name="select_features",
        title="Select features",
        help="Keeps the columns of numbers that tell the classes apart best, scored on at most 5,000 training rows."
        " Of images these are the features of the backbone's embedding.",
        purpose=SELECTION,
        scope="learnt",
        settings=SelectFeatures,
        run=Selector,
        kind="both",
    ),
)
