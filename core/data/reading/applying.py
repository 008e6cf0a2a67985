"""Reading a table as its record says, without finding anything out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.data.reading import dates
from core.data.reading.cells import LARGEST, RawColumn, RawTable
from core.data.reading.delimited import read_text
from core.data.reading.numbers import parse
from core.data.reading.packing import read_bytes
from core.data.reading.record import NUMERIC, ColumnReading, Container, LeftOut, TableReading
from core.data.reading.sheets import read_sheet
from core.data.reading.typed import read_feather, read_json, read_parquet
from core.errors import InputError
from core.schemas import Skipped

_WHAT = {"number": "number", "percent": "percentage", "date": "date"}


@dataclass(frozen=True)
class Unreadable:
    """Cells of a column that are not what the reading says: how many, the first rows, and what the first holds.

    `n_filled` is the number of the column's cells that are not missing.
    """

    column: str
    n: int
    n_filled: int
    rows: tuple[int, ...]
    example: str
    what: str

    @property
    def share(self) -> float:
        return self.n / max(1, self.n_filled)

    @property
    def note(self) -> Skipped:
        """The cells as they are listed with an import or a prediction."""
        cells = f"{self.n:,} cells" if self.n != 1 else "1 cell"
        reason = f"“{self.example}” is no {self.what} ({cells} of this column); taken as missing"
        return Skipped(path=f"“{self.column}”, row {self.rows[0]}", reason=reason)


@dataclass(frozen=True)
class TableFile:
    """A table as read: its index is the row below the header, from 1.

    `left_out` counts the rows that are none, by reason. `too_large` names numbers that cannot be reckoned with.
    """

    table: pd.DataFrame
    reading: TableReading
    unreadable: tuple[Unreadable, ...] = ()
    too_large: tuple[Skipped, ...] = ()
    left_out: tuple[Skipped, ...] = ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Rows and cells that were not taken as they stand."""
        return (*self.left_out, *self.too_large, *(one.note for one in self.unreadable))


def read_with(path: Path, reading: TableReading, n: int | None = None) -> TableFile:
    """The table in a file, or its first `n` rows, as the reading says.

    `InputError` when the file is not as the reading says.
    """
    return apply_reading(path, open_raw(path, reading.container, n), reading)


def open_raw(path: Path, container: Container, n: int | None = None) -> RawTable:
    """The cells of a file whose container is known, before they mean anything."""
    if container.packing == "folder":
        return read_parquet(path, None, n)
    raw = read_bytes(path, container)
    match container.format:
        case "parquet":
            return read_parquet(path, raw, n)
        case "feather":
            return read_feather(path, raw, n)
        case "excel":
            return read_sheet(path, container, raw, n)
        case "json" | "jsonl":
            return read_json(path, container, raw, n)
    return read_text(path, container, raw, n)


def apply_reading(path: Path, raw: RawTable, reading: TableReading) -> TableFile:
    """The cells with their meaning; columns that the reading does not know stay text."""
    left_out = []
    if reading.left_out:
        out = reading.mask(raw)
        left_out = _left_out(raw, reading, out)
        raw = raw.keep(~out)
    if not len(raw):
        raise InputError(f"“{path.name}” has a header but no rows.", "Export the table again with its rows.")
    known = {column.name: column for column in reading.columns}
    columns: dict[str, object] = {}
    unreadable: list[Unreadable] = []
    too_large: list[Skipped] = []
    for name, cells in zip(raw.names, raw.columns, strict=True):
        column = known.get(name) or ColumnReading(name=name)
        columns[name], lost = _values(cells, column, reading)
        if column.type in NUMERIC:
            columns[name], note = _finite(np.asarray(columns[name]), name, raw.where)
            too_large += note
        if lost.any():
            unreadable.append(_unreadable(cells, column, lost, raw.where))
    table = pd.DataFrame(columns, index=pd.Index(raw.where), copy=False)
    return TableFile(table, reading, tuple(unreadable), tuple(too_large), tuple(left_out))


def _values(cells: RawColumn, column: ColumnReading, reading: TableReading) -> tuple[object, np.ndarray]:
    """The values of a column, and which cells could not be read."""
    nothing = np.zeros(len(cells), dtype=bool)
    if column.type in NUMERIC and cells.text is None:
        return cells.numbers, nothing
    text = cells.as_text if column.type == "text" else cells.trimmed
    if column.missing:
        words = pa.array(column.missing, text.type)
        text = pc.if_else(pc.is_in(cells.trimmed, words), pa.scalar(None, text.type), text)
    if column.type in NUMERIC:
        found = parse(text, *reading.marks_of(column), percent=column.type == "percent")
        if cells.numbers is not None:  # numbers that the format itself knows
            found = np.where(np.isnan(cells.numbers), found, cells.numbers)
        return found, np.isnan(found) & np.asarray(text.is_valid())
    if column.type == "date" and column.date_order:
        readings = {value: dates.iso(value, column.date_order) or dates.iso(value, "ymd") for value in cells.counts}
        as_dates = _mapped(text, readings)
        return _as_pandas(as_dates), np.asarray(as_dates.is_null()) & np.asarray(text.is_valid())
    if column.type == "boolean":
        words_of = {word.lower(): word for word in column.words}
        text = _mapped(text, {value: words_of.get(value.lower(), value) for value in cells.counts})
    return _as_pandas(text), nothing


def _mapped(text: pa.Array, readings: dict[str, str | None]) -> pa.Array:
    values = pa.array(readings.keys(), text.type)
    places = pc.index_in(text, values)
    return pa.array(readings.values(), text.type).take(places)


def _as_pandas(text: pa.Array) -> pd.api.extensions.ExtensionArray:
    return pd.Series(text.to_pandas()).astype("str").array


def _finite(values: np.ndarray, name: str, where: np.ndarray) -> tuple[np.ndarray, list[Skipped]]:
    """Numbers that are too large set to missing, and a message about them."""
    infinite = np.abs(values) >= LARGEST
    if not infinite.any():
        return values, []
    n = int(infinite.sum())
    reason = f"{n} numbers are too large" if n > 1 else "a number is too large"
    what = Skipped(path=f"“{name}”, row {where[infinite][0]}", reason=f"{reason}; taken as missing")
    return np.where(infinite, np.nan, values), [what]


def _unreadable(cells: RawColumn, column: ColumnReading, lost: np.ndarray, where: np.ndarray) -> Unreadable:
    text = cells.as_text
    first = int(np.flatnonzero(lost)[0])
    missing = sum(cells.counts.get(word, 0) for word in column.missing)
    return Unreadable(
        column=column.name,
        n=int(lost.sum()),
        n_filled=len(cells) - int(text.null_count) - missing,
        rows=tuple(int(row) for row in where[lost][:10]),
        example=str(text[first].as_py()),
        what=_WHAT.get(column.type, "value"),
    )


def _left_out(raw: RawTable, reading: TableReading, out: np.ndarray) -> list[Skipped]:
    """What was left out, each reason with its rows."""
    found = []
    for rule in reading.left_out:
        places = raw.where[reading.mask(raw, (rule,)) & out]
        if len(places):
            shown = ", ".join(map(str, places[:5])) + (f" and {len(places) - 5} more" if len(places) > 5 else "")
            noun = "row" if len(places) == 1 else "rows"
            found.append(Skipped(path=f"{noun} {shown}", reason=f"{rule.reason}: {_said(rule)}"))
    return found


def _said(rule: LeftOut) -> str:
    cells = list(rule.cells.values())
    return ", ".join(cells[:4]) + ("…" if len(cells) > 4 else "")
