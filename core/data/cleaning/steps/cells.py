"""Steps that change each row by itself, without learning: columns left out, types, spellings, parts of dates."""

import re
import unicodedata
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from core.data.cleaning.steps.step import AnyColumn, AnyColumns, StepKind, StepSettings, TextColumns, choose_columns
from core.data.reading.numbers import Measured, strip_unit

COLUMNS = "Columns and types"


class DropColumns(StepSettings):
    columns: AnyColumns = Field((), title="Columns", description="These are left out.")


def drop_columns(table: pd.DataFrame, settings: DropColumns) -> pd.DataFrame:
    if not settings.columns:
        raise ValueError("it names no column")
    left = table.drop(columns=choose_columns(table, settings.columns, "any"))
    if left.columns.empty:
        raise ValueError("it leaves no column to predict from")
    return left


class ConvertType(StepSettings):
    column: AnyColumn = Field(title="Column", description="The column whose type is wrong.")
    to: Literal["number", "category"] = Field(
        "number",
        title="Type",
        description="Number: what is not one becomes missing. Category: numbers that are codes, such as postcodes.",
    )


def convert_type(table: pd.DataFrame, settings: ConvertType) -> pd.DataFrame:
    choose_columns(table, (settings.column,), "any")
    values = table[settings.column]
    if settings.to == "number":
        return table.assign(**{settings.column: as_numbers(values)})
    if pd.api.types.is_numeric_dtype(values):
        said = values.map(lambda v: f"{v:.15g}", na_action="ignore")
        return table.assign(**{settings.column: said.astype("str")})
    return table


def as_numbers(values: pd.Series) -> pd.Series:
    """Text as float64, NaN where it is no finite number; thousands separators and a decimal comma are accepted."""
    if pd.api.types.is_numeric_dtype(values):
        return values
    tidy = values.astype("str").str.strip().str.replace(r"(?<=\d)[ \u00a0'’](?=\d{3}\b)", "", regex=True)
    tidy = tidy.where(~tidy.str.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", na=False), tidy.str.replace(",", ""))
    tidy = tidy.where(~tidy.str.fullmatch(r"[+-]?\d+,\d+", na=False), tidy.str.replace(",", "."))
    numbers = pd.to_numeric(tidy, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


class StripUnit(StepSettings):
    column: AnyColumn = Field(
        title="Column", description="Numbers with a unit or currency, such as 12 kg or € 1.200."
    )
    unit: str = Field(title="Unit", description="As it is written; a cell with another one becomes missing.")
    before: bool = Field(False, title="Before the number", description="€ 5 rather than 5 €.")
    decimal: Literal[".", ","] = Field(".", title="Decimal mark")
    thousands: Literal["", ".", ",", " ", "'"] = Field("", title="Mark between thousands")


def strip_units(table: pd.DataFrame, settings: StripUnit) -> pd.DataFrame:
    choose_columns(table, (settings.column,), "any")
    values = table[settings.column]
    if pd.api.types.is_numeric_dtype(values):
        return table
    measured = Measured(settings.unit, settings.before, settings.decimal, settings.thousands)
    numbers = strip_unit(pa.array(values, pa.large_string(), from_pandas=True), measured)
    return table.assign(**{settings.column: numbers})


class MergeSpellings(StepSettings):
    columns: TextColumns = Field((), title="Columns", description="Which to look at; none chosen means all text.")
    spellings: dict[str, str] = Field(
        {},
        title="Spellings",
        description="Spelling → what it becomes. With none, capitals, accents' coding and spaces are evened out.",
    )


def merge_spellings(table: pd.DataFrame, settings: MergeSpellings) -> pd.DataFrame:
    names = choose_columns(table, settings.columns, "text")
    if settings.spellings:
        return table.assign(**{name: table[name].replace(settings.spellings) for name in names})
    return table.assign(
        **{name: table[name].map(normalize_spelling, na_action="ignore").astype("str") for name in names}
    )


def normalize_spelling(value: str) -> str:
    """One spelling for values that differ in capitals, spaces and how accents are coded."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", value)).strip().casefold()


class DateParts(StepSettings):
    columns: TextColumns = Field((), title="Columns", description="Dates or times, written as text.")
    parts: tuple[Literal["year", "month", "day", "weekday", "hour"], ...] = Field(
        ("year", "month", "weekday"), title="Parts", description="Weekday counts from 0, Monday."
    )
    day_first: bool = Field(False, title="Day first", description="03/04 is the third of April.")


def date_parts(table: pd.DataFrame, settings: DateParts) -> pd.DataFrame:
    if not settings.columns or not settings.parts:
        raise ValueError("it needs a column and a part")
    new = {}
    for name in choose_columns(table, settings.columns, "text"):
        moments = pd.to_datetime(table[name], errors="coerce", format="mixed", dayfirst=settings.day_first, utc=True)
        if moments.isna().all() and table[name].notna().any():  # a few new rows may all lack it
            raise ValueError(f"column “{name}” holds no dates")
        for part in settings.parts:
            values = moments.dt.day_of_week if part == "weekday" else getattr(moments.dt, part)
            new[f"{name} {part}"] = values.astype("float64")
    return table.drop(columns=list(settings.columns)).assign(**new)


# Steps that other modules propose.
DROP_COLUMNS = "drop_columns"
MERGE_SPELLINGS = "merge_spellings"
DATE_PARTS = "date_parts"
CONVERT_TYPE = "convert_type"
STRIP_UNIT = "strip_unit"
KINDS = (
    StepKind(
        name=DROP_COLUMNS,
        title="Drop columns",
        help="Leaves columns out of training.",
        purpose=COLUMNS,
        scope="cells",
        settings=DropColumns,
        run=drop_columns,
    ),
    StepKind(
        name=CONVERT_TYPE,
        title="Convert type",
        help="Reads a column as numbers or as categories, overriding the import.",
        purpose=COLUMNS,
        scope="cells",
        settings=ConvertType,
        run=convert_type,
    ),
    StepKind(
        name=STRIP_UNIT,
        title="Numbers without their unit",
        help="Makes numbers of 12 kg or € 1.200.",
        purpose=COLUMNS,
        scope="cells",
        settings=StripUnit,
        run=strip_units,
    ),
    StepKind(
        name=MERGE_SPELLINGS,
        title="Merge spellings",
        help="Makes one category of its spellings, such as “Berlin”, “berlin ” and “BERLIN”.",
        purpose=COLUMNS,
        scope="cells",
        settings=MergeSpellings,
        run=merge_spellings,
    ),
    StepKind(
        name=DATE_PARTS,
        title="Parts of dates",
        help="Replaces dates by their year, month, day, weekday or hour as numbers.",
        purpose="New features",
        scope="cells",
        settings=DateParts,
        run=date_parts,
    ),
)
