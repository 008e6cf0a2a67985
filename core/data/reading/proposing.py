"""Finding out how a table file is to be read: everything that is detected, and nothing is detected elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from core.data.reading.applying import TableFile, apply_reading, open_raw
from core.data.reading.cells import RawTable
from core.data.reading.column_types import propose_columns
from core.data.reading.dates import ORDER_WORDS
from core.data.reading.delimited import propose_text, text_above
from core.data.reading.layout import rows_left_out
from core.data.reading.packing import find_packing, format_of, read_bytes
from core.data.reading.record import NUMERIC, ColumnReading, Container, LeftOut, Question, TableReading
from core.data.reading.sheets import propose_sheet, rows_above
from core.data.reading.typed import propose_json
from core.errors import InputError


def propose_reading(path: Path, member: str = "", sheet: str = "") -> TableReading:
    """How the table in a file is to be read, with what could not be told as questions.

    Args:
        path: the file, or a folder of Parquet files.
        member: the table in an archive, where it holds several.
        sheet: the sheet of a spreadsheet; the one with the table when left out.

    Raises:
        InputError: there is no table, or several of which none is named.
    """
    container, questions, raw = propose_container(path, member, sheet)
    return propose_meaning(container, raw, questions)


def read_proposed(path: Path, member: str = "", sheet: str = "") -> tuple[TableReading, TableFile]:
    """The table as it is proposed to be read, and that reading; the file is parsed once."""
    container, questions, raw = propose_container(path, member, sheet)
    reading = propose_meaning(container, raw, questions)
    return reading, apply_reading(path, raw, reading)


def propose_container(path: Path, member: str = "", sheet: str = "") -> tuple[Container, list[Question], RawTable]:
    """Where the cells stand, and the cells."""
    if not path.is_dir() and path.stat().st_size == 0:
        raise InputError(f"“{path.name}” is empty.", "Export the table again, with its header and rows.")
    packing, member = find_packing(path, member)
    container = Container(format="parquet", packing=packing, member=member, sheet=sheet)
    questions: list[Question] = []
    if packing != "folder":
        raw = read_bytes(path, container)
        if not raw.strip():
            raise InputError(f"“{path.name}” is empty.", "Export the table again, with its header and rows.")
        container = container.model_copy(update={"format": format_of(path, container, raw)})
        if container.format == "csv":
            container, questions = propose_text(path, container, raw)
        elif container.format == "excel":
            container, questions = propose_sheet(path, container, raw)
        elif container.format in ("json", "jsonl"):
            container = propose_json(path, container, raw)
    return container, questions, open_raw(path, container)


def propose_meaning(container: Container, raw: RawTable, questions: list[Question]) -> TableReading:
    """The reading of cells whose container is known."""
    left_out: tuple[LeftOut, ...] = ()
    kept = raw
    if container.format in ("csv", "excel"):
        left_out = rows_left_out(raw, container.header)
        if left_out:
            kept = raw.keep(~TableReading(container=container, columns=(), left_out=left_out).mask(raw))
    meaning = propose_columns(raw.names, kept.columns, container.delimiter)
    return TableReading(
        container=container,
        decimal=meaning.decimal,
        thousands=meaning.thousands,
        columns=meaning.columns,
        left_out=left_out,
        questions=(*questions, *meaning.questions),
        taken_as_missing=meaning.taken_as_missing,
    )


def answer_question(path: Path, reading: TableReading, question: Question, choice: str) -> TableReading:
    """The reading with another answer to one of its questions; what follows from it is proposed anew."""
    if choice not in question.alternatives:
        raise InputError(
            f"“{choice}” is no answer to: {question.text}", f"Choose {', '.join(question.alternatives)}."
        )
    answered = question.model_copy(update={"chosen": choice})
    others = tuple(answered if one == question else one for one in reading.questions)
    if question.about in ("encoding", "header", "sheet"):
        value = choice == "yes" if question.about == "header" else choice
        return change_container(path, reading, {question.about: value}).model_copy(update={"questions": others})
    columns = tuple(
        _answered(column, question, choice) if column.name == question.column else column
        for column in reading.columns
    )
    return reading.model_copy(update={"columns": columns, "questions": others})


def change_container(path: Path, reading: TableReading, changes: Mapping[str, object]) -> TableReading:
    """The reading with another container; what its cells mean is proposed anew where the columns are others.

    `InputError` when the file cannot be read so.
    """
    if "sheet" in changes:
        return propose_reading(path, reading.container.member, str(changes["sheet"]))
    container = Container.model_validate(reading.container.model_dump() | dict(changes))
    if container.format in ("csv", "excel"):
        above = text_above if container.format == "csv" else rows_above
        container = container.model_copy(update={"skipped": above(path, container, read_bytes(path, container))})
    return propose_meaning(container, open_raw(path, container), [])


def _answered(column: ColumnReading, question: Question, choice: str) -> ColumnReading:
    if question.about == "date_order":
        order = next((order for order, words in ORDER_WORDS.items() if words == choice), None)
        return column.model_copy(update={"type": "date" if order else "text", "date_order": order})
    if question.about == "numbers":
        mark = "." if "." in question.examples["decimals"].split(" is ")[0] else ","
        other = "," if mark == "." else "."
        marks = (mark, "") if choice == "decimals" else (other, mark)
        return column.model_copy(update={"decimal": marks[0], "thousands": marks[1]})
    word = question.examples["word"]
    others = tuple(one for one in column.missing if one != word)
    if choice == "a missing cell":
        return column.model_copy(update={"missing": (*others, word)})
    return column.model_copy(update={"missing": others, "type": "text" if column.type in NUMERIC else column.type})
