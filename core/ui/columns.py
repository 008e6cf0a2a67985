"""The columns of a table that waits to be imported: what each holds and what it is for."""

import pandas as pd
import streamlit as st

from core.data.tables.schema import Schema

TYPE_WORDS = {"numeric": "numeric", "category": "category", "left_out": "left out"}
ROLE_WORDS = {
    "feature": "feature",
    "id": "id: names the row",
    "group": "group: kept together",
    "weight": "weight: how much a row counts",
    "ignore": "ignore",
}
MARK_WORDS = {"\t": "tab", " ": "space", "\u00a0": "space", "\u202f": "space"}
FORMAT_WORDS = {"csv": "text", "parquet": "Parquet", "excel": "Excel, first sheet", "jsonl": "JSON lines"}
_EXAMPLES = 3


def how_written(schema: Schema) -> str:
    """“text in UTF-8 with ; between cells, decimal comma”, as it was found out."""
    words = FORMAT_WORDS[schema.format]
    if schema.encoding:
        words += f" in {schema.encoding.upper().replace('UTF-8-SIG', 'UTF-8').replace('CP1252', 'Windows-1252')}"
    if schema.delimiter:
        words += f" with {MARK_WORDS.get(schema.delimiter, schema.delimiter)} between cells"
    if schema.decimal == ",":
        words += ", decimal comma"
    if schema.thousands:
        marks = " and ".join(dict.fromkeys(MARK_WORDS.get(mark, mark) for mark in schema.thousands))
        words += f", {marks} between thousands"
    return words


def column_choices(preview: pd.DataFrame, schema: Schema, target: str | None) -> dict[str, dict[str, str]]:
    """Let a person change types and roles; returns only what differs from what was found out."""
    columns = [column for column in schema.columns if column.name != target]
    found = pd.DataFrame(
        {
            "Column": [column.name for column in columns],
            "Type": [TYPE_WORDS[column.kind] for column in columns],
            "Role": [ROLE_WORDS["feature"]] * len(columns),
            "Values": [_examples(preview[column.name]) for column in columns],
            "Note": [column.reason for column in columns],
        }
    )
    with st.expander("Types and roles of the columns", icon=":material/view_column:"):
        edited = st.data_editor(
            found,
            key=f"table-columns-{target}",
            hide_index=True,
            disabled=["Column", "Values", "Note"],
            column_config={
                "Type": st.column_config.SelectboxColumn(options=list(TYPE_WORDS.values()), required=True),
                "Role": st.column_config.SelectboxColumn(
                    options=list(ROLE_WORDS.values()),
                    required=True,
                    help="Rows of one group, say of one patient, are never on two sides of the split. A weight, 0 or"
                    " more, says how much a training row counts; scores count each row once. Neither group, id nor"
                    " weight is learnt from.",
                ),
            },
        )
    return changed(found, edited)


def changed(found: pd.DataFrame, edited: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Column → its type and role in the words of `column_choices.Choice`, where one of them was changed."""
    types = {word: name for name, word in TYPE_WORDS.items()}
    roles = {word: name for name, word in ROLE_WORDS.items()}
    choices: dict[str, dict[str, str]] = {}
    for before, after in zip(found.to_dict("records"), edited.to_dict("records"), strict=True):
        choice = {}
        if after["Type"] != before["Type"]:
            choice["type"] = types[after["Type"]]
        if after["Role"] != before["Role"]:
            choice["role"] = roles[after["Role"]]
        if choice:
            choices[str(before["Column"])] = choice
    return choices


def _examples(values: pd.Series) -> str:
    return ", ".join(str(value) for value in values.dropna().unique()[:_EXAMPLES])
