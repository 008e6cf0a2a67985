"""A summary of each column of a table."""

import pandas as pd

from core.data.tables.schema import Schema

_TOP = 3


def column_profile(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """One row a column of the file besides the target: Column, Kind, Missing, Distinct, Values."""
    rows: list[tuple[str, str, int, int | None, str]] = []
    for column in schema.columns:
        if column.kind == "left_out":
            rows.append((column.name, "left out", column.missing, None, f"left out: it {column.reason}"))
            continue
        values = table[column.name]
        present = values.dropna()
        if column.kind == "numeric":
            low, middle, high = present.min(), present.median(), present.max()
            text = f"{low:g} to {high:g}, median {middle:g}"
        else:
            counts = present.value_counts()
            text = ", ".join(f"{value} {n}" for value, n in counts.head(_TOP).items())
            text += f" and {len(counts) - _TOP:,} more" if len(counts) > _TOP else ""
        rows.append((column.name, column.kind, int(values.isna().sum()), int(present.nunique()), text))
    return pd.DataFrame(rows, columns=["Column", "Kind", "Missing", "Distinct", "Values"])
