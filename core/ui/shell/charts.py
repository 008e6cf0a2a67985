"""The one way in which pages draw a Plotly figure."""

from collections.abc import Callable, Iterable
from typing import Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.charts.scores import score_intervals

SelectionMode = Literal["points", "box", "lasso"]
PLAIN = {"displayModeBar": False}
TOOLBAR = {"displaylogo": False, "modeBarButtonsToRemove": ["toImage", "autoScale2d"]}
SCROLL_HEIGHT = 460  # pixels


def draw(
    figure: go.Figure,
    key: str,
    alt: str,
    on_select: Callable[[], None] | Literal["rerun", "ignore"] = "ignore",
    modes: Iterable[SelectionMode] = ("points",),
    toolbar: bool = False,
    tall: bool = False,
) -> None:
    """Draw a figure of `core.charts`; `alt` says what it shows, for those who cannot see it.

    With `on_select` things can be selected in the given `modes`; they are in `st.session_state[key].selection`.
    A `tall` figure scrolls; the `toolbar` has tools to zoom and select.
    """
    box = st.container(height=SCROLL_HEIGHT, border=False) if tall else st
    box.plotly_chart(
        figure,
        key=key,
        on_select=on_select,
        selection_mode=tuple(modes),
        config=TOOLBAR if toolbar else PLAIN,
        alt=alt,
    )


def draw_intervals(rows: Iterable[tuple[str, str, float, float, float]], key: str, alt: str) -> None:
    """Draw values with their intervals; each row is what it belongs to, the metric, the value, low and high."""
    frame = pd.DataFrame(list(rows), columns=["run", "metric", "value", "low", "high"])
    draw(score_intervals(frame), key, alt)
