"""Columns of two tables that mean the same, found by their names and types."""

import re

import pandas as pd

from core.data.cleaning.steps.step import numeric_columns


def matched_columns(target: pd.DataFrame, source: pd.DataFrame) -> dict[str, str]:
    """Target column → source column, for those of one name and one type, numbers or text.

    Case, spaces and punctuation are ignored: “Bill length (mm)” is `bill_length_mm`. If several columns of a table
    have the same normalised name, none of them is matched.
    """
    ours, theirs = _by_name(target), _by_name(source)
    numbers, their_numbers = set(numeric_columns(target)), set(numeric_columns(source))
    return {
        column: theirs[name]
        for name, column in ours.items()
        if name in theirs and (column in numbers) == (theirs[name] in their_numbers)
    }


def rename_to_target(source: pd.DataFrame, target: pd.DataFrame, matched: dict[str, str]) -> pd.DataFrame:
    """Source rows with the target's columns, order and types; columns without a match are missing."""
    columns = {}
    for column in target.columns:
        kind = target[column].dtype
        here = source[matched[column]] if column in matched else pd.Series(index=source.index, dtype=kind)
        columns[column] = here.astype(kind)
    return pd.DataFrame(columns, index=source.index)


def _by_name(table: pd.DataFrame) -> dict[str, str]:
    names: dict[str, list[str]] = {}
    for column in map(str, table.columns):
        names.setdefault(re.sub(r"[\W_]+", "", column).casefold(), []).append(column)
    return {name: columns[0] for name, columns in names.items() if name and len(columns) == 1}
