"""The confusion matrix, whose cells can be clicked."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.charts.style import BLUE, MAX_TICKS, ORANGE, PALETTE, SEQUENTIAL, apply_layout, class_ticks, shorten

Of = Literal["all", "true", "predicted"]
DIFFERENCE_SCALE = [
    [0.0, ORANGE],
    [0.5, "rgba(184,78,0,0.05)"],
    [0.5, "rgba(0,94,158,0.05)"],
    [1.0, BLUE],
]
MAX_NUMBERED = 20  # beyond so many classes, numbers in the cells of a matrix no longer fit
MAX_CELLS = 100  # beyond so many, a cell is a few pixels: only those that hold samples are drawn, as points


def confusion_matrix(
    matrix: NDArray[np.integer],
    classes: Sequence[str],
    *,
    of: Of = "all",
    zmax: float | None = None,
    selected: tuple[str, str] | None = None,
    dark: bool = False,
) -> go.Figure:
    """The confusion matrix, true class down, predicted class across, whose cells can be clicked.

    A heatmap returns no clicks, so an invisible point lies over every cell; its `customdata` is (true, predicted).
    Of more than 100 classes there is no heatmap, whose million cells a browser takes long to draw; the points of
    the cells that hold samples are then seen.

    Args:
        matrix: counts, shape (classes, classes), true class first.
        classes: in the matrix's order.
        of: show counts, or each cell as a share of its true class's or predicted class's samples.
        zmax: the count with the darkest colour, to put several matrices on one scale; shares always end at 1.
        selected: the cell to frame, as (true, predicted).
        dark: whether the page is dark, so that the numbers in pale cells can be read.
    """
    k = len(classes)
    counts = np.asarray(matrix)
    whole = np.broadcast_to(counts.sum(axis=0 if of == "predicted" else 1, keepdims=True), counts.shape)
    shares = np.divide(counts, whole, out=np.zeros(counts.shape), where=whole > 0)
    shown = counts if of == "all" else shares
    top = 1.0 if of != "all" else float(zmax if zmax is not None else counts.max(initial=0)) or 1.0
    many = k > MAX_CELLS
    rows, columns = np.nonzero(counts) if many else np.indices((k, k)).reshape(2, -1)
    figure = go.Figure()
    if many:
        colours = {
            "color": shown[rows, columns],
            "cmin": 0,
            "cmax": top,
            "colorscale": [[0, "#8CC4E8"], [1, "#0072B2"]],
        }
        marker, others = {"symbol": "square", "size": 4, **colours}, {}
    else:
        figure.add_heatmap(
            z=shown, zmin=0, zmax=top, colorscale=SEQUENTIAL, showscale=False, xgap=1, ygap=1, hoverinfo="skip"
        )
        marker = {"symbol": "square", "size": max(6, min(44, 420 // k)), "opacity": 0}
        others = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=columns.tolist(),
        y=rows.tolist(),
        mode="markers",
        marker=marker,
        selected=others,
        unselected=others,
        customdata=[[classes[i], classes[j]] for i, j in zip(rows, columns, strict=True)],
        text=[
            f"{shorten(classes[i], 40)} → {shorten(classes[j], 40)}<br>"
            f"{counts[i, j]} of {whole[i, j]} ({shares[i, j]:.0%})"
            for i, j in zip(rows, columns, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    # At any distance, the nearest point is that of the cell under the pointer.
    _frame(figure, classes, hovermode="closest", hoverdistance=-1, clickmode="event+select")
    if k <= MAX_NUMBERED:
        texts = [str(c) if of == "all" else f"{100 * s:.0f}%" for c, s in zip(counts.flat, shares.flat, strict=True)]
        _numbers(figure, counts, texts, [dark or value > 0.5 * top for value in shown.flat])
    if selected and set(selected) <= set(classes):
        y, x = (classes.index(c) for c in selected)
        frame = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        figure.add_shape(type="rect", line={"color": PALETTE[1], "width": 3}, **frame)
    return figure


def difference_matrix(
    first: NDArray[np.integer], second: NDArray[np.integer], classes: Sequence[str], *, dark: bool = False
) -> go.Figure:
    """The difference of two confusion matrices of the same samples: blue where the second has more, orange where
    less.

    Args:
        first: counts, shape (classes, classes), true class first.
        second: counts of the other run.
        classes: in the matrices' order.
        dark: whether the page is dark, so that the numbers in pale cells can be read.
    """
    more = np.asarray(second, dtype=int) - np.asarray(first, dtype=int)
    k, top = len(classes), max(int(np.abs(more).max(initial=0)), 1)
    names = [shorten(c, 40) for c in classes]
    figure = go.Figure(
        go.Heatmap(
            z=more,
            zmin=-top,
            zmax=top,
            colorscale=DIFFERENCE_SCALE,
            showscale=False,
            xgap=1 if k <= MAX_CELLS else 0,
            ygap=1 if k <= MAX_CELLS else 0,
            x=list(range(k)),
            y=list(range(k)),
            customdata=np.dstack([np.tile(np.array(names)[:, None], k), np.tile(np.array(names), (k, 1))]),
            hovertemplate="%{customdata[0]} → %{customdata[1]}: %{z:+d}<extra></extra>",
        )
    )
    _frame(figure, classes)
    if k <= MAX_NUMBERED:
        texts = [f"{value:+d}".replace("-", "\N{MINUS SIGN}") for value in more.flat]
        _numbers(figure, more, texts, [dark or abs(value) > 0.5 * top for value in more.flat])
    return figure


def _numbers(figure: go.Figure, values: NDArray[np.integer], texts: Sequence[str], light: Sequence[bool]) -> None:
    """Write the text of every nonzero cell, white where it is `light`, as one trace, which is faster than
    annotations.
    """
    rows, columns = (places.tolist() for places in np.nonzero(values))
    cells = np.flatnonzero(values).tolist()
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="text",
        text=[texts[place] for place in cells],
        textfont={"size": 14, "color": ["#FFFFFF" if light[place] else "#1B2530" for place in cells]},
        hoverinfo="skip",
        showlegend=False,
    )


def _frame(figure: go.Figure, classes: Sequence[str], **changes: Any) -> None:
    """The room that a matrix of these classes takes, true class down, predicted class across."""
    k = len(classes)
    apply_layout(figure, 76 + int(np.clip(52 * k, 170, 660)), showlegend=False, **changes)
    edges = {"range": [-0.5, k - 0.5], "showgrid": False, **class_ticks(classes, -(-k // MAX_TICKS))}
    figure.update_xaxes(**edges, title={"text": "Predicted"})
    figure.update_yaxes(**(edges | {"range": [k - 0.5, -0.5]}), title={"text": "True"})
