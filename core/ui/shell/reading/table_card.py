"""The card “How I read it” of a table that waits: questions first, then every decision, each with a live preview."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from core.data.files.encoding import candidates
from core.data.reading.applying import TableFile, read_with
from core.data.reading.dates import ORDER_WORDS
from core.data.reading.packing import read_bytes, table_members
from core.data.reading.proposing import answer_question, change_container, propose_reading
from core.data.reading.record import NUMERIC, ColumnReading, Container, LeftOut, Question, TableReading
from core.data.reading.sheets import sheet_names
from core.data.reading.words import ENCODING_WORDS
from core.errors import GraftError
from core.ui.shell.page import show_error
from core.ui.shell.text import literal, plural

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_DECIMALS = {".": "point: 1.5", ",": "comma: 1,5"}
_THOUSANDS = {"": "none", ",": "comma: 1,000", ".": "point: 1.000", " ": "space: 1 000", "'": "apostrophe: 1'000"}
_TYPES = ("number", "percent", "text", "date", "boolean")
_COLUMNS = 300  # that the editor shows
_MISSING_BUTTONS = 6
_SHOWN = 200  # rows by which columns are judged on the page


def choose_reading(path: Path, before: TableReading | None = None) -> tuple[TableReading, TableFile] | None:
    """Show how the table is read, and let it be changed; None where it cannot be read as chosen.

    It starts from the reading `before`, or from what is found out.
    """
    state = f"reading-of-{path}"
    member = before.container.member if before else _choose_member(path)
    if member is None:
        return None
    kept = st.session_state.get(state)
    try:
        if kept and kept[0] == member:
            reading = TableReading.model_validate_json(kept[1])
        else:
            reading = before or _propose(path, member)
    except GraftError as error:
        if member:
            show_error(error)
            return None
        raise
    revision = f"{path.name}-{kept[2] if kept else 0}"
    changed = _ask(path, reading, revision)
    with st.expander("How I read it", icon=":material/menu_book:", key=f"reading-{path.name}"):
        changed = _change_container(path, reading, revision) or changed
        changed = _change_numbers(reading, revision) or changed
        changed = _change_rows(reading, revision) or changed
        changed = _change_columns(reading, revision) or changed
    changed = _show_missing(reading, revision) or changed
    if changed is not None:
        st.session_state[state] = (member, changed.model_dump_json(), (kept[2] if kept else 0) + 1)
        st.rerun()
    return reading, _apply(path, reading.model_dump_json())


def _choose_member(path: Path) -> str | None:
    """The table in an archive: asked where there are several; empty for a file that is none."""
    if path.suffix.lower() not in (".zip", ".tar", ".tgz") and not path.name.lower().endswith(".tar.gz"):
        return ""
    names = table_members(path)
    if len(names) < 2:
        return ""
    chosen: str | None = st.selectbox(
        f"{literal(path.name)} holds {plural(len(names), 'table')}. Which one?", names, index=None, key="table-member"
    )
    return chosen


@st.cache_data(max_entries=8, show_spinner="Reading")
def _proposal(path: str, member: str) -> str:
    return propose_reading(Path(path), member).model_dump_json()


def _propose(path: Path, member: str) -> TableReading:
    return TableReading.model_validate_json(_proposal(str(path), member))


@st.cache_data(max_entries=16, show_spinner=False)
def _applied(path: str, reading: str) -> TableFile:
    return read_with(Path(path), TableReading.model_validate_json(reading), _SHOWN)


def _apply(path: Path, reading: str) -> TableFile:
    return _applied(str(path), reading)


def _ask(path: Path, reading: TableReading, revision: str) -> TableReading | None:
    """The questions, each with what its answers would mean; the reading with a new answer."""
    for place, question in enumerate(reading.questions[:10]):
        choice = st.radio(
            literal(question.text),
            question.alternatives,
            index=question.alternatives.index(question.chosen),
            captions=[literal(_example(question, name)) for name in question.alternatives],
            format_func=lambda name: ENCODING_WORDS.get(name, name),
            key=f"question-{place}-{revision}",
            horizontal=question.about in ("missing", "header", "numbers"),
        )
        if choice != question.chosen:
            return _tried(partial(answer_question, path, reading, question, choice))
    return None


def _example(question: Question, alternative: str) -> str:
    return question.examples.get(alternative, "")


def _tried(change: Callable[[], TableReading]) -> TableReading | None:
    """What a change gives; the reason where the file cannot be read so."""
    try:
        return change()
    except GraftError as error:
        show_error(error)
        return None


def _change_container(path: Path, reading: TableReading, revision: str) -> TableReading | None:
    now = reading.container
    changes: dict[str, object] = {}
    with st.container(horizontal=True):
        if now.format in ("csv", "json", "jsonl"):
            encodings = _with_other_words([now.encoding, *_encodings(str(path), now.model_dump_json())])
            changes["encoding"] = st.selectbox(
                "Encoding", encodings, format_func=lambda name: ENCODING_WORDS.get(name, name),
                key=f"encoding-{revision}", width=230,
            )  # fmt: skip
        if now.format == "csv":
            delimiters = list(dict.fromkeys([now.delimiter, *_DELIMITERS]))
            changes["delimiter"] = st.selectbox(
                "Between cells", delimiters, format_func=lambda mark: _DELIMITERS.get(mark, mark),
                key=f"delimiter-{revision}", width=150,
            )  # fmt: skip
        if now.format == "excel":
            changes["sheet"] = st.selectbox(
                "Sheet", list(dict.fromkeys([now.sheet, *_sheets(str(path), now.model_dump_json())])),
                key=f"sheet-{revision}", width=230,
            )  # fmt: skip
        if now.format in ("csv", "excel"):
            changes["skip_lines"] = st.number_input(
                "Lines above the header", 0, 1000, now.skip_lines, key=f"skip-{revision}", width=180
            )
            changes["header"] = st.checkbox("The table has a header", now.header, key=f"header-{revision}")
    wanted = {name: value for name, value in changes.items() if value != getattr(now, name)}
    return _tried(lambda: change_container(path, reading, wanted)) if wanted else None


def _with_other_words(encodings: list[str]) -> list[str]:
    """The encodings, of those that go by the same words the first: a choice goes by its words."""
    by_words: dict[str, str] = {}
    for name in encodings:
        by_words.setdefault(ENCODING_WORDS.get(name, name), name)
    return list(by_words.values())


@st.cache_data(max_entries=8, show_spinner=False)
def _encodings(path: str, container: str) -> list[str]:
    raw = read_bytes(Path(path), Container.model_validate_json(container))
    found = [one.encoding for one in candidates(raw)]
    return list(dict.fromkeys([*found, *ENCODING_WORDS]))


@st.cache_data(max_entries=8, show_spinner=False)
def _sheets(path: str, container: str) -> list[str]:
    known = Container.model_validate_json(container)
    return sheet_names(Path(path), read_bytes(Path(path), known))


def _change_numbers(reading: TableReading, revision: str) -> TableReading | None:
    with st.container(horizontal=True):
        decimals = list(_DECIMALS)
        decimal = st.selectbox(
            "Decimals", decimals, decimals.index(reading.decimal), format_func=lambda mark: _DECIMALS[mark],
            key=f"decimal-{revision}", width=150,
        )  # fmt: skip
        marks = list(dict.fromkeys([reading.thousands, *_THOUSANDS]))
        thousands = st.selectbox(
            "Thousands", marks, format_func=lambda mark: _THOUSANDS.get(mark, mark), key=f"thousands-{revision}",
            width=190,
        )  # fmt: skip
    if (decimal, thousands) == (reading.decimal, reading.thousands):
        return None
    thousands = "" if thousands == decimal else thousands
    plain = tuple(c.model_copy(update={"decimal": "", "thousands": None}) for c in reading.columns)
    return reading.model_copy(update={"decimal": decimal, "thousands": thousands, "columns": plain})


def _change_rows(reading: TableReading, revision: str) -> TableReading | None:
    """Rows that are left out; what stands above the header is shown."""
    if reading.container.skipped:
        st.caption("Above the header: " + literal(" · ".join(reading.container.skipped)))
    if not reading.left_out:
        return None
    said = {_said(rule): rule for rule in reading.left_out}
    kept = st.multiselect("Rows left out", list(said), list(said), key=f"left-out-{revision}")
    if len(kept) == len(said):
        return None
    return reading.model_copy(update={"left_out": tuple(said[name] for name in kept)})


def _said(rule: LeftOut) -> str:
    cells = list(rule.cells.values())
    return f"{rule.reason}: {', '.join(cells[:4])}{'…' if len(cells) > 4 else ''}"


def _change_columns(reading: TableReading, revision: str) -> TableReading | None:
    """Types, words for missing cells and orders of dates, in a table that can be edited."""
    columns = reading.columns[:_COLUMNS]
    now = pd.DataFrame(
        {
            "Column": [column.name for column in columns],
            "Read as": [column.type for column in columns],
            "Taken as missing": [list(column.missing) for column in columns],
            "Dates": [ORDER_WORDS[column.date_order] if column.date_order else None for column in columns],
        }
    )
    edited = st.data_editor(
        now,
        key=f"reading-columns-{revision}",
        hide_index=True,
        disabled=["Column"],
        column_config={
            "Read as": st.column_config.SelectboxColumn(options=list(_TYPES), required=True),
            "Taken as missing": st.column_config.ListColumn(
                help="Words that stand for an empty cell; an empty cell always is one."
            ),
            "Dates": st.column_config.SelectboxColumn(options=list(ORDER_WORDS.values())),
        },
    )
    if len(reading.columns) > _COLUMNS:
        st.caption(f"The first {_COLUMNS} of {len(reading.columns):,} columns; a shell changes all of them.")
    new = change_columns(columns, edited)
    if new == columns:
        return None
    return reading.model_copy(update={"columns": (*new, *reading.columns[_COLUMNS:])})


def change_columns(columns: tuple[ColumnReading, ...], edited: pd.DataFrame) -> tuple[ColumnReading, ...]:
    """The columns with what was edited."""
    orders = {words: order for order, words in ORDER_WORDS.items()}
    found = []
    for column, row in zip(columns, edited.to_dict("records"), strict=True):
        changes = {
            "type": row["Read as"],
            "missing": tuple(map(str, row["Taken as missing"])) if row["Taken as missing"] is not None else (),
            "date_order": orders.get(row["Dates"]) or ("ymd" if row["Read as"] == "date" else None),
        }
        found.append(column.model_copy(update=changes))
    return tuple(found)


def _show_missing(reading: TableReading, revision: str) -> TableReading | None:
    """“Taken as missing: 89 cells, ‘None’”, and a click that makes them values."""
    words = [(name, word, n) for name, of in reading.taken_as_missing.items() for word, n in of.items()]
    known = {column.name: column for column in reading.columns}
    words = [one for one in words if one[1] in known[one[0]].missing and known[one[0]].type not in NUMERIC]
    for name, word, n in words[:_MISSING_BUTTONS]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"Taken as missing: {plural(n, 'cell')} of {literal(name)}, “{literal(word)}”.", width="content"
            )
            if st.button("They are values", key=f"values-{name}-{word}-{revision}", type="tertiary"):
                missing = tuple(one for one in known[name].missing if one != word)
                columns = tuple(
                    c.model_copy(update={"missing": missing}) if c.name == name else c for c in reading.columns
                )
                return reading.model_copy(update={"columns": columns})
    return None
