"""Reading table files: CSV and other delimited text, Parquet, Excel and JSON lines.

Every reader returns a table whose index counts rows from 1, with numbers recognised in any common notation.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from core.data.files.packed import check_ratio
from core.errors import InputError
from core.schemas import Skipped

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xlsm", ".xls", ".ods", ".jsonl", ".ndjson")
EXCEL = (".xlsx", ".xlsm", ".xls", ".ods")
Format = Literal["csv", "parquet", "excel", "jsonl"]
LARGEST = 1e100  # the variance of larger numbers overflows float64; they and infinity count as missing
_DELIMITERS = ",;\t|"
_MARKS = {".": (",", " ", "\u00a0", "\u202f", "'", "’"), ",": (".", " ", "\u00a0", "\u202f", "'", "’")}
_MAX_CELLS = 200_000_000
_LOOK = 1000  # cells tried before a whole column is converted


@dataclass(frozen=True)
class Dialect:
    """The format of a table file. `thousands` are the separators found between groups of three digits."""

    format: Format
    header: tuple[str, ...]
    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    thousands: str = ""


@dataclass(frozen=True)
class TableFile:
    """A table as read, its dialect, and the cells or rows that were skipped."""

    table: pd.DataFrame
    dialect: Dialect
    skipped: tuple[Skipped, ...] = ()


def read_file(path: Path, n: int | None = None, fewest: int = 2) -> TableFile:
    """The table in a file, or its first `n` rows. `InputError`, in one sentence, when there is none to use.

    `fewest`: the minimum number of columns; by default a target and another one.
    """
    if path.stat().st_size == 0:
        raise _empty(path)
    read = {"csv": _read_csv, "parquet": _read_parquet, "excel": _read_excel, "jsonl": _read_jsonl}
    table, dialect = read[format_of(path)](path, n)
    if table.shape[1] < fewest:
        raise InputError(
            f"“{path.name}” has one column, “{table.columns[0]}”.",
            "Graft needs a target and at least one column to predict it from; is the delimiter one of , ; tab | ?",
        )
    if table.empty:
        raise InputError(f"“{path.name}” has a header but no rows.", "Export the table again with its rows.")
    table.index = pd.RangeIndex(1, len(table) + 1)
    marks: set[str] = set()
    skipped = []
    for name in table.columns:
        values, mark = _numbers(table[name], dialect.decimal)
        marks.add(mark)
        if _is_number(values):
            values, refused = _finite(values)
            skipped += refused
        if values is not table[name]:
            table[name] = values
    return TableFile(table, replace(dialect, thousands="".join(sorted(marks))), tuple(skipped))


def format_of(path: Path) -> Format:
    """The format of a table file, by its content if possible, otherwise by its suffix."""
    with path.open("rb") as file:
        head = file.read(4096)
    ending = path.suffix.lower()
    if head.startswith(b"PAR1") or ending == ".parquet":
        return "parquet"
    if ending in EXCEL:
        return "excel"
    if ending in (".jsonl", ".ndjson") or head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b'{"'):
        return "jsonl"
    return "csv"


def csv_dialect(path: Path) -> Dialect:
    """Find out encoding, delimiter and decimal mark; `InputError` when this is no table.

    UTF-8 with or without a byte order mark, UTF-16 with one, otherwise Windows-1252.
    """
    raw = path.read_bytes()
    if not raw.strip():
        raise _empty(path)
    encoding, text = _decoded(raw, path)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(
            f"“{path.name}” is not a text file: a NUL byte stands in line {line}.",
            "Export the table as CSV in UTF-8.",
        )
    sample = text[:65536]
    first = sample.lstrip().splitlines()[0]
    delimiter = max(_DELIMITERS, key=lambda c: (first.count(c), -_DELIMITERS.index(c)))
    try:
        rows = [row for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row]
    except csv.Error as error:
        raise _unreadable(path, str(error)) from error
    header = _header(rows[0])
    if len(rows) > 1 and len(rows[1]) > len(header):  # pandas would take the first cells for row names
        raise InputError(
            f"The rows of “{path.name}” have more cells than its header.", "Give every column a name in the header."
        )
    cells = [cell.strip() for row in rows[1:] for cell in row]
    comma = delimiter != "," and any(map(_COMMA.fullmatch, cells))
    comma = comma and not any(_POINT.fullmatch(cell) or _GROUPED.fullmatch(cell) for cell in cells)
    return Dialect("csv", header, encoding, delimiter, "," if comma else ".")


_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_POINT = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)\.(\d{1,2}|\d{4,})")  # three digits may be a group of thousands

_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3}){2,}")


def _read_csv(path: Path, n: int | None) -> tuple[pd.DataFrame, Dialect]:
    dialect = csv_dialect(path)
    _no_name_twice(path, dialect.header)
    try:
        table = pd.read_csv(
            path,
            sep=dialect.delimiter,
            decimal=dialect.decimal,
            encoding=dialect.encoding,
            header=0,
            names=list(dialect.header),
            nrows=n,
            low_memory=False,
        )
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise _unreadable(path, _reason(error)) from error
    return table, dialect


def _read_parquet(path: Path, n: int | None) -> tuple[pd.DataFrame, Dialect]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        header = _header(file.schema_arrow.names)
        _no_name_twice(path, header)
        groups = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
        check_ratio(path, sum(groups))
        cells = file.metadata.num_rows * file.metadata.num_columns
        if cells > _MAX_CELLS:  # equal cells compress to almost nothing, so the file's size is no limit
            raise InputError(
                f"“{path.name}” holds {cells:,} cells, more than the {_MAX_CELLS:,} that fit into memory.",
                "Leave out rows or columns.",
            )
        data = file.read() if n is None else next(file.iter_batches(batch_size=n), pa.RecordBatch.from_pylist([]))
        table = data.to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"“{path.name}” is not a Parquet file, or it is damaged.", "Write the file again, or upload it again."
        ) from error
    table = pd.DataFrame({name: table.iloc[:, place] for place, name in enumerate(header)}).reset_index(drop=True)
    return _plain(table), Dialect("parquet", header)


def _read_excel(path: Path, n: int | None) -> tuple[pd.DataFrame, Dialect]:
    """The first sheet; its first row that is not empty is the header."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as file:
                check_ratio(path, sum(info.file_size for info in file.infolist()))
        rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError, IndexError) as error:
        raise InputError(
            f"“{path.name}” is not an Excel file, or it is damaged or has a password.",
            "Save it again as .xlsx, or export the sheet as CSV.",
        ) from error
    rows = [row for row in rows if any(cell != "" for cell in row)]
    if not rows:
        raise _empty(path)
    header = _header([str(cell) for cell in rows[0]])
    _no_name_twice(path, header)
    table = pd.DataFrame(rows[1:] if n is None else rows[1 : n + 1], columns=list(header), dtype="object")
    return _plain(table.where(table != "", None)), Dialect("excel", header)


def _read_jsonl(path: Path, n: int | None) -> tuple[pd.DataFrame, Dialect]:
    """One JSON object a line; a key that a line lacks is a missing cell."""
    encoding, text = _decoded(path.read_bytes(), path)
    rows = list(_objects(path, text, n))
    if not rows:
        raise _empty(path)
    table = pd.DataFrame.from_records(rows)
    table.columns = pd.Index([name.strip() for name in table.columns])
    _no_name_twice(path, tuple(table.columns))
    return _plain(table), Dialect("jsonl", tuple(table.columns), encoding)


def _objects(path: Path, text: str, n: int | None) -> Iterator[dict[str, object]]:
    n_read = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or n_read == n:
            continue
        try:
            row = json.loads(line, parse_int=_parse_int)
        except (ValueError, RecursionError) as error:
            raise _unreadable(path, f"line {number} is no JSON object") from error
        if not isinstance(row, dict):
            raise _unreadable(path, f"line {number} is no JSON object")
        n_read += 1
        yield {
            key: json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
            for key, value in row.items()
        }


def _parse_int(digits: str) -> float | int:
    return int(digits) if len(digits) < 16 else float(digits)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of any type as numbers or text: all-numeric columns stay numeric, dates become text."""
    out = {}
    for name in table.columns:
        values = table[name]
        if _is_number(values):
            out[name] = values.astype("float64") if not pd.api.types.is_integer_dtype(values.dtype) else values
            if not isinstance(values.dtype, np.dtype):
                out[name] = values.astype("float64")
            continue
        present = values.dropna()
        if len(present) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in present):
            out[name] = values.astype("float64")
        else:
            out[name] = values.map(_text, na_action="ignore").astype("str")
    return pd.DataFrame(out, index=table.index)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _numbers(values: pd.Series, decimal: str) -> tuple[pd.Series, str]:
    """A text column of numbers with thousands separators, or with the other decimal mark, as float64.

    Returns the column and the separator found; other columns are returned unchanged.
    """
    if _is_number(values) or pd.api.types.is_bool_dtype(values):
        return values, ""
    present = values.dropna().astype("str").str.strip()
    present = present[present != ""]
    if present.empty:
        return values, ""
    for point in (decimal, "," if decimal == "." else "."):
        for mark in ("", *_MARKS[point]):
            digits = rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})*|\d+" if mark else r"\d+"
            pattern = rf"[+-]?(?:{digits})(?:{re.escape(point)}\d+)?(?:[eE][+-]?\d+)?"
            if present.head(_LOOK).str.fullmatch(pattern).all() and present.str.fullmatch(pattern).all():
                plain = present.str.replace(mark, "", regex=False) if mark else present
                numbers = plain.str.replace(point, ".", regex=False).map(float)
                return numbers.reindex(values.index), mark
    return values, ""


def _finite(values: pd.Series) -> tuple[pd.Series, list[Skipped]]:
    """Numbers that are too large set to missing, and a message about them."""
    infinite = np.abs(values.to_numpy(dtype="float64", na_value=np.nan)) >= LARGEST
    if not infinite.any():
        return values, []
    rows = values.index[infinite]
    reason = f"{len(rows)} numbers are too large" if len(rows) > 1 else "a number is too large"
    what = Skipped(path=f"“{values.name}”, row {rows[0]}", reason=f"{reason}; taken as missing")
    return values.mask(infinite), [what]


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _header(cells: Sequence[object]) -> tuple[str, ...]:
    return tuple(str(name).strip() or f"column {place}" for place, name in enumerate(cells, start=1))


def _no_name_twice(path: Path, header: Sequence[str]) -> None:
    twice = next((name for i, name in enumerate(header) if name in header[:i]), None)
    if twice:
        raise InputError(f"“{path.name}” has two columns named “{twice}”.", "Rename or remove one of them.")


def _decoded(raw: bytes, path: Path) -> tuple[str, str]:
    marked = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return ("utf-8" if encoding == "utf-8-sig" and not raw.startswith(b"\xef\xbb\xbf") else encoding), text
    known = "UTF-16" if marked else "UTF-8 nor Windows-1252"
    raise InputError(
        f"“{path.name}” is {'not ' if marked else 'neither '}{known} text.", "Export the table as CSV in UTF-8."
    )


def _empty(path: Path) -> InputError:
    return InputError(f"“{path.name}” is empty.", "Export the table again, with its header and rows.")


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(
        f"“{path.name}” cannot be read as a table: {reason}.", "Check that every row has as many cells as the header."
    )


def _reason(error: Exception) -> str:
    """The reason for pandas' error, without its prefix."""
    said = str(error).strip().rstrip(".").removeprefix("Error tokenizing data. C error: ")
    return said[:1].lower() + said[1:]
