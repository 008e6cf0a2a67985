"""The one way in which pages show a table of results."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler
from streamlit.elements.lib.column_types import ColumnConfig


def show_table(
    rows: pd.DataFrame | Styler | Iterable[Mapping[str, object]],
    columns: Mapping[str, str | tuple[str, str] | ColumnConfig] | None = None,
    key: str | None = None,
    pinned: str | None = None,
    pinned_width: int | None = None,
    height: int | Literal["auto", "content"] = "auto",
    placeholder: str | None = None,
    selectable: bool = False,
) -> int | None:
    """Show a table; returns the place of the row that is selected, if rows are `selectable`.

    A column is configured by what its header explains, or by that after the format of its numbers, or wholly. The
    `pinned` one stays when the table is scrolled; `placeholder` is shown in empty cells.
    """
    config = {name: _configure(column) for name, column in (columns or {}).items()}
    if pinned:
        config[pinned] = st.column_config.TextColumn(pinned=True, width=pinned_width)
    table = rows if isinstance(rows, pd.DataFrame | Styler) else pd.DataFrame([dict(row) for row in rows])
    options: dict[str, Any] = {"key": key, "hide_index": True, "height": height, "placeholder": placeholder}
    options["column_config"] = config
    if not selectable:
        st.dataframe(table, **options)
        return None
    selected = st.dataframe(table, on_select="rerun", selection_mode="single-row", **options).selection.rows
    return selected[0] if selected else None


def _configure(column: str | tuple[str, str] | ColumnConfig) -> ColumnConfig:
    if isinstance(column, dict):
        return column
    if isinstance(column, str):
        return st.column_config.Column(help=column)
    return st.column_config.NumberColumn(format=column[0], help=column[1] or None)
