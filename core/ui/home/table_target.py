"""Home's form for a table that waits to be imported: its target, and the type and role of every column."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.data.reading.cells import number_text
from core.data.reading.packing import holds_tables
from core.data.reading.words import describe_reading
from core.data.tables.schema import Schema
from core.data.tables.store import inspect_table
from core.data.tables.targets import MAX_CLASSES
from core.errors import GraftError
from core.ui.shell.importing import TABLE_SLOT, import_source
from core.ui.shell.page import show_error
from core.ui.shell.reading.table_card import choose_reading
from core.ui.shell.text import literal, size
from core.ui.shell.uploads import discard_upload, find_upload, keep_upload, release_upload

_ROWS = 20
TYPE_WORDS = {"numeric": "numeric", "category": "category", "left_out": "left out"}
ROLE_WORDS = {
    "feature": "feature",
    "id": "id: names the row",
    "group": "group: kept together",
    "weight": "weight: how much a row counts",
    "ignore": "ignore",
}
_EXAMPLES = 3


def ask_for_target() -> bool:
    """Ask which column of the waiting table to predict, then import it. False when no readable table waits."""
    path = find_upload(TABLE_SLOT) or _from_photos()
    if path is None:
        return False
    with st.container(border=True):
        st.markdown(f"#### :material/table: {literal(path.name)}")
        try:
            chosen = choose_reading(path)
            schema = inspect_table(path, chosen[1]) if chosen else None
        except GraftError as error:
            show_error(error)
            discard_upload(TABLE_SLOT)
            return False
        if chosen is None or schema is None:
            _cancel_button()
            return True
        reading, preview = chosen[0], chosen[1].table
        unlabelled = st.checkbox(
            "Without classes",
            key="table-unlabelled",
            help="Import the rows with no column to predict. Such a dataset can be predicted and compared with"
            " others; it cannot be trained on.",
        )
        options: dict[str, Any] = {"unlabelled": True} if unlabelled else _target_fields(preview)
        options["columns"] = column_fields(preview, schema, options.get("target"))
        with st.container(horizontal=True):
            ready = bool(options.get("target")) or bool(options.get("unlabelled"))
            confirmed = st.button(
                "Import", key="table-import", type="primary", icon=":material/download_done:", disabled=not ready
            )
            _cancel_button()
        if confirmed:
            try:
                import_source(path, slot=TABLE_SLOT, reading=reading.model_dump(mode="json"), **options)
            except BaseException:  # Streamlit switches pages by raising: the import is done
                discard_upload(TABLE_SLOT)
                raise
        st.caption(f"The first rows of {size(path.stat().st_size)}, {describe_reading(reading)}:")
        st.dataframe(preview.head(_ROWS), hide_index=True)
    return True


def _from_photos() -> Path | None:
    """A table that was dropped where photos go: an archive may hold either."""
    path = find_upload("photos")
    if path is None or not holds_tables(path):
        return None
    release_upload("photos")
    keep_upload(TABLE_SLOT, path)
    return path


def _cancel_button() -> None:
    if st.button("Cancel", icon=":material/close:"):
        discard_upload(TABLE_SLOT)
        st.rerun()


def _target_fields(preview: pd.DataFrame) -> dict[str, Any]:
    with st.container(horizontal=True):
        target = st.selectbox(
            "Column to predict",
            list(preview.columns),
            index=None,
            key="table-target",
            placeholder="Choose the target",
            help="The target: each of its values becomes a class. All other columns are what it is predicted from.",
            width=320,
        )
        if target is None or not pd.api.types.is_numeric_dtype(preview[target]):
            return {"target": target}
        bins = st.number_input(
            "Bins",
            min_value=2,
            max_value=MAX_CLASSES,
            value=None,
            step=1,
            key="table-bins",
            placeholder="Off",
            help="Graft classifies. A numeric target becomes this many classes of about equal size, cut at its"
            f" quantiles; if off, every value is a class, which works up to {MAX_CLASSES} values.",
            width=170,
        )
    return {"target": target, "bins": bins}


def column_fields(preview: pd.DataFrame, schema: Schema, target: str | None) -> dict[str, dict[str, str]]:
    """Let a person change types and roles; returns only what differs from what was detected."""
    columns = [column for column in schema.columns if column.name != target]
    detected = pd.DataFrame(
        {
            "Column": [column.name for column in columns],
            "Type": [TYPE_WORDS[column.kind] for column in columns],
            "Role": [None if column.kind == "left_out" else ROLE_WORDS["feature"] for column in columns],
            "Note": [column.reason for column in columns],
            "Values": [_examples(preview[column.name]) for column in columns],
        }
    )
    # With a key it stays open while what stands above it changes.
    with st.expander(
        "Types and roles of the columns", icon=":material/view_column:", key="table-columns-box", on_change="rerun"
    ):
        edited = st.data_editor(
            detected,
            key=f"table-columns-{target}",
            hide_index=True,
            disabled=["Column", "Values", "Note"],
            placeholder="none",
            column_config={
                "Type": st.column_config.SelectboxColumn(options=list(TYPE_WORDS.values()), required=True),
                "Role": st.column_config.SelectboxColumn(
                    options=list(ROLE_WORDS.values()),
                    help="A column that is left out has none. Rows of one group, for example of one patient, are in"
                    " one part of the split. A weight, 0 or more, is how much a training row counts; scores count"
                    " each row once. Group, id and weight are not features.",
                ),
                "Note": st.column_config.TextColumn(width="medium"),
                "Values": st.column_config.TextColumn(width="medium"),
            },
        )
    return find_changes(detected, edited)


def _examples(values: pd.Series) -> str:
    """The first values of a column, whole numbers without a decimal point."""
    first = values.dropna().unique()[:_EXAMPLES]
    return ", ".join(number_text(value) if isinstance(value, float) else str(value) for value in first)


def find_changes(detected: pd.DataFrame, edited: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Column → the type and role of `core.data.tables.columns`, where one of them was changed."""
    types = {word: name for name, word in TYPE_WORDS.items()}
    roles = {word: name for name, word in ROLE_WORDS.items()}
    choices: dict[str, dict[str, str]] = {}
    for before, after in zip(detected.to_dict("records"), edited.to_dict("records"), strict=True):
        choice = {}
        if after["Type"] != before["Type"]:
            choice["type"] = types[after["Type"]]
        if after["Role"] != before["Role"] and not pd.isna(after["Role"]):
            choice["role"] = roles[after["Role"]]
        if choice:
            choices[str(before["Column"])] = choice
    return choices
