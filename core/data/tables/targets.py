"""The column to predict: its values as class names, or the step that cuts its numbers into classes."""

import numpy as np
import pandas as pd

from core.data.cleaning.steps.samples import BIN_TARGET
from core.data.tables.schema import is_number
from core.data.tables.store import as_text
from core.errors import InputError
from core.schemas import Step

MAX_CLASSES = 20  # a numeric target with more values is a quantity, not a class


def target_classes(values: pd.Series, bins: int | None, binned: bool = False) -> tuple[pd.Series, Step | None]:
    """The target as class names and, where `bins` are wanted, the recipe step that makes classes of its numbers.

    `InputError` for a numeric target with more than 20 values and no `bins`, unless a recipe has it `binned` already.
    """
    numbers = values if is_number(values) else None
    if bins is not None:
        return _labels(values), _quantile_step(values, numbers, bins)
    distinct = values.nunique()
    if numbers is not None and distinct > MAX_CLASSES and not binned:
        raise InputError(
            f"The target “{values.name}” is numeric with {distinct} different values;"
            " Graft classifies and does not regress.",
            "Choose another target, or let its values be cut into bins of equal size (bins, 2 to 20).",
        )
    return _labels(values), None


def _labels(values: pd.Series) -> pd.Series:
    return as_text(values).str.strip()  # a missing cell elsewhere turned integers into floats


def _quantile_step(values: pd.Series, numbers: pd.Series | None, bins: int) -> Step:
    if numbers is None:
        raise InputError(f"The target “{values.name}” is not numeric, so it has no bins.", "Leave out bins.")
    if not 2 <= bins <= MAX_CLASSES:
        raise InputError(f"{bins} bins cannot be made.", f"Choose 2 to {MAX_CLASSES}.")
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1]))
    edges = edges[edges < numbers.max()]
    if len(edges) < bins - 1:
        raise InputError(
            f"The target “{values.name}” has too many equal values for {bins} bins.", f"Use at most {len(edges) + 1}."
        )
    return Step(kind=BIN_TARGET, params={"edges": [float(f"{edge:.6g}") for edge in edges]})
