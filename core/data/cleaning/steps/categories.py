"""Text columns: rare categories and encodings."""

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.cleaning.steps.step import Learnt, StepKind, StepSettings, TextColumns, choose_columns

CATEGORIES = "Categories"
MISSING = "missing"
MOST = 64  # columns that one-hot makes of one, the rarest categories together in the last


class RareCategories(StepSettings):
    columns: TextColumns = Field((), title="Columns", description="None chosen means all text.")
    at_least: Annotated[int, Field(ge=2, le=100_000)] = Field(
        10, title="Rows at least", description="A category with fewer training rows is rare."
    )
    name: str = Field("other", title="Name", description="What rare and never seen categories become.", min_length=1)


class Grouper(Learnt):
    settings: RareCategories

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Grouper":
        self.kept_: dict[str, frozenset[str]] = {}
        for name in choose_columns(x, self.settings.columns, "text"):
            counts = x[name].value_counts()
            self.kept_[name] = frozenset(counts.index[counts >= self.settings.at_least])
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        new = {}
        for name, kept in self.kept_.items():
            new[name] = x[name].where(x[name].isin(kept) | x[name].isna(), self.settings.name)
        return x.assign(**new)


class Encode(StepSettings):
    method: Literal["one_hot", "ordinal", "target"] = Field(
        "one_hot",
        title="Method",
        description="One-hot: a column of 0 and 1 a category, at most 64. Ordinal: one column with the category's"
        " number in alphabetical order. Target: the shrunk share of each class among the category's rows"
        " (Micci-Barreca 2001); training rows get it from the other folds, otherwise it would leak their own class.",
    )
    columns: TextColumns = Field((), title="Columns", description="None chosen means all text.")


class Encoder(Learnt):
    """A missing cell is a category of its own; one never seen in training gets zeros, −1, or the classes' shares."""

    settings: Encode

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> "Encoder":
        self._make(x, y)
        if self.columns_:
            self.model_.fit(self._words(x), y)
            self._name(y)
        return self

    def fit_transform(self, x: pd.DataFrame, y: np.ndarray) -> pd.DataFrame:
        if self.settings.method != "target":
            return self.fit(x, y).transform(x)
        self._make(x, y)
        if not self.columns_:
            return x
        values = self.model_.fit_transform(self._words(x), y)
        self._name(y)
        return self._joined(x, values)

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        return self._joined(x, self.model_.transform(self._words(x))) if self.columns_ else x

    def _make(self, x: pd.DataFrame, y: np.ndarray) -> None:
        from sklearn import preprocessing as encoders
        from sklearn.model_selection import StratifiedKFold

        self.columns_ = choose_columns(x, self.settings.columns, "text")
        folds = max(2, min(5, int(np.unique(y, return_counts=True)[1].max())))
        self.model_: Any = {
            "one_hot": lambda: encoders.OneHotEncoder(
                handle_unknown="infrequent_if_exist", sparse_output=False, max_categories=MOST
            ),
            "ordinal": lambda: encoders.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            "target": lambda: encoders.TargetEncoder(cv=StratifiedKFold(folds, shuffle=True, random_state=0)),
        }[self.settings.method]()

    def _name(self, y: np.ndarray) -> None:
        if self.settings.method == "one_hot":
            self.names_ = [str(name) for name in self.model_.get_feature_names_out(self.columns_)]
            self.scaled = frozenset(self.names_)
        elif self.settings.method == "target" and len(np.unique(y)) > 2:
            self.names_ = [f"{name}: share of class {c}" for name in self.columns_ for c in self.model_.classes_]
        else:
            self.names_ = list(self.columns_)

    def _words(self, x: pd.DataFrame) -> np.ndarray:
        return x[self.columns_].astype("object").where(x[self.columns_].notna(), MISSING).to_numpy()

    def _joined(self, x: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
        new = pd.DataFrame(values.astype("float64"), index=x.index, columns=self.names_)
        return pd.concat([x.drop(columns=self.columns_), new], axis=1)


# Steps that other modules propose.
RARE_CATEGORIES = "rare_categories"
KINDS = (
    StepKind(
        name=RARE_CATEGORIES,
        title="Group rare categories",
        help="Puts categories with few training rows, and those never seen, into one.",
        purpose=CATEGORIES,
        scope="learnt",
        settings=RareCategories,
        run=Grouper,
    ),
    StepKind(
        name="encode",
        title="Encode",
        help="Turns categories into numbers.",
        purpose=CATEGORIES,
        scope="learnt",
        settings=Encode,
        run=Encoder,
    ),
)
