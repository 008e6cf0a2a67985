"""Storing tables as Parquet, with column types inferred or chosen.

An import's folder holds `table.parquet` (the columns as they came), `schema.json` (a `Schema`), and
`manifest.parquet`, one row a sample.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from core.data.reading.again import check_readable, read_again
from core.data.reading.applying import TableFile, read_with
from core.data.reading.numbers import find_unit
from core.data.reading.proposing import read_proposed
from core.data.reading.record import TableReading
from core.data.tables.columns import Choice, Role, column_with_role
from core.data.tables.schema import Column, Schema, is_number, load_schema
from core.errors import InputError
from core.schemas import Skipped
from core.store.dataset_folder import DatasetFolder
from core.store.files import write_parquet, write_text

LEFT_OUT_BY_CHOICE = "is left out by choice"
_NOT_LEARNT: dict[Role | None, str] = {
    "id": "names the rows",
    "group": "keeps its rows on one side of the split",
    "weight": "says how much a training row counts",
    "ignore": LEFT_OUT_BY_CHOICE,
}


@dataclass(frozen=True)
class ReadTable:
    """A table ready to be stored: `table` is indexed by the row below the header, from 1, of `n_read` in the file."""

    table: pd.DataFrame
    schema: Schema
    skipped: list[Skipped]
    reading: TableReading
    n_read: int


def inspect_table(path: Path, file: TableFile) -> Schema:
    """The schema that a table would have without any choices; `InputError` where it has one column."""
    _check_width(path, file.table)
    columns = tuple(_column(values, None, file.reading) for _, values in file.table.items())
    return _schema(file, None, columns, {})


def read_table(
    path: Path,
    target: str | None,
    choices: Mapping[str, Choice] | None = None,
    reading: TableReading | None = None,
    member: str = "",
) -> ReadTable:
    """Read a table whose classes are in `target` (None for one without labels); `choices` overrule inference.

    `reading` says how the file is to be read; it is found out when left out. Rows without a target are left out and
    listed as skipped, as are cells that do not have their column's type. Numbers are float64, all else str. Raises
    `InputError`, in one sentence, for a table that cannot be used.
    """
    choices = choices or {}
    types = {name: choice.type for name, choice in choices.items()}
    if reading is None:
        reading, file = read_proposed(path, member)
        if reading.with_types(types) != reading:
            file = read_with(path, reading.with_types(types))
    else:
        file = read_with(path, reading.with_types(types))
    found = _checked(path, file, target, choices)
    unreadable = {one.column: one.share for one in file.unreadable}
    return replace(found, reading=found.reading.model_copy(update={"unreadable": unreadable}))


def read_further_table(
    path: Path, target: str | None, choices: Mapping[str, Choice], reading: TableReading, wanted: Schema
) -> ReadTable:
    """Read a further table of a dataset as its first one was read, with the columns and types of that one's schema.

    `InputError` when a column is missing, or more of its cells than a few are not what it holds.
    """
    needed = [*wanted.numeric, *wanted.categorical, *filter(None, (wanted.group, wanted.weight, target))]
    file, notes = read_again(path, reading, needed)
    check_readable(path, file, needed)
    found = _checked(path, file, target, choices)
    table, schema = conform_table(found.table, found.schema, wanted, path.name)
    told = [Skipped(path=path.name, reason=note) for note in notes]
    return ReadTable(table, schema, [*told, *found.skipped], file.reading, found.n_read)


def _checked(path: Path, file: TableFile, target: str | None, choices: Mapping[str, Choice]) -> ReadTable:
    table, skipped = file.table, [*_above(file.reading), *file.skipped]
    _check_width(path, table)
    unknown = next((name for name in choices if name not in table.columns), None)
    if unknown is not None:
        raise _no_column(path, unknown, table)
    if target is not None:
        table, without = _with_target(table, target, path, file.reading)
        skipped += without
    columns = tuple(
        _column(values, choices.get(str(name)), file.reading) for name, values in table.items() if name != target
    )
    if not any(column.kind != "left_out" for column in columns):
        left_out = "; ".join(f"“{column.name}” {column.reason}" for column in columns[:20])
        raise InputError(
            f"“{path.name}” has no column to predict from: {left_out}.", "Add columns that describe the rows."
        )
    weight = column_with_role(choices, "weight")
    values = {
        column.name: _as_weights(table[column.name])
        if column.name == weight
        else (table[column.name] if column.kind == "numeric" else as_text(table[column.name]))
        for column in columns
    }
    if target is not None:
        values[target] = table[target]
    table = pd.DataFrame({name: values[str(name)] for name in table.columns}, index=table.index)
    return ReadTable(table, _schema(file, target, columns, choices), skipped, file.reading, len(file.table))


def _check_width(path: Path, table: pd.DataFrame) -> None:
    if table.shape[1] < 2:
        raise InputError(
            f"“{path.name}” has one column, “{table.columns[0]}”.",
            "Graft needs a target and at least one column to predict it from. Does another sign stand between cells"
            " than one of , ; tab |, or is the table on another sheet?",
        )


def _above(reading: TableReading) -> list[Skipped]:
    """What stands above the header and was left out."""
    texts = [text for text in reading.container.skipped if text]
    return [Skipped(path="above the header", reason=f"left out: {text[:200]}") for text in texts]


def _schema(
    file: TableFile, target: str | None, columns: tuple[Column, ...], choices: Mapping[str, Choice]
) -> Schema:
    container = file.reading.container
    return Schema(
        target=target,
        columns=columns,
        format=container.format,
        encoding=container.encoding,
        delimiter=container.delimiter,
        decimal=file.reading.decimal,
        thousands=file.reading.thousands,
        id=column_with_role(choices, "id"),
        group=column_with_role(choices, "group"),
        weight=column_with_role(choices, "weight"),
    )


def _as_weights(values: pd.Series) -> pd.Series:
    """A column of weights; `InputError` unless they are numbers of 0 or more, and one of them is more."""
    numbers = values if is_number(values) else pd.to_numeric(values, errors="coerce").astype("float64")
    wrong = ~(numbers >= 0) | np.isinf(numbers)
    if wrong.any():
        row = values.index[wrong][0]
        raise InputError(
            f"“{values.name}” cannot weigh the rows: row {row} holds “{values[row]}”.",
            "A weight is a number of 0 or more, and every row needs one.",
        )
    if not numbers.any():
        raise InputError(f"“{values.name}” cannot weigh the rows: all are 0.", "Choose another column.")
    return numbers


def as_text(values: pd.Series) -> pd.Series:
    """A column as text, whole numbers without a decimal point; missing cells stay missing."""
    present = values.dropna()
    whole = pd.api.types.is_float_dtype(values) and (present == present.round()).all()
    exact = whole and (present.abs() < 2**53).all()
    return (values.astype("Int64") if exact else values).astype("str")


def conform_table(table: pd.DataFrame, schema: Schema, wanted: Schema, title: str) -> tuple[pd.DataFrame, Schema]:
    """The table with the columns and kinds of an earlier import's schema `wanted`, and its own schema.

    `InputError` when a column is missing or holds text instead of numbers.
    """
    for name in (*wanted.numeric, *wanted.categorical, *filter(None, (wanted.group, wanted.weight))):
        if name not in table.columns:
            raise InputError(f"“{title}” has no column “{name}”, which the dataset has.", "Add the column.")
        if name in wanted.numeric and not (is_number(table[name]) or table[name].isna().all()):
            raise InputError(f"Column “{name}” of “{title}” holds text where the dataset has numbers.", "Correct it.")
    typed = dict(table.items())
    typed |= {name: table[name].astype("float64") for name in wanted.numeric}
    typed |= {name: as_text(table[name]) for name in wanted.categorical}
    table = pd.DataFrame(typed, index=table.index)
    missing = table.isna().sum()
    columns = tuple(
        column.model_copy(update={"missing": int(missing[column.name])})
        for column in wanted.columns
        if column.name in table.columns
    )
    names = [column.name for column in columns] + ([wanted.target] if wanted.target else [])
    if wanted.weight:
        table[wanted.weight] = _as_weights(table[wanted.weight])
    kept = {"columns": columns, "target": wanted.target, "id": wanted.id, "group": wanted.group}
    kept |= {"weight": wanted.weight}
    return table[names], schema.model_copy(update=kept)


def store_table(folder: Path, table: pd.DataFrame, schema: Schema, labels: pd.Series | None) -> pd.DataFrame:
    """Write a table, its schema and its manifest to `folder`; returns the manifest.

    Manifest columns: row, path (“row 1” is the first below the header), label (NA where
    unlabelled), content_hash (of the columns trained on, so that equal rows are known as duplicates), and given_group
    and given_weight where columns have these roles. With an id column, `path` is its value.
    """
    used = table[[*schema.numeric, *schema.categorical]]
    manifest = pd.DataFrame(
        {
            "row": np.arange(len(table)),
            "path": _names(table, schema.id),
            "label": pd.Series([pd.NA] * len(table) if labels is None else labels.to_numpy(), dtype="str"),
            "content_hash": _row_hashes(used),
        }
    )
    if schema.group:
        manifest["given_group"] = as_text(table[schema.group]).to_numpy()
    if schema.weight:
        manifest["given_weight"] = table[schema.weight].to_numpy(dtype="float64")
    write_parquet(folder / "table.parquet", table)
    write_parquet(folder / "manifest.parquet", manifest)
    write_text(folder / "schema.json", schema.model_dump_json(indent=1))
    return manifest


def _names(table: pd.DataFrame, column: str | None) -> list[str]:
    rows = [f"row {number}" for number in table.index]
    if column is None or column not in table.columns:
        return rows
    ids = as_text(table[column])
    return [row if pd.isna(name) else name for row, name in zip(rows, ids, strict=True)]


def read_cells(folder: Path, samples: pd.DataFrame) -> tuple[pd.DataFrame, Schema]:
    """The columns to train on of these imported samples (id, import_number, row), and their schema.

    `folder` is the dataset's; the table is in the samples' order, indexed by their ids.
    """
    files = DatasetFolder(folder)
    tables = []
    for number in sorted(samples["import_number"].unique()):
        mine = samples[samples["import_number"] == number]
        schema = load_schema(files.imported(number))
        wanted = [*schema.numeric, *schema.categorical]
        # Only the rows wanted are converted; a large table stays memory-mapped by Arrow.
        cells = pq.read_table(files.table(number), columns=wanted, memory_map=True).take(mine["row"].to_numpy())
        kinds = dict.fromkeys(schema.numeric, "float64") | dict.fromkeys(schema.categorical, "str")
        tables.append(cells.to_pandas().astype(kinds).set_axis(mine["id"].to_numpy()))
    return pd.concat(tables).loc[samples["id"].to_numpy()].rename_axis("id"), schema


def _with_target(
    table: pd.DataFrame, target: str, path: Path, reading: TableReading
) -> tuple[pd.DataFrame, list[Skipped]]:
    if target not in table.columns:
        raise _no_column(path, target, table)
    missing = table[target].isna().to_numpy()
    if not is_number(table[target]):
        missing = missing | (table[target].astype("str").str.strip() == "").to_numpy()
    if missing.all():
        raise InputError(f"The target “{target}” of “{path.name}” is empty in every row.", "Choose another target.")
    if not missing.any():
        return table, []
    numbers = table.index[missing]
    named = ", ".join(map(str, numbers[:10])) + (f" and {len(numbers) - 10} more" if len(numbers) > 10 else "")
    words = "".join(f"; “{word}” is taken as missing" for word in reading.taken_as_missing.get(target, {}))
    return table[~missing], [
        Skipped(path=f"rows {named}", reason=f"no value in “{target}” ({len(numbers)} rows{words})")
    ]


def _no_column(path: Path, name: str, table: pd.DataFrame) -> InputError:
    columns = ", ".join(map(str, table.columns))
    return InputError(f"“{path.name}” has no column “{name}”.", f"Its columns are {columns}.")


def _column(values: pd.Series, choice: Choice | None, reading: TableReading) -> Column:
    name, missing = str(values.name), int(values.isna().sum())
    if choice and (choice.role in _NOT_LEARNT or choice.type == "left_out"):
        reason = _NOT_LEARNT.get(choice.role, _NOT_LEARNT["ignore"])
        return Column(name=name, kind="left_out", missing=missing, reason=reason)
    if choice and choice.type:
        return Column(name=name, kind=choice.type, missing=missing)
    present = values.dropna()
    if present.empty:
        return Column(name=name, kind="left_out", missing=missing, reason="is empty")
    if is_number(values):
        # A running number encodes only the order of the file, and files are often sorted by class.
        if missing == 0 and len(values) > 2 and (np.diff(values.to_numpy(dtype="float64")) == 1).all():
            return Column(name=name, kind="left_out", missing=missing, reason="only numbers the rows")
        return Column(name=name, kind="numeric", missing=missing)
    if len(present) > 2 and present.nunique() == len(present) and find_unit(present) is None:
        what = "is a date, another one" if reading.type_of(name) == "date" else "has a different text"
        return Column(name=name, kind="left_out", missing=missing, reason=f"{what} in every row")
    return Column(name=name, kind="category", missing=missing)


def _row_hashes(table: pd.DataFrame) -> list[str]:
    """A hash a row, over its cells as text with the columns in alphabetical order."""
    names: Sequence[str] = sorted(table.columns)
    cells = [table[name].astype("object").where(table[name].notna(), None) for name in names]
    return [hashlib.sha256(repr(row).encode()).hexdigest() for row in zip(*cells, strict=True)]
