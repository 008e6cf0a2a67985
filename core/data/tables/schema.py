"""The schema of a table: the types of its columns and the dialect of its file."""

from pathlib import Path

import pandas as pd

from core.data.tables.columns import ColumnType
from core.schemas import Frozen


class Column(Frozen):
    """A column besides the target; `reason` says why one is left out of training."""

    name: str
    kind: ColumnType
    missing: int
    reason: str = ""


class Schema(Frozen):
    """`schema.json`: how a table was read and what its columns hold."""

    target: str | None
    columns: tuple[Column, ...]
    encoding: str
    delimiter: str
    decimal: str = "."
    thousands: str = ""
    format: str = "csv"
    id: str | None = None
    group: str | None = None
    weight: str | None = None

    @property
    def numeric(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.kind == "numeric")

    @property
    def categorical(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.kind == "category")

    def cleaned(self, table: pd.DataFrame) -> "Schema":
        """The schema of the columns as a recipe leaves them in `table`."""
        known = {column.name: column for column in self.columns}
        missing = table.isna().sum()
        columns = []
        for name in [*known, *(str(name) for name in table.columns if name not in known)]:
            if name in table.columns:
                kind: ColumnType = "numeric" if is_number(table[name]) else "category"
                columns.append(Column(name=name, kind=kind, missing=int(missing[name])))
            elif known[name].kind == "left_out":
                columns.append(known[name])
            else:
                reason = "is left out by the recipe"
                columns.append(known[name].model_copy(update={"kind": "left_out", "reason": reason}))
        return self.model_copy(update={"columns": tuple(columns)})


def load_schema(folder: Path) -> Schema:
    """The schema of one import."""
    return Schema.model_validate_json((folder / "schema.json").read_text("utf-8"))


def is_number(values: pd.Series) -> bool:
    """Whether a column holds numbers; booleans do not count."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
