"""Formats that say themselves what a cell is: Parquet, Feather and JSON."""

import io
import json
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.files.encoding import candidates
from core.data.files.packed import check_ratio
from core.data.reading.cells import RawTable, column_names, number_text, object_column, series_column
from core.data.reading.delimited import as_utf8, not_text, unreadable
from core.data.reading.record import Container
from core.errors import InputError

_MAX_CELLS = 200_000_000


def read_parquet(path: Path, raw: bytes | None, n: int | None = None) -> RawTable:
    """The cells of a Parquet file, `raw`, or of a folder of them at `path`, whose subfolders may be columns."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    try:
        if raw is None:
            data = ds.dataset(path, format="parquet", partitioning="hive", exclude_invalid_files=False)
            names, cells = data.schema.names, data.count_rows() * len(data.schema.names)
            _check_cells(path, cells)
            table = data.to_table() if n is None else data.head(n)
        else:
            file = pq.ParquetFile(io.BytesIO(raw))
            names = file.schema_arrow.names
            groups = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
            check_ratio(path, sum(groups))
            _check_cells(path, file.metadata.num_rows * file.metadata.num_columns)
            table = file.read() if n is None else _first_rows(file, n)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"“{path.name}” is not a Parquet file, or it is damaged.", "Write the file again, or upload it again."
        ) from error
    return _from_arrow(path, names, table)


def read_feather(path: Path, raw: bytes, n: int | None = None) -> RawTable:
    import pyarrow as pa
    import pyarrow.feather as feather

    try:
        table = feather.read_table(io.BytesIO(raw))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"“{path.name}” is not a Feather file, or it is damaged.", "Write the file again, or upload it again."
        ) from error
    _check_cells(path, table.num_rows * table.num_columns)
    return _from_arrow(path, table.column_names, table if n is None else table.slice(0, n))


def propose_json(path: Path, container: Container, raw: bytes) -> Container:
    found = candidates(raw)
    if not found:
        raise not_text(path, raw)
    return container.model_copy(update={"encoding": found[0].encoding})


def read_json(path: Path, container: Container, raw: bytes, n: int | None = None) -> RawTable:
    """The records of a JSON document: an array of objects, an object that holds one, or columns of equal length."""
    text = as_utf8(path, raw, container.encoding).decode("utf-8")
    if container.format == "jsonl":
        return _from_records(path, list(_lines_of(path, text, n)))
    try:
        document = json.loads(text, parse_int=_parse_int)
    except (ValueError, RecursionError) as error:
        raise unreadable(path, f"it is no JSON ({error})") from error
    records = _records_in(document)
    if records is None:
        raise unreadable(path, "it holds no list of records")
    return _from_records(path, records[:n])


def _records_in(document: Any) -> list[dict[str, Any]] | None:
    if isinstance(document, list):
        return document if document and all(isinstance(row, dict) for row in document) else None
    if not isinstance(document, dict) or not document:
        return None
    only = next(iter(document.values()))
    if len(document) == 1 and isinstance(only, dict) and (inside := _records_in(only)) is not None:
        return inside
    lists = [value for value in document.values() if isinstance(value, list)]
    if len(lists) == len(document) and len({len(value) for value in lists}) == 1 and not _records_in(lists[0]):
        return [dict(zip(document, row, strict=True)) for row in zip(*lists, strict=True)]
    inner = [found for value in lists if (found := _records_in(value)) is not None]
    if len(inner) == 1:
        return inner[0]
    columns = [value for value in document.values() if isinstance(value, dict)]
    if len(columns) == len(document) and len({tuple(value) for value in columns}) == 1:
        return [{name: column[key] for name, column in document.items()} for key in columns[0]]
    return None


def _lines_of(path: Path, text: str, n: int | None) -> Iterator[dict[str, object]]:
    n_read = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or n_read == n:
            continue
        try:
            row = json.loads(line, parse_int=_parse_int)
        except (ValueError, RecursionError) as error:
            raise unreadable(path, f"line {number} is no JSON object") from error
        if not isinstance(row, dict):
            raise unreadable(path, f"line {number} is no JSON object")
        n_read += 1
        yield row


def _from_records(path: Path, records: list[dict[str, Any]]) -> RawTable:
    """One object a row; a key that a row lacks is an empty cell."""
    if not records:
        raise InputError(f"“{path.name}” is empty.", "Export the table again, with its header and rows.")
    keys = list(dict.fromkeys(key for row in records for key in row))
    columns = tuple(object_column([row.get(key) for row in records], _text) for key in keys)
    return RawTable(column_names(path.name, keys), columns, above=0)


def _from_arrow(path: Path, names: list[str], table: Any) -> RawTable:
    names = [name for name in names if not name.startswith("__index_level_")]  # pandas' numbers of rows
    header = column_names(path.name, names)
    frame = table.select(names).replace_schema_metadata(None).to_pandas()
    columns = tuple(series_column(frame.iloc[:, place], _text) for place in range(frame.shape[1]))
    return RawTable(header, columns, above=0)


def _first_rows(file: Any, n: int) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches([next(file.iter_batches(batch_size=n), pa.RecordBatch.from_pylist([]))])


def _check_cells(path: Path, cells: int) -> None:
    if cells > _MAX_CELLS:  # equal cells compress to almost nothing, so the file's size is no limit
        raise InputError(
            f"“{path.name}” holds {cells:,} cells, more than the {_MAX_CELLS:,} that fit into memory.",
            "Leave out rows or columns.",
        )


def _parse_int(digits: str) -> float | int:
    return int(digits) if len(digits) < 16 else float(digits)


def _text(value: object) -> str | None:
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(float(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() and value.tzinfo is None else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
