"""Tables of file names and labels beside images, read as the reading says."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.data.files.packed import Archive
from core.data.image_reading.file_index import FileIndex
from core.data.image_reading.folders import part_of
from core.data.reading.record import Container
from core.data.reading.sheets import read_sheet
from core.errors import InputError
from core.schemas import Frozen, Part

ON = ("1", "1.0", "true", "yes")
BOXES = ("coco", "yolo", "voc")  # formats of boxes, which are reduced to a label an image


class LabelTable(Frozen):
    """A table of labels in an archive, and how it is read.

    `file` and `label` are columns; with `one_hot` each of several columns stands for a class. `part` is the part that
    all its images belong to, `part_column` the column that says so of each, `group` the column of what belongs
    together. `sheet` and `skip_lines`, the rows above the header, are those of a spreadsheet. Without a header,
    columns are called “column 1”, “column 2” and so on.
    """

    path: str
    format: Literal["csv", "jsonl", "json", "excel", "coco", "yolo", "voc"] = "csv"
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    skip_lines: int = 0
    header: bool = True
    file: str = ""
    label: str = ""
    one_hot: tuple[str, ...] = ()
    part: Part | None = None
    part_column: str = ""
    group: str = ""


@dataclass(frozen=True)
class Row:
    """What a table says of one image: `file` as the table names it, `image` as the archive does, None for none."""

    file: str
    image: str | None
    label: str
    part: Part | None = None
    group: str = ""


@dataclass(frozen=True)
class Cells:
    """The cells of a table, stripped, and the names of its columns."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def column(self, name: str) -> list[str]:
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


def read_rows(archive: Archive, table: LabelTable, index: FileIndex) -> list[Row]:
    """What a table says, a row each; `InputError` when it has not the columns that the reading names."""
    cells = read_cells(archive, table)
    wanted = [table.file, *([table.label] if table.label else table.one_hot), table.part_column, table.group]
    lacking = [name for name in wanted if name and name not in cells.columns]
    if lacking or not table.file:
        what = f"has no column “{lacking[0]}”" if lacking else "has no column that names the files"
        raise InputError(f"“{table.path}” {what}.", f"Its columns are {', '.join(cells.columns)}.")
    files = cells.column(table.file)
    images = find_images(index, table.path, files)
    labels = cells.column(table.label) if table.label else _from_one_hot(cells, table.one_hot)
    parts = cells.column(table.part_column) if table.part_column else None
    groups = cells.column(table.group) if table.group else None
    return [
        Row(file, image, label, part_of(parts[i]) if parts else table.part, groups[i] if groups else "")
        for i, (file, image, label) in enumerate(zip(files, images, labels, strict=True))
        if file
    ]


def find_images(index: FileIndex, table: str, files: Sequence[str]) -> list[str | None]:
    """The image of each file that a table names: below the table's own folder, or the nearest one that knows most.

    A table called after a part, `train.csv`, may mean the folder of that part beside it.
    """
    *folders, name = table.split("/")
    places = ["/".join(folders[:n]) for n in range(len(folders), -1, -1)]
    if part := part_of(name.rpartition(".")[0]):
        beside = {image.split("/")[len(folders)] for image in index.below(places[0]).names if "/" in image}
        places += ["/".join([*folders, one]) for one in sorted(beside) if part_of(one) == part]
    tried = [index.below(place).find_all(files) for place in places]
    return max(tried, key=lambda found: len(set(found) - {None}))


def read_cells(archive: Archive, table: LabelTable) -> Cells:
    """All cells of a table; `InputError` when it cannot be read as the reading says."""
    try:
        data = archive.read(table.path)
    except (OSError, KeyError) as error:
        raise InputError(f"“{table.path}” cannot be read from “{archive.title}”.", "Pack it again.") from error
    if table.format == "excel":
        container = Container(format="excel", sheet=table.sheet, skip_lines=table.skip_lines, header=table.header)
        sheet = read_sheet(Path(table.path), container, data)
        cells = [tuple((cell or "").strip() for cell in row) for row in sheet.rows(range(len(sheet)))]
        return Cells(sheet.names, cells)
    if table.format in ("jsonl", "json"):
        return _records(data, table.format)
    lines = csv_rows(data.decode(table.encoding or "utf-8-sig", "replace"), table.delimiter)
    width = max(map(len, lines), default=0)
    filled = [tuple(line) + ("",) * (width - len(line)) for line in lines]
    if not table.header:
        return Cells(tuple(f"column {i}" for i in range(1, width + 1)), filled)
    return Cells(_unique(filled[0] if filled else ()), filled[1:])


def _unique(header: Sequence[str]) -> tuple[str, ...]:
    """The names of columns, those that are empty or there twice by their place."""
    names = [name or f"column {i}" for i, name in enumerate(header, start=1)]
    return tuple(f"{name} ({i})" if name in names[: i - 1] else name for i, name in enumerate(names, start=1))


def csv_rows(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        return [cells for row in reader if any(cells := [cell.strip() for cell in row])]
    except csv.Error:
        return []


def _records(data: bytes, form: str) -> Cells:
    """JSON objects: one a line, a list of them, or one of file → label."""
    text = data.decode("utf-8-sig", "replace")
    try:
        content: Any = (
            [json.loads(line) for line in text.splitlines() if line.strip()]
            if form == "jsonl"
            else (json.loads(text))
        )
    except (ValueError, RecursionError):
        return Cells((), [])
    if isinstance(content, dict) and all(isinstance(value, str | int) for value in content.values()):
        content = [{"file": key, "label": value} for key, value in content.items()]
    records = [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    columns = tuple(dict.fromkeys(key for record in records for key in record))
    return Cells(columns, [tuple(_cell(record.get(column)) for column in columns) for record in records])


def _cell(value: object) -> str:
    """The text of a value; several in a list with a bar between them, as tables write several labels."""
    if isinstance(value, list):
        return "|".join(map(_cell, value))
    return "" if value is None or isinstance(value, dict) else str(value).strip()


def rows_of(cells: Cells, columns: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*(cells.column(name) for name in columns), strict=True))


def count_on(row: Sequence[str]) -> int:
    return sum(value.lower() in ON for value in row)


def _from_one_hot(cells: Cells, columns: Sequence[str]) -> list[str]:
    """The class of each row; empty where no column, or several, are 1."""
    if not columns:
        return [""] * len(cells.rows)
    labels = []
    for row in rows_of(cells, columns):
        on = [name for name, value in zip(columns, row, strict=True) if value.lower() in ON]
        labels.append(on[0] if len(on) == 1 else "")
    return labels


def several_labels(archive: Archive, path: str, n: int, example: str) -> InputError:
    return InputError(
        f"“{archive.title}” holds “{path}”, which gives {n:,} of its images several labels, such as “{example}”;"
        " Graft trains one label an image.",
        "Sort the images into one folder per class, and leave the file out.",
    )
