"""CSV files: read, checked, their columns' kinds inferred, kept as Parquet.

An import's folder holds `table.parquet` (the columns as they came), `schema.json` (a `Schema`), and
`manifest.parquet`, one row a sample.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from core.errors import InputError
from core.schemas import DataRef, Frozen, Skipped, Step
from core.store.files import write_parquet, write_text

MAX_CLASSES = 20  # a numeric target with more values is an amount, not a class
LARGEST = 1e100  # what is larger has no variance in 64 bits; it and infinity count as missing
_DELIMITERS = ",;\t|"


class Column(Frozen):
    """A column besides the target; `reason` says why one is left out of training."""

    name: str
    kind: Literal["numeric", "category", "left_out"]
    missing: int
    reason: str = ""


class Schema(Frozen):
    """`schema.json`: how a table was read and what its columns hold."""

    target: str | None
    columns: tuple[Column, ...]
    encoding: str
    delimiter: str
    decimal: str = "."

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
                kind: Literal["numeric", "category"] = "numeric" if _is_number(table[name]) else "category"
                columns.append(Column(name=name, kind=kind, missing=int(missing[name])))
            elif known[name].kind == "left_out":
                columns.append(known[name])
            else:
                reason = "is left out by the recipe"
                columns.append(known[name].model_copy(update={"kind": "left_out", "reason": reason}))
        return self.model_copy(update={"columns": tuple(columns)})


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written."""

    encoding: str
    delimiter: str
    decimal: str
    header: tuple[str, ...]


def dialect(path: Path) -> Dialect:
    """Find out encoding, delimiter and decimal mark; `InputError` when this is no table.

    UTF-8 with or without a byte order mark, otherwise Windows-1252.
    """
    raw = path.read_bytes()
    if not raw.strip():
        raise InputError(f"“{path.name}” is empty.", "Export the table again, with its header and rows.")
    if b"\0" in raw[:65536]:
        raise InputError(f"“{path.name}” is not a text file.", "Export the table as CSV in UTF-8.")
    encoding, text = _decoded(raw, path)
    sample = text[:65536]
    first = sample.lstrip().splitlines()[0]
    delimiter = max(_DELIMITERS, key=lambda c: (first.count(c), -_DELIMITERS.index(c)))
    rows = [row for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row]
    header = tuple(name.strip() or f"column {place}" for place, name in enumerate(rows[0], start=1))
    if len(rows) > 1 and len(rows[1]) > len(header):  # pandas would take the first cells for row names
        raise InputError(
            f"The rows of “{path.name}” have more cells than its header.", "Give every column a name in the header."
        )
    cells = [cell for row in rows[1:] for cell in row]
    comma = delimiter != "," and any(_comma_number(cell) for cell in cells) and not any(map(_point_number, cells))
    return Dialect(encoding, delimiter, "," if comma else ".", header)


def read_preview(path: Path, n: int = 20) -> pd.DataFrame:
    """The first `n` rows as they will be read, for choosing the target; `InputError` as for an import."""
    return _read(path, dialect(path), n)


def read_table(path: Path, target: str | None) -> tuple[pd.DataFrame, Schema, list[Skipped]]:
    """Read a CSV file whose classes stand in `target` (None for a table without labels).

    The index is the row's number in the file, from 1. Rows without a target are left out and named in the list of
    what was refused. Numbers are float64, all else str.
    Raises `InputError`, in one sentence, for a table that cannot be used.
    """
    found = dialect(path)
    table = _read(path, found)
    table.index = pd.RangeIndex(1, len(table) + 1)
    for name in table.select_dtypes("float").columns.drop(target or "", errors="ignore"):
        table[name] = table[name].where(table[name].abs() < LARGEST)
    skipped: list[Skipped] = []
    if target is not None:
        table, skipped = _with_target(table, target, path)
    columns = tuple(_column(table[name]) for name in table.columns if name != target)
    if not any(column.kind != "left_out" for column in columns):
        left_out = "; ".join(f"“{column.name}” {column.reason}" for column in columns)
        raise InputError(
            f"“{path.name}” has no column to predict from: {left_out}.", "Add columns that describe the rows."
        )
    for column in columns:
        table[column.name] = table[column.name].astype("float64" if column.kind == "numeric" else "str")
    schema = Schema(
        target=target, columns=columns, encoding=found.encoding, delimiter=found.delimiter, decimal=found.decimal
    )
    return table, schema, skipped


def conform(table: pd.DataFrame, schema: Schema, wanted: Schema, title: str) -> tuple[pd.DataFrame, Schema]:
    """The table with the columns and kinds of an earlier import's schema `wanted`, and its own schema.

    `InputError` when a column is missing or holds text instead of numbers.
    """
    for name in (*wanted.numeric, *wanted.categorical):
        if name not in table.columns:
            raise InputError(f"“{title}” has no column “{name}”, which the dataset has.", "Add the column.")
        if name in wanted.numeric and not (name in schema.numeric or table[name].isna().all()):
            raise InputError(f"Column “{name}” of “{title}” holds text where the dataset has numbers.", "Correct it.")
    table = table.copy()
    for name in wanted.numeric:
        table[name] = table[name].astype("float64")
    for name in wanted.categorical:
        table[name] = table[name].astype("str")
    missing = table.isna().sum()
    columns = tuple(
        column.model_copy(update={"missing": int(missing[column.name])})
        for column in wanted.columns
        if column.name in table.columns
    )
    names = [column.name for column in columns] + ([wanted.target] if wanted.target else [])
    return table[names], schema.model_copy(update={"columns": columns, "target": wanted.target})


def target_classes(values: pd.Series, bins: int | None, binned: bool = False) -> tuple[pd.Series, Step | None]:
    """The target as class names and, where `bins` are wanted, the recipe step that makes classes of its numbers.

    `InputError` for a numeric target with more than 20 values and no `bins`, unless a recipe has it `binned` already.
    """
    numbers = values if _is_number(values) else None
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


def store_table(folder: Path, table: pd.DataFrame, schema: Schema, labels: pd.Series | None) -> pd.DataFrame:
    """Write a table, its schema and its manifest to `folder`; returns the manifest.

    Manifest columns: row, path (“row 1” is the first below the header), label (NA where
    unlabelled), content_hash (of the columns trained on, so that equal rows are known as duplicates).
    """
    used = table[[*schema.numeric, *schema.categorical]]
    manifest = pd.DataFrame(
        {
            "row": np.arange(len(table)),
            "path": [f"row {number}" for number in table.index],
            "label": pd.Series([pd.NA] * len(table) if labels is None else labels.to_numpy(), dtype="str"),
            "content_hash": _row_hashes(used),
        }
    )
    write_parquet(folder / "table.parquet", table)
    write_parquet(folder / "manifest.parquet", manifest)
    write_text(folder / "schema.json", schema.model_dump_json(indent=1))
    return manifest


def load_schema(folder: Path) -> Schema:
    """The schema of one import."""
    return Schema.model_validate_json((folder / "schema.json").read_text("utf-8"))


def load_table(ref: DataRef) -> tuple[pd.DataFrame, Schema]:
    """The columns to train on, one row a sample in `load_samples`' order and indexed by its id, and the schema.

    They are as the recipe's steps leave them. Numeric columns are float64 with NaN, categories str with NaN where a
    cell is missing.
    """
    from core.data.versions import load_rows

    rows, schema = load_rows(ref, cells=True)
    assert schema is not None
    return rows.cells, schema


def read_cells(folder: Path, samples: pd.DataFrame) -> tuple[pd.DataFrame, Schema]:
    """The columns to train on of these imported samples (id, import_number, row), and their schema.

    `folder` is the dataset's; the table is in the samples' order, indexed by their ids.
    """
    tables = []
    for number, mine in samples.groupby("import_number", sort=True):
        place = folder / "imports" / f"{number:04d}"
        schema = load_schema(place)
        wanted = [*schema.numeric, *schema.categorical]
        # Only the rows wanted become Python's; a large table stays where Arrow maps it.
        cells = pq.read_table(place / "table.parquet", columns=wanted, memory_map=True).take(mine["row"].to_numpy())
        kinds = dict.fromkeys(schema.numeric, "float64") | dict.fromkeys(schema.categorical, "str")
        tables.append(cells.to_pandas().astype(kinds).set_axis(mine["id"].to_numpy()))
    return pd.concat(tables).loc[samples["id"].to_numpy()].rename_axis("id"), schema


def _decoded(raw: bytes, path: Path) -> tuple[str, str]:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return ("utf-8" if encoding == "utf-8-sig" and not raw.startswith(b"\xef\xbb\xbf") else encoding), text
    raise InputError(f"“{path.name}” is neither UTF-8 nor Windows-1252 text.", "Export the table as CSV in UTF-8.")


def _read(path: Path, found: Dialect, n: int | None = None) -> pd.DataFrame:
    twice = next((name for i, name in enumerate(found.header) if name in found.header[:i]), None)
    if twice:
        raise InputError(f"“{path.name}” has two columns named “{twice}”.", "Rename or remove one of them.")
    try:
        table = pd.read_csv(
            path,
            sep=found.delimiter,
            decimal=found.decimal,
            encoding=found.encoding,
            header=0,
            names=list(found.header),
            nrows=n,
            low_memory=False,
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise InputError(
            f"“{path.name}” cannot be read as a table: {_reason(error)}.",
            "Check that every row has as many cells as the header.",
        ) from error
    if table.shape[1] < 2:
        raise InputError(
            f"“{path.name}” has one column, “{table.columns[0]}”.",
            "Graft needs a target and at least one column to predict it from; is the delimiter one of , ; tab | ?",
        )
    if table.empty:
        raise InputError(f"“{path.name}” has a header but no rows.", "Export the table again with its rows.")
    return table


def _with_target(table: pd.DataFrame, target: str, path: Path) -> tuple[pd.DataFrame, list[Skipped]]:
    if target not in table.columns:
        raise InputError(
            f"“{path.name}” has no column “{target}”.", "Its columns are " + ", ".join(map(str, table.columns)) + "."
        )
    missing = table[target].isna().to_numpy()
    if not _is_number(table[target]):
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


def _column(values: pd.Series) -> Column:
    name, missing = str(values.name), int(values.isna().sum())
    present = values.dropna()
    if present.empty:
        return Column(name=name, kind="left_out", missing=missing, reason="is empty")
    if _is_number(values):
        # A running number tells nothing but the order of the file, and files are often sorted by class.
        if missing == 0 and len(values) > 2 and (np.diff(values.to_numpy(dtype="float64")) == 1).all():
            return Column(name=name, kind="left_out", missing=missing, reason="only numbers the rows")
        return Column(name=name, kind="numeric", missing=missing)
    if len(present) > 2 and present.nunique() == len(present):
        return Column(name=name, kind="left_out", missing=missing, reason="has a different text in every row")
    return Column(name=name, kind="category", missing=missing)


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _labels(values: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(values) and (values == values.round()).all():
        values = values.astype("int64")  # a missing cell elsewhere made floats of whole numbers
    return values.astype("str").str.strip()


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
    return Step(kind="bin_target", params={"edges": [float(f"{edge:.6g}") for edge in edges]})


def _row_hashes(table: pd.DataFrame) -> list[str]:
    """A hash a row, over its cells as text with the columns in alphabetical order."""
    names: Sequence[str] = sorted(table.columns)
    cells = [table[name].astype("object").where(table[name].notna(), None) for name in names]
    return [hashlib.sha256(repr(row).encode()).hexdigest() for row in zip(*cells, strict=True)]


def _comma_number(cell: str) -> bool:
    left, comma, right = cell.strip().lstrip("-").partition(",")
    return bool(comma) and left.isdigit() and right.isdigit()


def _point_number(cell: str) -> bool:
    left, point, right = cell.strip().lstrip("-").partition(".")
    return bool(point) and left.isdigit() and right.isdigit()


def _reason(error: Exception) -> str:
    """What pandas found wrong, without its own words before it."""
    said = str(error).strip().rstrip(".").removeprefix("Error tokenizing data. C error: ")
    return said[:1].lower() + said[1:]
