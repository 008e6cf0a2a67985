"""The look that all charts share: colours, margins, legends."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

# Okabe and Ito (2008), distinguishable with colour blindness; grey replaces their black, which is invisible on a dark
# page.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#F0E442")
GREY = "#8C8C8C"
# Dark enough for white numbers; the two ends of a diverging scale.
BLUE, ORANGE = "rgba(0,94,158,1)", "rgba(184,78,0,1)"
# From nearly clear to blue: an empty cell takes the page's own background, light or dark.
SEQUENTIAL = [[0.0, "rgba(0,114,178,0.05)"], [1.0, BLUE]]
MAX_TICKS = 40


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """The colour of each class, by its place in the order."""
    return {c: PALETTE[i % len(PALETTE)] for i, c in enumerate(classes)}


def apply_layout(figure: go.Figure, height: int, **changes: Any) -> go.Figure:
    """The look that all charts share: clear background, tight margins that make room for labels, legend on top."""
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": 8, "t": 28 if changes.get("showlegend") else 6, "b": 4},
        font={"size": 13},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=PALETTE,
        dragmode=False,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.0,
            "yanchor": "bottom",
            "yref": "paper",
            "title": {"text": ""},
        },
        hoverlabel={"align": "left"},
        **changes,
    )
    axis = {"automargin": True, "fixedrange": True, "zeroline": False, "title": {"standoff": 14}}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def shorten(name: str, length: int = 16) -> str:
    """A name truncated to fit, with HTML escaped, as Plotly interprets tags in text."""
    return html.escape(name if len(name) <= length else name[: length - 1] + "…", quote=False)


def class_ticks(classes: Sequence[str], step: int = 1) -> dict[str, Any]:
    shown = list(range(0, len(classes), step))
    return {"tickmode": "array", "tickvals": shown, "ticktext": [shorten(classes[i]) for i in shown]}


def error_bars(value: ArrayLike, low: ArrayLike, high: ArrayLike) -> dict[str, Any]:
    """Plotly's error bars from the ends of intervals."""
    v, lower, upper = (np.asarray(x, dtype=float) for x in (value, low, high))
    return {
        "type": "data",
        "symmetric": False,
        "array": upper - v,
        "arrayminus": v - lower,
        "thickness": 2,
        "width": 4,
    }
