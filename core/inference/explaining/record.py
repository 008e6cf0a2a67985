"""What an explanation of a run on a table says, as pages read it."""

from core.schemas import Frozen


class ColumnImportance(Frozen):
    """What shuffling a column costs, as a share of the rows that are right; 95 % interval over the rows."""

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
    """What the task gives: the columns, the one that costs most first, on `n` test rows with `accuracy` right."""

    n: int
    accuracy: float
    columns: tuple[ColumnImportance, ...]
    dependence: tuple[Dependence, ...]
