"""Learners for tables, as data, and the preparation of columns that every one of them shares."""

from typing import Any

from core.errors import InputError
from core.schemas import Frozen


class Learner(Frozen):
    """`fit` names the function, resolved only inside a worker because it may import Keras; `uses`: fields it reads."""

    name: str
    title: str
    summary: str
    uses: tuple[str, ...]
    fit: str


_ALL = (
    Learner(
        name="network",
        title="Keras network",
        summary="Two dense layers with dropout; finds interactions between columns.",
        uses=("epochs", "batch_size", "learning_rate", "dropout", "l2", "class_weights"),
        fit="core.training.table_learners:network",
    ),
    Learner(
        name="logistic_regression",
        title="Logistic regression",
        summary="The linear baseline that a network has to beat.",
        uses=("class_weights",),
        fit="core.training.table_learners:logistic_regression",
    ),
)

LEARNERS: dict[str, Learner] = {x.name: x for x in _ALL}


def get_learner(name: str) -> Learner:
    if name not in LEARNERS:
        raise InputError(f"There is no learner “{name}”.", f"Choose one of: {', '.join(LEARNERS)}.")
    return LEARNERS[name]


def preparation(numeric: list[str], categorical: list[str]) -> Any:
    """A scikit-learn transformer from a table's columns to a float matrix, not yet fitted.

    Numbers: missing cells become the median and are marked, then standard scaling. Categories: a missing cell
    is a category of its own, then one column a category; one that was never seen in training gets zeros. It must
    be fitted on training rows only.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=64),
    )
    return ColumnTransformer([("numbers", numbers, numeric), ("categories", categories, categorical)])
