"""Which tables beside images give their labels, and which of their columns say what.

The column of files is the one whose cells name images; the column of labels goes by its name, by what it holds, or is
spread over one column a class.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from core.data.files.encoding import candidates
from core.data.files.packed import Archive
from core.data.image_reading.file_index import FileIndex, looks_like_image
from core.data.image_reading.folders import part_of
from core.data.image_reading.label_tables import (
    ON,
    Cells,
    LabelTable,
    count_on,
    csv_rows,
    find_images,
    read_cells,
    read_rows,
    rows_of,
    several_labels,
)
from core.data.reading.packing import EXCEL
from core.data.reading.record import Container
from core.data.reading.sheets import propose_sheet
from core.errors import InputError

_FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
            **dict.fromkeys(EXCEL, "excel")}  # fmt: skip
_DELIMITERS = ",;\t| "
_MAX_BYTES = 64 * 2**20
_FILES = ("file_name", "filename", "file", "path", "filepath", "file_path", "image", "image_path", "image_name",
          "image_id", "id_code", "img", "name", "id")  # fmt: skip
_LABELS = ("label_name", "class_name", "category_name", "target_name", "label", "labels", "class", "classes",
           "category", "categories", "target", "diagnosis", "dx", "species", "breed", "tag", "tags", "type", "kind",
           "disease", "defect", "emotion", "finding_labels", "grade", "level", "variety", "y", "ground_truth",
           "annotation", "class_id", "label_id", "category_id", "scientific_name", "common_name")  # fmt: skip
_PARTS = ("split", "set", "subset", "part", "partition", "phase", "usage", "dataset", "data_set")
_GROUPS = re.compile(
    r"(patient|subject|lesion|case|person|plant|animal|slide|video|session|sequence|group|participant|study|individual"
    r"|writer|scene|series)(_?(id|no|nr|number|name|code))?"
)
_OFF = ("0", "0.0", "false", "no", "")
_NO_LABELS = re.compile(r"sample_?submission|submission", re.IGNORECASE)


def propose_label_tables(archive: Archive, names: Sequence[str]) -> tuple[list[LabelTable], list[str]]:
    """The tables that name the classes of the images `names`, and notes on tables whose labels remain open.

    `InputError` when a table gives its images several labels each.
    """
    index = FileIndex(names)
    found: list[tuple[LabelTable, set[str]]] = []
    notes: list[str] = []
    for path in sorted(archive.sizes):
        if _format_of(path) is None or archive.sizes[path] > _MAX_BYTES or _NO_LABELS.search(path):
            continue
        described = _describe(archive, path, index)
        if isinstance(described, str):
            notes.append(described)
        elif described:
            found.append((described, {row.image for row in read_rows(archive, described, index) if row.image}))
    return _disjoint(found), notes


def _disjoint(found: Sequence[tuple[LabelTable, set[str]]]) -> list[LabelTable]:
    """The largest tables that name different images, with the parts that their names tell."""
    kept: list[LabelTable] = []
    named: set[str] = set()
    for table, images in sorted(found, key=lambda one: (-len(one[1]), one[0].path)):
        if not images & named:
            kept.append(table)
            named |= images
    parts = {table.path: part_of(PurePosixPath(table.path).stem) for table in kept}
    if len(set(parts.values())) > 1 and None not in parts.values():
        kept = [table.model_copy(update={"part": parts[table.path]}) for table in kept]
    return sorted(kept, key=lambda table: table.path)


def _format_of(path: str) -> str | None:
    return _FORMATS.get(PurePosixPath(path).suffix.lower())


def _describe(archive: Archive, path: str, index: FileIndex) -> LabelTable | str | None:
    """How a table is read; a note when it names images but its labels remain open, None when it names none."""
    form = _format_of(path)
    table = LabelTable(path=path, format=form, header=form != "csv")
    if form == "csv":
        try:
            encoding, text = _decoded(archive.read(path))
        except OSError:
            return None  # damaged, and no image: nothing is taken from it
        table = table.model_copy(update={"encoding": encoding, "delimiter": _delimiter(text)})
    elif form == "excel":
        try:
            sheet, _ = propose_sheet(Path(path), Container(format="excel"), archive.read(path))
            found_in = {"sheet": sheet.sheet, "skip_lines": sheet.skip_lines, "header": sheet.header}
            table = table.model_copy(update=found_in)
            read_cells(archive, table)
        except OSError:
            return None
        except InputError as error:
            return f"{error.message} It may name the classes."
    cells = read_cells(archive, table)
    found = _file_column(cells, index, path)
    if found is None:
        return None
    file, images = found
    if form == "csv" and _has_header(cells, images, cells.columns.index(file)):
        place = cells.columns.index(file)
        table = table.model_copy(update={"header": True})
        cells = read_cells(archive, table)
        file, images = cells.columns[place], images[1:]
    table = _with_columns(table.model_copy(update={"file": file}), cells)
    if not table.label and not table.one_hot:
        others = [name for name in cells.columns if name != file]
        return (
            f"“{path}” names images, and none of its columns is clearly the class: {', '.join(others)}."
            if (len(others) > 1)
            else None
        )
    _refuse_several(archive, table, cells, images)
    return table


def _decoded(data: bytes) -> tuple[str, str]:
    encoding = next((found.encoding for found in candidates(data)), "latin-1")
    return encoding, data.decode(encoding)


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into the same number of cells, at least two."""
    head = "\n".join(text.splitlines()[:50])
    for delimiter in _DELIMITERS:
        widths = {len(row) for row in csv_rows(head, delimiter)}
        if len(widths) == 1 and max(widths) > 1:
            return delimiter
    return max(_DELIMITERS[:-1], key=text.split("\n", 1)[0].count)


def _file_column(cells: Cells, index: FileIndex, path: str) -> tuple[str, list[str | None]] | None:
    """The column that names the most images, and the image of each row; None where it is fewer than half."""
    best: tuple[int, int, str, list[str | None]] | None = None
    step = max(1, len(cells.rows) // 100)
    for column in cells.columns:
        values = cells.column(column)
        if not any(find_images(index, path, values[::step])):
            continue
        images = find_images(index, path, values)
        named = len(set(images) - {None})
        rank = -_FILES.index(_plain(column)) if _plain(column) in _FILES else -len(_FILES)
        if best is None or (named, rank) > best[:2]:
            best = named, rank, column, images
    if best is None or best[0] < 2 or best[0] * 2 < min(len(index.names), max(len(cells.rows) - 1, 1)):
        return None
    return best[2], best[3]


def _has_header(cells: Cells, images: Sequence[str | None], file: int) -> bool:
    """Whether the first row names the columns: it names no image, and its other cells stand in no other row."""
    first = cells.rows[0]
    if images[0] is not None or looks_like_image(first[file]):
        return False
    others = [place for place in range(len(first)) if place != file and first[place]]
    return not others or not all(any(row[place] == first[place] for row in cells.rows[1:]) for place in others)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()).strip("_")


def _with_columns(table: LabelTable, cells: Cells) -> LabelTable:
    """The table with its columns of labels, parts and groups."""
    others = [name for name in cells.columns if name != table.file]
    part = next((name for name in others if _names_parts(name, cells)), "")
    others = [name for name in others if name != part]
    group = next(
        (n for n in others if _GROUPS.fullmatch(_plain(n)) and len({*cells.column(n)}) < len(cells.rows)), ""
    )
    others = [name for name in others if name != group]
    labels, one_hot = _label_columns(others, cells)
    return table.model_copy(update={"part_column": part, "group": group, "label": labels, "one_hot": one_hot})


def _names_parts(column: str, cells: Cells) -> bool:
    values = {value for value in cells.column(column) if value}
    if not 2 <= len(values) <= 12 and _plain(column) not in _PARTS:
        return False
    parts = {part_of(value) for value in values}
    return len(parts) > 1 and None not in parts


def _label_columns(others: Sequence[str], cells: Cells) -> tuple[str, tuple[str, ...]]:
    """The column of labels, or one column a class; neither where it remains open."""
    present = [name for name in others if any(cells.column(name))]
    plain = {_plain(name): name for name in reversed(present)}
    named = next((plain[word] for word in _LABELS if word in plain), "")
    if named:
        return named, ()
    switches = tuple(name for name in present if {value.lower() for value in cells.column(name)} <= {*ON, *_OFF})
    if len(switches) > 1 and any(count_on(row) for row in rows_of(cells, switches)):
        return "", switches
    ends = [name for name in present if {*_plain(name).split("_")} & {"label", "class", "category", "diagnosis"}]
    repeated = [name for name in present if _repeats(cells.column(name))]
    for possible in (ends, repeated):
        if len(possible) == 1:
            return possible[0], ()
    return "", ()


def _repeats(values: Sequence[str]) -> bool:
    """Whether a column's values come again and again, as classes do and measurements do not."""
    distinct = {value for value in values if value}
    return 1 < len(distinct) <= max(2, len(values) // 2) and not any(re.fullmatch(r"-?\d+\.\d+", v) for v in distinct)


def _refuse_several(archive: Archive, table: LabelTable, cells: Cells, images: Sequence[str | None]) -> None:
    """`InputError` when the table gives an image several labels."""
    n_several = 0
    example = ""
    if table.one_hot:
        for image, row in zip(images, rows_of(cells, table.one_hot), strict=True):
            if count_on(row) > 1:
                n_several, example = n_several + 1, example or str(image)
    else:
        labels = cells.column(table.label)
        whole, known = set(labels), dict[str, str]()
        for image, label in zip(images, labels, strict=True):
            pieces = [piece.strip() for piece in re.split(r"[|;,]", label)]
            joined = len(pieces) > 1 and all(pieces) and ("," not in label or bool({*pieces} & whole))
            other = image is not None and bool(label) and known.setdefault(image, label) != label
            if joined or other:
                n_several, example = n_several + 1, example or str(image)
    if n_several:
        raise several_labels(archive, table.path, n_several, example)
