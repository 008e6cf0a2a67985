"""Loss, accuracy and learning rate over the epochs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.charts.style import GREY, PALETTE, apply_layout, shorten
from core.schemas import Event

CURVE_HEIGHT = 280
SET = "learning_rate"  # a setting, not a metric: one solid line instead of one for each part
PENALTIES = "Penalty tried, the strongest first"
_FOLD = re.compile(r"^(fold \d+ of \d+) · ")


def has_curve(events: Sequence[Event], metric: str) -> bool:
    """Whether any epoch has this metric, on training or on validation samples."""
    return any(metric in e.values or f"val_{metric}" in e.values for e in events)


def learning_curves(runs: Mapping[str, Sequence[Event]], metric: str) -> go.Figure:
    """One metric over the epochs of one or several runs: validation as a line, training dotted in the same colour.

    Epochs are counted through all phases of a run, and with one run the places where a phase begins are marked.
    The folds of a cross-validated run are overlaid, each counted from 1.

    Args:
        runs: events per run, under the name to show.
        metric: as in `Event.values`, "loss" or "accuracy"; prefixed with "val_" for validation samples.
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
                title = label if len(runs) == 1 else shorten(name, 28)
                figure.add_scatter(
                    x=[p[0] for p in points],
                    y=[p[1] for p in points],
                    mode="lines+markers" if len(points) == 1 else "lines",
                    name=title,
                    legendgroup=title,
                    showlegend=number == 0 and metric != SET and (len(runs) == 1 or dash == "solid"),
                    opacity=1.0 if len(folds) == 1 else 0.6,
                    line={"color": colour, "dash": "solid" if metric == SET else dash, "width": 2},
                    hovertemplate=f"{shorten(name, 28)}, {label}<br>epoch %{{x}}: %{{y:.3f}}<extra></extra>",
                )
    apply_layout(figure, CURVE_HEIGHT, showlegend=True)
    if len(runs) == 1:
        folds = _by_fold(next(iter(runs.values())), metric)
        if len(folds) == 1:
            _mark_phases(figure, folds[0])
    title = _counted([event for events in runs.values() for event in events])
    figure.update_xaxes(title={"text": title}, rangemode="tozero", tickformat="d", showgrid=False)
    figure.update_yaxes(title={"text": metric.replace("_", " ").capitalize()}, nticks=6)
    return figure


def live_curve(events: Sequence[Event], metric: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One metric of a running run, as a table and a Vega-Lite specification that never changes.

    Streamlit redraws a changed Plotly chart, which flickers with every epoch; a Vega-Lite chart accepts new rows. The
    table has the columns epoch (counted through all phases, in each fold from 1), value, part and fold.
    """
    rows = [
        (i, e.values[key], part, fold)
        for fold, epochs in enumerate(_by_fold(events, metric))
        for i, e in enumerate(epochs, start=1)
        for key, part in ((f"val_{metric}", "validation"), (metric, "training"))
        if key in e.values
    ]
    spec: dict[str, Any] = {
        "mark": {"type": "line", "color": PALETTE[0], "strokeWidth": 2},
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": _counted(events),
                "scale": {"domainMin": 0},
                "axis": {"grid": False, "format": "d", "tickMinStep": 1},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": metric.replace("_", " ").capitalize(),
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
    if metric == SET:
        del spec["encoding"]["strokeDash"]
    return pd.DataFrame(rows, columns=["epoch", "value", "part", "fold"]), spec


def _counted(events: Sequence[Event]) -> str:
    """What the steps are: epochs or, where a head was solved and nothing else trained, the penalties tried for it."""
    steps = [event.values for event in events if event.values]
    return PENALTIES if steps and all("l2" in values for values in steps) else "Epoch"


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
            x=start + 0.5, y=1, yref="paper", text=shorten(epochs[start].phase.split(":")[0], 24), showarrow=False,
            xanchor="left" if start < 0.8 * len(epochs) else "right", yanchor="bottom",
            font={"size": 11, "color": GREY},
        )  # fmt: skip
    # The names are between the plot and the legend.
    figure.update_layout(legend={"y": 1.12}, margin={"t": 48})
