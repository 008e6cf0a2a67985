"""Spreadsheets: the sheet that holds the table, its header row, and its cells."""

import io
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from core.data.files.packed import check_ratio
from core.data.reading.cells import RawTable, column_names, number_text, object_column
from core.data.reading.layout import LOOK, ask_header, find_layout
from core.data.reading.record import Container, Question
from core.errors import InputError


def propose_sheet(path: Path, container: Container, raw: bytes) -> tuple[Container, list[Question]]:
    """The sheet with the table and the place of its header; the sheet that `container` names, where it names one."""
    sheets = _open(path, raw)
    names = [name for name, rows in sheets.items() if rows]
    if not names:
        raise InputError(f"“{path.name}” is empty.", "Export the table again, with its header and rows.")
    chosen = container.sheet or max(names, key=lambda name: (_is_table(sheets[name]), -names.index(name)))
    rows = _rows(path, sheets, chosen)
    records = [[_text(cell) or "" for cell in row] for row in rows[: LOOK + 1]]
    filled = [(place, record) for place, record in enumerate(records) if any(record)]
    layout = find_layout([record for _, record in filled])
    skip = filled[layout.skip][0]
    questions = []
    tables = [name for name in names if _is_table(sheets[name])]
    if not container.sheet and len(tables) > 1:
        questions.append(
            Question(about="sheet", text="Several sheets hold tables: which one?", chosen=chosen,
                     alternatives=tuple(tables), examples={name: ", ".join(_first(sheets[name])) for name in tables})
        )  # fmt: skip
    if layout.unsure:
        questions.append(ask_header(layout, filled[layout.skip][1], ", "))
    changes = {"sheet": chosen, "skip_lines": skip, "skipped": layout.titles, "header": layout.header}
    return container.model_copy(update=changes), questions


def read_sheet(path: Path, container: Container, raw: bytes, n: int | None = None) -> RawTable:
    """The cells of a sheet whose name and header row are known; `n` limits the rows."""
    rows = _rows(path, _open(path, raw, container.sheet), container.sheet)[container.skip_lines :]
    rows = [row for row in rows if any(_text(cell) for cell in row)]
    if not rows:
        raise InputError(f"Sheet “{container.sheet}” of “{path.name}” is empty.", "Choose another sheet.")
    width = len(rows[0])
    header = [_text(cell) or "" for cell in rows[0]] if container.header else [""] * width
    body = rows[1:] if container.header else rows
    columns = [object_column([row[place] for row in body[:n]], _text) for place in range(width)]
    named = [place for place in range(width) if header[place] or not columns[place].is_empty]
    names = column_names(path.name, header)
    kept = named or list(range(width))
    above = container.skip_lines + int(container.header)
    return RawTable(tuple(names[i] for i in kept), tuple(columns[i] for i in kept), above)


def rows_above(path: Path, container: Container, raw: bytes) -> tuple[str, ...]:
    """The texts of the rows above the header of a sheet."""
    rows = _rows(path, _open(path, raw, container.sheet), container.sheet)[: container.skip_lines]
    said = (" ".join(text for cell in row if (text := _text(cell))) for row in rows)
    return tuple(text for text in said if text)


def sheet_names(path: Path, raw: bytes) -> list[str]:
    """The names of a spreadsheet's sheets."""
    return list(_open(path, raw))


def _open(path: Path, raw: bytes, only: str = "") -> dict[str, list[list[Any]]]:
    """The rows of every sheet, or of one."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        file = io.BytesIO(raw)
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                check_ratio(path, sum(info.file_size for info in packed.infolist()), len(raw))
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        wanted = [name for name in book.sheet_names if not only or name == only]
        return {name: book.get_sheet_by_name(name).to_python() for name in wanted}
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError, IndexError) as error:
        raise InputError(
            f"“{path.name}” is not an Excel file, or it is damaged or has a password.",
            "Save it again as .xlsx, or export the sheet as CSV.",
        ) from error


def _rows(path: Path, sheets: dict[str, list[list[Any]]], name: str) -> list[list[Any]]:
    if name not in sheets:
        known = f"Its sheets are {', '.join(sheets)}." if sheets else "Choose another sheet."
        raise InputError(f"“{path.name}” has no sheet “{name}”.", known)
    return sheets[name]


def _is_table(rows: list[list[Any]]) -> bool:
    """Whether a sheet holds a table rather than notes: two rows with two cells each."""
    return sum(1 for row in rows[:LOOK] if sum(1 for cell in row if cell != "") >= 2) >= 2


def _first(rows: list[list[Any]]) -> list[str]:
    row = next((row for row in rows if any(cell != "" for cell in row)), [])
    return [text for cell in row[:8] if (text := _text(cell))]


def _text(value: object) -> str | None:
    """A cell as text: dates as in ISO 8601, without a time that is midnight."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return number_text(float(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).strip() or None
