"""Steps that adapt a table to another one: the names of its columns and the units of its numbers."""

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.cleaning.steps.cells import COLUMNS
from core.data.cleaning.steps.step import NumericColumns, StepKind, StepSettings, choose_columns


class RenameColumns(StepSettings):
    names: dict[str, str] = Field({}, title="New names", description="Old name → new name.")


def rename_columns(table: pd.DataFrame, settings: RenameColumns) -> pd.DataFrame:
    choose_columns(table, tuple(settings.names), "any")
    names = {old: new.strip() for old, new in settings.names.items()}
    if not all(names.values()):
        raise ValueError("a column needs a name")
    renamed = table.rename(columns=names)
    twice = renamed.columns[renamed.columns.duplicated()]
    if len(twice):
        raise ValueError(f"two columns would be called “{twice[0]}”")
    return renamed


class ConvertUnit(StepSettings):
    columns: NumericColumns = Field((), title="Columns", description="Numbers in another unit than wanted.")
    factor: float = Field(1.0, title="Factor", description="What they are multiplied by: 2.54 makes cm of inches.")
    offset: float = Field(0.0, title="Offset", description="Added afterwards: °C = °F × 0.5556 − 17.78.")


def convert_unit(table: pd.DataFrame, settings: ConvertUnit) -> pd.DataFrame:
    if not settings.columns:
        raise ValueError("it names no column")
    if not (np.isfinite(settings.factor) and settings.factor and np.isfinite(settings.offset)):
        raise ValueError("its factor must be a number other than 0")
    names = choose_columns(table, settings.columns, "numeric")
    return table.assign(**{name: table[name] * settings.factor + settings.offset for name in names})


# Steps that other modules propose.
RENAME_COLUMNS = "rename_columns"
CONVERT_UNIT = "convert_unit"
KINDS = (
    StepKind(
        name=RENAME_COLUMNS,
        title="Rename columns",
        help="Gives columns other names, such as those of the data set that this one is a source for.",
        purpose=COLUMNS,
        scope="cells",
        settings=RenameColumns,
        run=rename_columns,
    ),
    StepKind(
        name=CONVERT_UNIT,
        title="Convert unit",
        help="Multiplies numbers by a factor and adds an offset.",
        purpose=COLUMNS,
        scope="cells",
        settings=ConvertUnit,
        run=convert_unit,
    ),
)
