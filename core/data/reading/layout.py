"""What stands around the rows of a table: titles above the header, units below it, repeated headers, totals."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.data.reading.cells import RawTable
from core.data.reading.missing_words import NUMERIC_MISSING
from core.data.reading.record import LAST_ROWS, LeftOut, Question

Record = Sequence[str]

LOOK = 200  # records that the layout is told from
_MOST_TITLES = 30
_TYPED = re.compile(r"[+\-−$€£]?[\d.,:/'’ \u00a0T+\-]*\d[\d.,:/'’ \u00a0]*(?:[eE][+-]?\d+)?(?:[%Z]|[ \u00a0]%)?")
_UNIT = re.compile(
    r"[\[(]?[^\W\d_][^\d\s]{0,11}(?:[ /·*^²³.-]*[^\s]{0,8})?[\])]?|[°%µμ$€£Ω‰][^\s]{0,6}|[\[(][^\])]{0,14}[\])]"
)
_TOTAL = re.compile(
    r"(grand )?(sub)?totals?|sum|summe|gesamt(summe)?|insgesamt|average|mean|durchschnitt|mittelwert|somme|moyenne|"
    r"итого|всего|合计|总计|合計|総計|합계|toplam|razem|suma|celkem|σύνολο",
    re.IGNORECASE,
)
_NOTE = re.compile(r"(source|note|quelle|anmerkung|\*|†|fuente|fonte)\b.*|[*†].*", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """`skip` records above the table, their texts, and whether a header follows. `unsure` where that is a guess."""

    skip: int
    titles: tuple[str, ...]
    header: bool
    unsure: bool = False


def find_layout(records: Sequence[Record]) -> Layout:
    """The layout of a table by its first records, none of which is wholly empty."""
    width = Counter(map(len, records)).most_common(1)[0][0] if records else 0
    skip = 0
    while skip < min(_MOST_TITLES, len(records) - 1) and _is_title(records[skip], records[skip + 1 :], width):
        skip += 1
    titles = tuple(" ".join(cell.strip() for cell in record if cell.strip()) for record in records[:skip])
    for_header, against = _weigh_header(records[skip:])
    header = not (against and not for_header)
    first = [cell.strip() for cell in records[skip]] if records else []
    return Layout(skip, titles, header, unsure=not header or bool(first and all(map(str.isdigit, first))))


def ask_header(layout: Layout, first: Record, between: str) -> Question:
    """Whether the first record is the header, where it looks like the others."""
    return Question(
        about="header",
        text="The first row looks like the others: is it the header?",
        chosen="yes" if layout.header else "no",
        alternatives=("no", "yes"),
        examples={"first row": between.join(first[:8])},
    )


def is_typed(cell: str) -> bool:
    """Whether a cell looks like a number, a date or a time rather than a name."""
    return _TYPED.fullmatch(cell.strip()) is not None


def rows_left_out(table: RawTable, header: bool) -> tuple[LeftOut, ...]:
    """Rows of the table that are none: units, repeated headers, totals and notes at the end."""
    rules = []
    if header:
        rules += _units(table)
        if table.names and table.names[0] in table.columns[0].counts and _repeats_header(table):
            rules.append(LeftOut(reason="repeated header", cells={name: name for name in table.names}))
    return (*rules, *_last_rows(table))


def _is_title(record: Record, rest: Sequence[Record], width: int) -> bool:
    """Whether a record above the header is none: a title, or words over groups of columns."""
    filled = _filled(record)
    if filled == 0:
        return True
    if width < 2:
        return False
    below = next((row for row in rest if _filled(row) > filled), None)
    if len(record) < width:
        return len(record) == 1 or (below is not None and len(below) == width and _looks_like_header(below))
    if below is None or not _looks_like_header(below):
        return False
    next_is_full = below is rest[0] and _filled(below) == width and len(rest) > 1 and any(map(is_typed, rest[1]))
    return len(record) - filled >= 2 or 2 * filled <= width or next_is_full


def _filled(record: Record) -> int:
    return sum(1 for cell in record if cell.strip())


def _looks_like_header(record: Record) -> bool:
    cells = [cell.strip() for cell in record if cell.strip()]
    return len(set(cells)) == len(cells) and not any(is_typed(cell) for cell in cells)


def _weigh_header(records: Sequence[Record]) -> tuple[int, int]:
    """What speaks for the first record being a header, and what against."""
    if len(records) < 2:
        return 1, 0
    first, body = [cell.strip() for cell in records[0]], records[1:]
    if _is_series([cell for cell in first if cell]):
        return 1, 0
    speaks_for = against = 0
    for place, cell in enumerate(first):
        values = [row[place].strip() for row in body if place < len(row) and row[place].strip()]
        values = [value for value in values if value not in NUMERIC_MISSING]
        if not cell or not values:
            continue
        if sum(map(is_typed, values)) >= 0.8 * len(values):
            if is_typed(cell):
                against += 1
            elif cell not in NUMERIC_MISSING:
                speaks_for += 1
        elif cell in values and len(set(values)) <= 0.5 * len(values):
            against += 1
    return speaks_for, against


def _is_series(cells: Sequence[str]) -> bool:
    """Whether a header consists of running numbers or of years, apart from words."""
    numbers = [int(cell) for cell in cells if cell.isdigit() and len(cell) <= 6]
    if len(numbers) < 2 or len(numbers) < len(cells) - 3:
        return False
    steps = {b - a for a, b in pairwise(numbers)}
    return (
        len(steps) == 1
        and steps.pop() in (1, 5, 10)
        and ((numbers[0] in (0, 1) and len(numbers) > 2) or 1500 <= numbers[0] <= 2200)
    )


def _repeats_header(table: RawTable) -> bool:
    first = table.columns[0].as_text.to_pylist()
    places = [place for place, cell in enumerate(first) if cell == table.names[0]]
    return any(row == table.names for row in table.rows(places[:_MOST_TITLES]))


def _units(table: RawTable) -> list[LeftOut]:
    """The first row where columns of numbers hold words that may be units."""
    if len(table) < 3:
        return []
    sample = table.rows(range(min(LOOK, len(table))))
    first, units, numeric = sample[0], 0, 0
    for place, cell in enumerate(first):
        values = [row[place] for row in sample[1:] if row[place] is not None and row[place] not in NUMERIC_MISSING]
        if len(values) < 2 or not all(is_typed(str(value)) for value in values):
            continue
        numeric += 1
        if cell is None or cell in NUMERIC_MISSING:
            continue
        if is_typed(cell) or not _UNIT.fullmatch(cell):
            return []
        units += 1
    # One word over one column of several may be a cell that is wrong; a unit alone is short or in brackets.
    if units == 0 or 2 * units < numeric or (units == 1 and not any(cell and _is_unit(cell) for cell in first)):
        return []
    cells = {name: cell for name, cell in zip(table.names, first, strict=True) if cell is not None}
    return [LeftOut(reason="units", cells=cells, first_only=True)]


def _is_unit(cell: str) -> bool:
    """Whether a single word is a unit for certain: short, or in brackets, or a sign."""
    return (len(cell) <= 3 and cell.isascii()) or cell[0] in "[(°%µ$€£"


def _last_rows(table: RawTable) -> list[LeftOut]:
    """Totals and notes among the last rows."""
    n, width = len(table), len(table.columns)
    if n <= LAST_ROWS or width < 2:
        return []
    found = []
    for row in reversed(table.rows(range(n - LAST_ROWS, n))):
        cells = [(place, cell) for place, cell in enumerate(row) if cell is not None]
        if not cells:
            continue
        place, cell = cells[0]
        known = table.columns[place].counts.get(cell, 0)
        if known == 1 and _TOTAL.fullmatch(cell.rstrip(": ")):
            reason = "total"
        elif len(cells) == 1 and width > 2 and known == 1 and _NOTE.fullmatch(cell):
            reason = "note"
        else:
            break
        found.append(LeftOut(reason=reason, cells={table.names[place]: cell}, last_only=True))
    return found[::-1]
