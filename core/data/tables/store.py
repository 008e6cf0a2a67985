"""Storing tables as Parquet, with column types inferred or chosen.

An import's folder holds `table.parquet` (the columns as they came), `schema.json` (a `Schema`), and
`manifest.parquet`, one row a sample.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from core.data.files.table_files import LARGEST, TableFile, read_file
from core.data.tables.columns import Choice, Role, column_with_role
from core.data.tables.schema import Column, Schema, is_number, load_schema
from core.errors import InputError
from core.schemas import Skipped
from core.store.dataset_folder import DatasetFolder
from core.store.files import write_parquet, write_text

_NOT_LEARNT: dict[Role | None, str] = {
    "id": "names the rows",
    "group": "keeps its rows on one side of the split",
    "weight": "says how much a training row counts",
    "ignore": "is left out by choice",
}


def read_preview(path: Path, n: int = 20) -> pd.DataFrame:
    """The first `n` rows as they will be read, for choosing the target; `InputError` as for an import."""
    return read_file(path, n).table


def inspect_table(path: Path, n: int = 1000) -> tuple[pd.DataFrame, Schema]:
    """The first `n` rows and the schema inferred from them, without any choices; `InputError` as for an import."""
    file = read_file(path, n)
    return file.table, _schema(file, None, tuple(_column(file.table[name], None) for name in file.table.columns), {})


def read_table(
    path: Path, target: str | None, choices: Mapping[str, Choice] | None = None
) -> tuple[pd.DataFrame, Schema, list[Skipped]]:
    """Read a table whose classes are in `target` (None for one without labels); `choices` overrule inference.

    The index is the row's number in the file, from 1. Rows without a target are left out and listed as skipped, as
    are cells that do not have their column's type. Numbers are float64, all else str. Raises `InputError`, in one
    sentence, for a table that cannot be used.
    """
    choices = choices or {}
    file = read_file(path)
    table, skipped = file.table, list(file.skipped)
    unknown = next((name for name in choices if name not in table.columns), None)
    if unknown is not None:
        raise _no_column(path, unknown, table)
    if target is not None:
        table, without = _with_target(table, target, path)
        skipped += without
    columns = tuple(_column(table[name], choices.get(str(name))) for name in table.columns if name != target)
    if not any(column.kind != "left_out" for column in columns):
        left_out = "; ".join(f"“{column.name}” {column.reason}" for column in columns)
        raise InputError(
            f"“{path.name}” has no column to predict from: {left_out}.", "Add columns that describe the rows."
        )
    for i, column in enumerate(columns):
        values = table[column.name]
        if column.kind == "numeric":
            table[column.name], refused = as_numbers(values)
            skipped += refused
            columns = (*columns[:i], _count_missing(column, table[column.name]), *columns[i + 1 :])
        elif column.name == column_with_role(choices, "weight"):
            table[column.name] = _as_weights(values)
        else:
            table[column.name] = as_text(values)
    return table, _schema(file, target, columns, choices), skipped


def _schema(
    file: TableFile, target: str | None, columns: tuple[Column, ...], choices: Mapping[str, Choice]
) -> Schema:
    dialect = file.dialect
    return Schema(
        target=target,
        columns=columns,
        format=dialect.format,
        encoding=dialect.encoding,
        delimiter=dialect.delimiter,
        decimal=dialect.decimal,
        thousands=dialect.thousands,
        id=column_with_role(choices, "id"),
        group=column_with_role(choices, "group"),
        weight=column_with_role(choices, "weight"),
    )


def _count_missing(column: Column, values: pd.Series) -> Column:
    return column.model_copy(update={"missing": int(values.isna().sum())})


def as_numbers(values: pd.Series) -> tuple[pd.Series, list[Skipped]]:
    """A column chosen to be numeric; cells that are no numbers become missing and are reported."""
    if is_number(values):
        return values.astype("float64"), []
    numbers = pd.to_numeric(values.astype("str").where(values.notna()), errors="coerce").astype("float64")
    numbers = numbers.mask(numbers.abs() >= LARGEST)
    lost = numbers.isna() & values.notna()
    if not lost.any():
        return numbers, []
    row, n = values.index[lost][0], int(lost.sum())
    reason = f"“{values[row]}” is no number ({_cells(n)} of this column); taken as missing"
    return numbers, [Skipped(path=f"“{values.name}”, row {row}", reason=reason)]


def _as_weights(values: pd.Series) -> pd.Series:
    """A column of weights; `InputError` unless they are numbers of 0 or more, and one of them is more."""
    numbers, _ = as_numbers(values)
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


def _cells(n: int) -> str:
    return f"{n:,} cells" if n != 1 else "1 cell"


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
        if name in wanted.numeric and not (name in schema.numeric or table[name].isna().all()):
            raise InputError(f"Column “{name}” of “{title}” holds text where the dataset has numbers.", "Correct it.")
    table = table.copy()
    for name in wanted.numeric:
        table[name] = table[name].astype("float64")
    for name in wanted.categorical:
        table[name] = as_text(table[name])
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


def _with_target(table: pd.DataFrame, target: str, path: Path) -> tuple[pd.DataFrame, list[Skipped]]:
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
    return table[~missing].copy(), [
        Skipped(path=f"rows {named}", reason=f"no value in “{target}” ({len(numbers)} rows)")
    ]


def _no_column(path: Path, name: str, table: pd.DataFrame) -> InputError:
    columns = ", ".join(map(str, table.columns))
    return InputError(f"“{path.name}” has no column “{name}”.", f"Its columns are {columns}.")


def _column(values: pd.Series, choice: Choice | None) -> Column:
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
    if len(present) > 2 and present.nunique() == len(present):
        return Column(name=name, kind="left_out", missing=missing, reason="has a different text in every row")
    return Column(name=name, kind="category", missing=missing)


def _row_hashes(table: pd.DataFrame) -> list[str]:
    """A hash a row, over its cells as text with the columns in alphabetical order."""
    names: Sequence[str] = sorted(table.columns)
    cells = [table[name].astype("object").where(table[name].notna(), None) for name in names]
    return [hashlib.sha256(repr(row).encode()).hexdigest() for row in zip(*cells, strict=True)]
