"""Charts of the training rows before and after a step."""

from typing import Literal

import pandas as pd
import streamlit as st

from core.charts.classes import class_bars
from core.charts.columns import box_plot, correlation_matrix, histogram, missing_matrix
from core.data.cleaning.preparation import Stage
from core.data.cleaning.steps.step import numeric_columns
from core.data.versions import natural_key
from core.ui.shell.charts import draw

View = Literal["classes", "distribution", "box_plot", "missing", "correlation"]
VIEWS: dict[View, str] = {
    "classes": "Classes",
    "distribution": "Distribution",
    "box_plot": "Box plot",
    "missing": "Missing cells",
    "correlation": "Correlation",
}
OF_COLUMN: tuple[View, ...] = ("distribution", "box_plot")


def changes_classes(stage: Stage) -> bool:
    """Whether the step changes the number of samples of a class."""
    return stage.counts[0] != stage.counts[1]


def show_before_and_after(stage: Stage, key: str) -> None:
    """The same chart of the training rows before and after the step."""
    before, after = stage.before, stage.after
    columns = [str(c) for c in dict.fromkeys([*before.columns, *after.columns])]
    columns.sort(key=lambda c: c in before and c in after and before[c].equals(after[c].reindex(before.index)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        views = [view for view in VIEWS if (changes_classes(stage) if view == "classes" else columns)]
        view: View = st.segmented_control(
            "Show", views, default=views[0], required=True, format_func=VIEWS.__getitem__, key=f"{key}-view"
        )
        column = None
        if view in OF_COLUMN:
            if view == "box_plot":
                columns = [c for c in columns if c in (*numeric_columns(before), *numeric_columns(after))]
            column = st.selectbox(
                "Column", columns, key=f"{key}-{view}-column", width=260, help="Changed ones come first."
            )
    names = sorted({*stage.counts[0], *stage.counts[1]}, key=natural_key)
    sides = zip(st.columns(2), ("Before", "After"), (before, after), stage.counts, strict=True)
    for place, title, table, counts in sides:
        with place:
            st.markdown(f"{title}")
            if view == "classes":
                figure = class_bars({"": counts}, names)
                figure.update_xaxes(range=[0, 1.05 * max((*stage.counts[0].values(), *stage.counts[1].values()))])
                draw(figure, f"{key}-{title}-{view}", f"Samples per class, {title}.")
                continue
            _draw_chart(view, column, table, f"{key}-{title}")


def _draw_chart(view: View, column: str | None, table: pd.DataFrame, key: str) -> None:
    if view in OF_COLUMN and column not in table:
        st.caption("This column does not exist here.")
        return
    if view == "correlation" and len(numeric_columns(table)) < 2:
        st.caption("This needs two numeric columns.")
        return
    if view == "box_plot" and column not in numeric_columns(table):
        st.caption("A category has no box plot.")
        return
    figure = (
        missing_matrix(table)
        if view == "missing"
        else correlation_matrix(table)
        if view == "correlation"
        else box_plot(table[column])
        if view == "box_plot"
        else histogram(table[column])
    )
    draw(figure, f"{key}-{view}-{column}", f"{VIEWS[view]}, {column or 'all columns'}.")
