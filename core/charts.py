"""Every chart of the pages, as pure Plotly figures: numbers in, `plotly.graph_objects.Figure` out.

Backgrounds are transparent and no font colour is set, so that the page's light or dark theme shows through. Classes
take their colour from their place in the class order, everywhere the same; matrices share one sequential scale.
"""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.evaluation.scores import Scores
from core.schemas import PARTS, Event

# Okabe and Ito (2008), told apart by colour-blind eyes; grey stands in for their black, which a dark page swallows.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#F0E442")
GREY = "#8C8C8C"
# From nearly clear to blue: an empty cell takes the page's own background, light or dark.
SEQUENTIAL = [[0.0, "rgba(0,114,178,0.05)"], [1.0, "rgba(0,94,158,1)"]]
PART_OPACITY = {"train": 1.0, "validation": 0.65, "test": 0.35}
MAX_NUMBERED = 20  # beyond so many classes, numbers in the cells of a matrix no longer fit
MAX_TICKS = 40
CURVE_HEIGHT = 280
_FOLD = re.compile(r"^(fold \d+ of \d+) · ")


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """The colour of each class, by its place in the order."""
    return {c: PALETTE[i % len(PALETTE)] for i, c in enumerate(classes)}


def _layout(figure: go.Figure, height: int, **changes: Any) -> go.Figure:
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


def _short(name: str, length: int = 16) -> str:
    """A name cut to fit, safe from Plotly, which reads tags in text."""
    return html.escape(name if len(name) <= length else name[: length - 1] + "…", quote=False)


def class_bars(counts: Mapping[str, Mapping[str, int]], classes: Sequence[str]) -> go.Figure:
    """Samples per class as lying bars, stacked by part. A click gives `customdata` = (class, part).

    Args:
        counts: part → class → samples; parts other than train, validation and test come last.
        classes: in their order, the first on top.
    """
    parts = [p for p in PARTS if p in counts] + [p for p in counts if p not in PARTS]
    colours = list(class_colours(classes).values())
    figure = go.Figure()
    for part in parts:
        opacity = PART_OPACITY.get(part, 1.0)
        values = [counts[part].get(c, 0) for c in classes]
        figure.add_bar(
            x=values,
            y=list(range(len(classes))),
            orientation="h",
            name=part,
            legendgroup=part,
            showlegend=False,
            marker={"color": colours, "opacity": opacity, "line": {"width": 0}},
            customdata=[[c, part] for c in classes],
            hovertemplate="%{customdata[0]}, %{customdata[1]}: %{x}<extra></extra>",
        )
        # A bar in many colours has none for the legend; this empty one shows the part's shade in grey.
        figure.add_bar(
            x=[None],
            y=[None],
            orientation="h",
            name=part,
            legendgroup=part,
            marker={"color": f"rgba(140,140,140,{opacity})"},  # a legend heeds no opacity
        )
    _layout(figure, 60 + 30 * max(2, len(classes)), barmode="stack", bargap=0.25, showlegend=len(parts) > 1)
    figure.update_yaxes(**_class_ticks(classes), autorange="reversed", showgrid=False)
    return figure


def _class_ticks(classes: Sequence[str], step: int = 1) -> dict[str, Any]:
    shown = list(range(0, len(classes), step))
    return {"tickmode": "array", "tickvals": shown, "ticktext": [_short(classes[i]) for i in shown]}


def confusion_matrix(
    matrix: NDArray[np.integer],
    classes: Sequence[str],
    *,
    normalised: bool = False,
    zmax: float | None = None,
    selected: tuple[str, str] | None = None,
    dark: bool = False,
) -> go.Figure:
    """The confusion matrix, true class down, predicted class across, whose cells can be clicked.

    A heatmap returns no clicks, so an invisible point lies over every cell; its `customdata` is (true, predicted).

    Args:
        matrix: counts, shape (classes, classes), true class first.
        classes: in the matrix's order.
        normalised: show shares of the true class instead of counts.
        zmax: the count with the darkest colour, to put several matrices on one scale; shares always end at 1.
        selected: the cell to frame, as (true, predicted).
        dark: whether the page is dark, so that the numbers in pale cells can be read.
    """
    k = len(classes)
    counts = np.asarray(matrix)
    support = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, support, out=np.zeros(counts.shape), where=support > 0)
    shown = shares if normalised else counts
    top = 1.0 if normalised else float(zmax if zmax is not None else counts.max(initial=0)) or 1.0
    rows, columns = ([i for i in range(k) for _ in range(k)], list(range(k)) * k)
    figure = go.Figure(
        go.Heatmap(
            z=shown, zmin=0, zmax=top, colorscale=SEQUENTIAL, showscale=False, xgap=1, ygap=1, hoverinfo="skip"
        )
    )
    invisible = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="markers",
        marker={"symbol": "square", "size": max(6, min(44, 420 // k)), "opacity": 0},
        selected=invisible,
        unselected=invisible,
        customdata=[[classes[i], classes[j]] for i, j in zip(rows, columns, strict=True)],
        text=[
            f"{classes[i]} → {classes[j]}<br>{counts[i, j]} of {support[i, 0]} ({shares[i, j]:.0%})"
            for i, j in zip(rows, columns, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    height = 76 + int(np.clip(52 * k, 170, 660))
    # Whatever the distance, the nearest point is the one of the cell under the pointer.
    _layout(figure, height, showlegend=False, hovermode="closest", hoverdistance=-1, clickmode="event+select")
    edges = {"range": [-0.5, k - 0.5], "showgrid": False, **_class_ticks(classes, -(-k // MAX_TICKS))}
    figure.update_xaxes(**edges, title={"text": "Predicted"})
    figure.update_yaxes(**(edges | {"range": [k - 0.5, -0.5]}), title={"text": "True"})
    if k <= MAX_NUMBERED:
        for i, j in zip(rows, columns, strict=True):
            if counts[i, j]:
                text = f"{100 * shares[i, j]:.0f}%" if normalised else f"{counts[i, j]}"
                colour = "#FFFFFF" if dark or shown[i, j] > 0.5 * top else "#1B2530"
                figure.add_annotation(x=j, y=i, text=text, showarrow=False, font={"color": colour, "size": 14})
    if selected and set(selected) <= set(classes):
        y, x = (classes.index(c) for c in selected)
        frame = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        figure.add_shape(type="rect", line={"color": PALETTE[1], "width": 3}, **frame)
    return figure


def has_curve(events: Sequence[Event], metric: str) -> bool:
    """Whether any epoch has this metric, on training or on validation samples."""
    return any(metric in e.values or f"val_{metric}" in e.values for e in events)


def learning_curves(runs: Mapping[str, Sequence[Event]], metric: str) -> go.Figure:
    """One metric over the epochs of one or several runs: validation as a line, training dotted in the same colour.

    Epochs are counted through all phases of a run, and with one run the places where a phase begins are marked.
    The folds of a cross-validated run lie over each other, each counted from 1.

    Args:
        runs: events per run, under the name to show.
        metric: as in `Event.values`, "loss" or "accuracy"; "val_" stands before it for validation samples.
    """
    figure = go.Figure()
    for colour, (name, events) in zip(PALETTE * len(runs), runs.items(), strict=False):
        folds = _by_fold(events, metric)
        for number, epochs in enumerate(folds):
            for key, label, dash in ((f"val_{metric}", "validation", "solid"), (metric, "training", "dot")):
                points = [(i, e.values[key]) for i, e in enumerate(epochs, start=1) if key in e.values]
                if not points:
                    continue
                # With several runs the legend names the runs by their solid lines; dots are training everywhere.
                title = label if len(runs) == 1 else _short(name, 28)
                figure.add_scatter(
                    x=[p[0] for p in points],
                    y=[p[1] for p in points],
                    mode="lines+markers" if len(points) == 1 else "lines",
                    name=title,
                    legendgroup=title,
                    showlegend=number == 0 and (len(runs) == 1 or dash == "solid"),
                    opacity=1.0 if len(folds) == 1 else 0.6,
                    line={"color": colour, "dash": dash, "width": 2},
                    hovertemplate=f"{_short(name, 28)}, {label}<br>epoch %{{x}}: %{{y:.3f}}<extra></extra>",
                )
    _layout(figure, CURVE_HEIGHT, showlegend=True)
    if len(runs) == 1:
        folds = _by_fold(next(iter(runs.values())), metric)
        if len(folds) == 1:
            _mark_phases(figure, folds[0])
    figure.update_xaxes(title={"text": "Epoch"}, rangemode="tozero", tickformat="d", showgrid=False)
    figure.update_yaxes(title={"text": metric.replace("_", " ").capitalize()}, nticks=6)
    return figure


def live_curve(events: Sequence[Event], metric: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One metric of a run at work, as a table and a Vega-Lite specification that never changes.

    Streamlit draws a changed Plotly chart anew, which blinks with every epoch; a Vega-Lite chart takes new rows in.
    The table has the columns epoch (counted through all phases, in each fold from 1), value, part and fold.
    """
    rows = [
        (i, e.values[key], part, fold)
        for fold, epochs in enumerate(_by_fold(events, metric))
        for i, e in enumerate(epochs, start=1)
        for key, part in ((f"val_{metric}", "validation"), (metric, "training"))
        if key in e.values
    ]
    spec = {
        "mark": {"type": "line", "color": PALETTE[0], "strokeWidth": 2},
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": "Epoch",
                "scale": {"domainMin": 0},
                "axis": {"grid": False, "format": "d", "tickMinStep": 1},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": metric.capitalize(),
                "scale": {"zero": False},
                "axis": {"tickCount": 6},
            },
            "strokeDash": {
                "field": "part",
                "type": "nominal",
                "scale": {"domain": ["validation", "training"], "range": [[1, 0], [2, 3]]},
                "legend": {"orient": "top", "title": None, "symbolType": "stroke", "symbolSize": 500},
            },
            "detail": {"field": "fold", "type": "nominal"},
        },
    }
    return pd.DataFrame(rows, columns=["epoch", "value", "part", "fold"]), spec


def _by_fold(events: Sequence[Event], metric: str) -> list[list[Event]]:
    folds: dict[str, list[Event]] = {}
    for event in events:
        if metric in event.values or f"val_{metric}" in event.values:
            match = _FOLD.match(event.phase)
            folds.setdefault(match[1] if match else "", []).append(event)
    return list(folds.values())


def _mark_phases(figure: go.Figure, epochs: Sequence[Event]) -> None:
    starts = [i for i, e in enumerate(epochs) if i == 0 or e.phase != epochs[i - 1].phase]
    if len(starts) < 2:
        return
    for start in starts:
        if start:
            figure.add_vline(x=start + 0.5, line={"color": GREY, "width": 1, "dash": "dash"})
        figure.add_annotation(
            x=start + 0.5, y=1, yref="paper", text=_short(epochs[start].phase.split(":")[0], 24), showarrow=False,
            xanchor="left" if start < 0.8 * len(epochs) else "right", yanchor="bottom",
            font={"size": 11, "color": GREY},
        )  # fmt: skip
    # The names stand between the plot and the legend.
    figure.update_layout(legend={"y": 1.12}, margin={"t": 48})


def intervals(rows: pd.DataFrame) -> go.Figure:
    """Dots with error bars: metrics down, one dot a run, in the runs' colours.

    Args:
        rows: columns `run`, `metric`, `value`, `low`, `high`; both orders as they first appear.
    """
    metrics, runs = list(dict.fromkeys(rows["metric"])), list(dict.fromkeys(rows["run"]))
    figure = go.Figure()
    for i, run in enumerate(runs):
        of_run = rows[rows["run"] == run]
        offset = (i - (len(runs) - 1) / 2) * min(0.22, 0.8 / len(runs))
        figure.add_scatter(
            x=of_run["value"],
            y=[metrics.index(m) + offset for m in of_run["metric"]],
            mode="markers",
            name=_short(run, 28),
            marker={"size": 10, "color": PALETTE[i % len(PALETTE)]},
            error_x=_error_bars(of_run["value"], of_run["low"], of_run["high"]),
            customdata=of_run[["metric", "low", "high"]],
            hovertemplate=_short(run, 28)
            + "<br>%{customdata[0]} %{x:.3f} (%{customdata[1]:.3f}–%{customdata[2]:.3f})<extra></extra>",
        )
    _layout(figure, 70 + len(metrics) * (28 + 26 * len(runs)), showlegend=len(runs) > 1)
    ticks = {"tickmode": "array", "tickvals": list(range(len(metrics))), "ticktext": metrics}
    figure.update_yaxes(**ticks, range=[len(metrics) - 0.5, -0.5], showgrid=False)
    figure.update_xaxes(nticks=6, showgrid=True)
    return figure


def _error_bars(value: Sequence[float], low: Sequence[float], high: Sequence[float]) -> dict[str, Any]:
    v, lower, upper = (np.asarray(x, dtype=float) for x in (value, low, high))
    return {
        "type": "data",
        "symmetric": False,
        "array": upper - v,
        "arrayminus": v - lower,
        "thickness": 2,
        "width": 5,
    }


def recall_bars(scores: Scores) -> go.Figure:
    """Recall of each class with its 95 % interval, in the class's colour, the first class on top."""
    colours = class_colours(scores.classes)
    recall = [c.recall for c in scores.per_class]
    low, high = zip(*(c.recall_ci for c in scores.per_class), strict=True)
    figure = go.Figure(
        go.Bar(
            x=recall,
            y=list(range(len(recall))),
            orientation="h",
            marker={"color": list(colours.values()), "line": {"width": 0}},
            error_x=_error_bars(recall, low, high) | {"color": GREY},
            customdata=[[c.name, c.support, *c.recall_ci] for c in scores.per_class],
            hovertemplate="%{customdata[0]}: recall %{x:.2f} (%{customdata[2]:.2f}–%{customdata[3]:.2f}),"
            " %{customdata[1]} samples<extra></extra>",
        )
    )
    _layout(figure, 60 + 30 * max(2, len(recall)), showlegend=False, bargap=0.25)
    figure.update_xaxes(range=[0, 1], title={"text": "Recall"}, nticks=6, showgrid=True)
    figure.update_yaxes(**_class_ticks(scores.classes), autorange="reversed", showgrid=False)
    return figure
