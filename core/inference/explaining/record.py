"""The records of feature importance, as pages read them."""

from core.schemas import Frozen


class ColumnImportance(Frozen):
    """Permutation importance of a column: the drop in accuracy, with a 95 % confidence interval over the rows."""

    column: str
    drop: float
    low: float
    high: float


class Dependence(Frozen):
    """Mean probability of each class when every row is given one value of the column (Friedman 2001).

    `values` are numbers in order, or categories, the most frequent first; `probabilities` class → one for each.
    """

    column: str
    values: tuple[float, ...] | tuple[str, ...]
    probabilities: dict[str, tuple[float, ...]]


class FeatureImportance(Frozen):
    """The task's result: columns, most important first, on `n` test rows with the model's `accuracy`."""

    n: int
    accuracy: float
    columns: tuple[ColumnImportance, ...]
    dependence: tuple[Dependence, ...]
