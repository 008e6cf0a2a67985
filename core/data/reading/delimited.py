"""Delimited text: its delimiter and layout found out by parsing whole records, and read with pandas' parser."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from core.data.files.encoding import candidates, differing_line, odd_line_of_utf8
from core.data.reading.cells import RawTable, column_names, text_column
from core.data.reading.layout import LOOK, ask_header, find_layout, is_typed
from core.data.reading.record import Container, Question
from core.errors import InputError

DELIMITERS = ",;\t|"
DELIMITER_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}
_SEP = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)
_COMMENTS = ("#", "%", "//")
_CONTROLS = bytes(set(range(32)) - {9, 10, 11, 12, 13, 26, 27})
_ENCODINGS = 5  # the most plausible ones, to choose from
_CELLS, _FEW_RECORDS = 100_000, 20  # of a wide table fewer records are looked at
_CHECKED = 1_000  # records that say how many cells a row has
csv.field_size_limit(2**30)  # a cell may hold a whole text


def propose_text(path: Path, container: Container, raw: bytes) -> tuple[Container, list[Question]]:
    """Encoding, delimiter and layout of a text. `InputError` when it is none."""
    found = candidates(raw)
    if not found:
        raise not_text(path, raw)
    encoding = found[0].encoding
    if not encoding.startswith("utf") and (line := odd_line_of_utf8(raw)):
        raise InputError(
            f"“{path.name}” is UTF-8 but for line {line}, which holds bytes of another encoding.",
            "Correct that line, or say in the reading which encoding the whole file is in.",
        )
    questions = []
    if len(found) > 1 and not encoding.startswith("utf"):
        readings = differing_line(raw, [one.encoding for one in found[:_ENCODINGS]])
        if readings:
            questions.append(
                Question(about="encoding", text="In which of these is the text as it should be?", chosen=encoding,
                         alternatives=tuple(readings), examples=readings)
            )  # fmt: skip
    data = as_utf8(path, raw, encoding)
    lines, delimiter, comment = _above(data)
    container = container.model_copy(update={"encoding": encoding, "comment": comment})
    if not delimiter:
        delimiter = _find_delimiter(data, lines)
    records, ends = _records(data, lines, delimiter, LOOK)
    if not records:
        raise InputError(f"“{path.name}” is empty.", "Export the table again, with its header and rows.")
    layout = find_layout(records)
    if layout.skip:
        lines += ends[layout.skip - 1]
    if layout.unsure:
        questions.append(ask_header(layout, records[layout.skip], delimiter))
    changes = {"delimiter": delimiter, "skip_lines": lines, "header": layout.header}
    container = container.model_copy(update=changes)
    return container.model_copy(update={"skipped": text_above(path, container, raw)}), questions


def text_above(path: Path, container: Container, raw: bytes) -> tuple[str, ...]:
    """The lines above the header of a text that are not empty, without the marks between cells."""
    said = []
    for line in islice(_lines(as_utf8(path, raw, container.encoding)), container.skip_lines):
        marked = line.strip().startswith(_COMMENTS) or _SEP.fullmatch(line.rstrip("\r\n"))
        cells = [line] if marked else next(csv.reader([line], delimiter=container.delimiter), [])
        said.append(" ".join(cell.strip() for cell in cells if cell.strip()))
    return tuple(text for text in said if text)


def read_text(path: Path, container: Container, raw: bytes, n: int | None = None) -> RawTable:
    """The cells of a text whose container is known; `n` limits the rows."""
    data = as_utf8(path, raw, container.encoding)
    records, _ = _records(data, container.skip_lines, container.delimiter, _CHECKED)
    if not records:
        raise InputError(f"“{path.name}” is empty.", "Export the table again, with its header and rows.")
    width = max(map(len, records))
    start = _offset(data, container.skip_lines)
    rows = None if n is None else n + 1
    try:
        table = pd.read_csv(
            io.BytesIO(data[start:] if start else data),
            sep=container.delimiter,
            header=None,
            names=range(width),
            dtype="str",
            keep_default_na=False,
            na_filter=False,
            skipinitialspace=_has_blanks(data, container.delimiter),
            nrows=rows,
            low_memory=False,
        )
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise unreadable(path, _reason(error)) from error
    columns = [text_column(pa.array(table[place], pa.large_string(), from_pandas=True)) for place in range(width)]
    above = container.skip_lines
    if container.header:
        header = [column.first or "" for column in columns]
        if container.comment:
            header[0] = header[0].removeprefix(container.comment).strip()
        columns = [column.below_first() for column in columns]
        above += 1
        while len(header) > len(records[0]) and all(not cell for cell in header[len(records[0]) :]):
            extra = columns[-1]
            if not extra.is_empty:
                raise _too_many_cells(path, len(extra) - extra.n_empty, len(extra), records)
            header, columns = header[:-1], columns[:-1]
        names = column_names(path.name, header)
        # A delimiter at the end of every line makes a column that has neither a name nor a cell.
        while len(columns) > 1 and not header[-1] and columns[-1].is_empty:
            header, columns, names = header[:-1], columns[:-1], names[:-1]
    else:
        names = column_names(path.name, [""] * width)
    return _without_comments(RawTable(names, tuple(columns), above), container.comment)


def as_utf8(path: Path, raw: bytes, encoding: str) -> bytes:
    """The text in UTF-8 without a byte order mark; `InputError` where it is in another encoding or holds a NUL."""
    if encoding in ("utf-8", "utf-8-sig"):
        data = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            if not data.isascii():
                data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _other_encoding(path, encoding) from error
    else:
        try:
            data = raw.decode(encoding).encode("utf-8")
        except (UnicodeError, LookupError) as error:
            raise _other_encoding(path, encoding) from error
    if not data.strip():
        raise InputError(f"“{path.name}” is empty.", "Export the table again, with its header and rows.")
    controls = len(data) - len(data.translate(None, _CONTROLS))
    if b"\0" in data or controls > 0.01 * len(data):
        raise not_text(path, data)
    return data


def not_text(path: Path, raw: bytes) -> InputError:
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        reason = f"a NUL byte stands in line {line}"
    else:
        reason = "its bytes are control characters, or no characters in any encoding known here"
    return InputError(f"“{path.name}” is not a text file: {reason}.", "Export the table as CSV in UTF-8.")


def unreadable(path: Path, reason: str) -> InputError:
    return InputError(
        f"“{path.name}” cannot be read as a table: {reason}.", "Check that every row has as many cells as the header."
    )


def _above(data: bytes) -> tuple[int, str, str]:
    """Lines above the table that a parser must not see, the delimiter that one of them names, and comments' mark."""
    head = list(islice(_lines(data), LOOK))
    delimiter = comment = ""
    for place, line in enumerate(head):
        text = line.strip()
        match = _SEP.fullmatch(line.rstrip("\r\n"))
        mark = next((one for one in _COMMENTS if text.startswith(one)), "")
        if match and not delimiter:
            delimiter = match[1]
        elif mark and _is_marked_header(text.removeprefix(mark), head[place + 1 : place + 2], mark):
            return place, delimiter, comment or (mark if text.startswith(mark + " ") else "")
        elif mark:
            comment = mark
        elif text:
            return place, delimiter, comment
    return 0, delimiter, comment


def _is_marked_header(text: str, following: list[str], mark: str) -> bool:
    """Whether a line after a comment's mark is the header: it has as many cells as the next line, which is data."""
    if not following or following[0].strip().startswith(mark):
        return False
    for delimiter in DELIMITERS:
        cells, below = text.split(delimiter), following[0].split(delimiter)
        if len(cells) > 1 and len(cells) == len(below):
            return not any(map(is_typed, cells)) and any(map(is_typed, below))
    return False


def _find_delimiter(data: bytes, skip: int) -> str:
    """The delimiter under which records have one width and cells are numbers, dates and words."""
    best, chosen = (0.0, 0.0, 0.0), ","
    for place, delimiter in enumerate(DELIMITERS):
        try:
            records, _ = _records(data, skip, delimiter, LOOK)
        except csv.Error:
            continue
        if not records:
            continue
        widths = Counter(map(len, records))
        width, n = max(widths.items(), key=lambda item: (item[1] if item[0] > 1 else 0, item[0]))
        if width < 2:
            continue
        cells = [cell.strip() for record in records if len(record) == width for cell in record]
        filled = [cell for cell in cells if cell]
        whole = sum(not any(other in cell for other in ";\t|" if other != delimiter) for cell in filled)
        typed = sum(map(is_typed, filled))
        consistent = n / len(records)
        quality = (whole + typed) / max(1, 2 * len(filled))
        score = (round(consistent, 1) + quality, min(width, 1000) / 1000, -place / 10)
        if score > best:
            best, chosen = score, delimiter
    return chosen


def _records(data: bytes, skip: int, delimiter: str, n: int) -> tuple[list[list[str]], list[int]]:
    """At most `n` records that are not empty, however long they are, and the line that each ends in."""
    lines = islice(_lines(data), skip, None)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=_has_blanks(data, delimiter))
    records, ends, n_cells = [], [], 0
    for record in reader:
        if (record and any(cell.strip() for cell in record)) or len(record) > 1:
            records.append(record)
            ends.append(reader.line_num)
            n_cells += len(record)
            if len(records) == n or (n_cells > _CELLS and len(records) >= _FEW_RECORDS):
                break
    return records, ends


def _has_blanks(data: bytes, delimiter: str) -> bool:
    """Whether blanks stand between delimiters and quotes, which then would not be quotes."""
    return f'{delimiter} "'.encode() in data


def _lines(data: bytes) -> Iterator[str]:
    return iter(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""))


def _offset(data: bytes, lines: int) -> int:
    """Where the text goes on after so many lines."""
    place = 0
    for match in islice(re.finditer(rb"\r\n|\n|\r", data), lines):
        place = match.end()
    return place if lines else 0


def _without_comments(table: RawTable, mark: str) -> RawTable:
    """Without the rows that consist of a comment."""
    if not mark or not len(table):
        return table
    first = table.columns[0].as_text.to_pylist()
    marked = [place for place, cell in enumerate(first) if cell and cell.startswith(mark)]
    kept = np.ones(len(table), dtype=bool)
    for place, row in zip(marked, table.rows(marked), strict=True):
        kept[place] = any(row[1:])
    return table if kept.all() else table.keep(kept)


def _too_many_cells(path: Path, n: int, rows: int, records: list[list[str]]) -> InputError:
    if n == rows:
        return InputError(
            f"The rows of “{path.name}” have more cells than its header.", "Give every column a name in the header."
        )
    width = len(records[0])
    row = next((i for i, record in enumerate(records) if len(record) > width), 0)
    return unreadable(path, f"row {row} has {len(records[row])} cells, the header {width}")


def _other_encoding(path: Path, encoding: str) -> InputError:
    return InputError(f"“{path.name}” is not text in {encoding}.", "Choose another encoding.")


def _reason(error: Exception) -> str:
    """The reason for pandas' error, without its prefix."""
    said = str(error).strip().rstrip(".").removeprefix("Error tokenizing data. C error: ")
    return said[:1].lower() + said[1:]
