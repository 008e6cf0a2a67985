"""The record of how a table was read: `imports/NNNN/reading.json`."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow.compute as pc
from pydantic import Field, ValidationError

from core.data.reading.cells import RawTable
from core.errors import InputError
from core.schemas import Frozen

Format = Literal["csv", "parquet", "excel", "jsonl", "json", "feather"]
CellType = Literal["number", "percent", "text", "date", "boolean"]
DateOrder = Literal["ymd", "dmy", "mdy"]
Ask = Literal["encoding", "header", "numbers", "date_order", "missing", "sheet", "member"]

# What pandas, R and spreadsheets write for a missing cell, and people in columns of numbers.
MISSING_WORDS = ("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
                 "NA", "NULL", "NaN", "None", "n/a", "nan", "null")  # fmt: skip
LAST_ROWS = 3  # rows at the end that may hold totals or notes
NUMERIC = ("number", "percent")


class LeftOut(Frozen):
    """Rows that are no data. `cells`: column → text; a row is left out if it has these.

    With `first_only` only the first row below the header is looked at, with `last_only` the last ones.
    """

    reason: str
    cells: dict[str, str]
    first_only: bool = False
    last_only: bool = False


class Container(Frozen):
    """Where the cells of a file stand, before what they mean.

    `packing` is how the file is packed, `member` the table's name in an archive, `sheet` that of a spreadsheet.
    `skip_lines`: lines of text, or rows of a sheet, above the header; `skipped` says what stands there.
    Without a `header` the columns are called “column 1” and so on.
    """

    format: Format
    packing: Literal["", "gzip", "bz2", "xz", "archive", "folder"] = ""
    member: str = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    skip_lines: int = Field(0, ge=0)
    skipped: tuple[str, ...] = ()
    header: bool = True
    comment: str = ""


class ColumnReading(Frozen):
    """What the cells of a column mean. `decimal` and `thousands` where they differ from the table's.

    `missing` are the words taken as a missing cell, besides the empty one. A boolean's `words` are its two values as
    the file writes them; other cases of them are the same.
    """

    name: str
    type: CellType = "text"
    missing: tuple[str, ...] = ()
    decimal: str = ""
    thousands: str | None = None
    date_order: DateOrder | None = None
    words: tuple[str, ...] = ()


class Question(Frozen):
    """What the file does not tell for certain: the `chosen` reading and the others, with an example of each."""

    about: Ask
    column: str = ""
    text: str
    chosen: str
    alternatives: tuple[str, ...]
    examples: dict[str, str] = {}


class TableReading(Frozen):
    """How a table file was read. All that was found out, guessed or chosen stands here; nothing is guessed later.

    `left_out` are rows among the data that are none. `taken_as_missing`: column → word → cells, where a word rather
    than an empty cell was taken as missing. `unreadable`: column → share of its filled cells that were not of its
    type in the file that was imported. `derived` says that this was made from the schema of an import that kept no
    reading.
    """

    container: Container
    decimal: str = "."
    thousands: str = ""
    columns: tuple[ColumnReading, ...]
    left_out: tuple[LeftOut, ...] = ()
    questions: tuple[Question, ...] = ()
    taken_as_missing: dict[str, dict[str, int]] = {}
    unreadable: dict[str, float] = {}
    derived: bool = False

    def with_types(self, types: Mapping[str, str | None]) -> "TableReading":
        """The reading with types of columns that a person chose: numeric or category."""
        changed = []
        for column in self.columns:
            wanted = types.get(column.name)
            if wanted == "numeric" and column.type not in NUMERIC:
                column = column.model_copy(update={"type": "number", "missing": MISSING_WORDS})
            elif wanted == "category" and column.type in NUMERIC:
                column = column.model_copy(update={"type": "text"})
            changed.append(column)
        return self.model_copy(update={"columns": tuple(changed)})

    def type_of(self, name: str) -> CellType | None:
        """The type of a column, None for one that is not there."""
        return self._types.get(name)

    @cached_property
    def _types(self) -> dict[str, CellType]:
        return {column.name: column.type for column in self.columns}

    def mask(self, raw: RawTable, rules: Sequence[LeftOut] | None = None) -> np.ndarray:
        """Which rows are left out, `(n,)` booleans, by all rules or by these."""
        out = np.zeros(len(raw), dtype=bool)
        for rule in self.left_out if rules is None else rules:
            here = [(column, rule.cells[name]) for name, column in zip(raw.names, raw.columns, strict=True)
                    if name in rule.cells]  # fmt: skip
            found = np.full(len(raw), bool(here))
            for column, cell in here:
                found &= np.asarray(pc.fill_null(pc.equal(column.as_text, cell), False))
                if not found.any():
                    break
            if rule.first_only:
                found[1:] = False
            if rule.last_only:
                found[: -LAST_ROWS or None] = False
            out |= found
        return out

    def marks_of(self, column: ColumnReading) -> tuple[str, str]:
        """The decimal mark and the mark between thousands of a column."""
        thousands = self.thousands if column.thousands is None else column.thousands
        return column.decimal or self.decimal, thousands


READING_HINT = "`python -m core import FILE --show-reading` prints one to start from."


def parse_reading(content: Any) -> TableReading:
    """A reading from JSON; `InputError` names the first field that cannot be used."""
    try:
        return TableReading.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise InputError(f"The reading cannot be used: {where}: {first['msg']}.", READING_HINT) from error
