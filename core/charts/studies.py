"""Charts of a study: optimization history, hyperparameter importance, and a slice plot per setting."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from core.charts.style import GREY, PALETTE, apply_layout, shorten

if TYPE_CHECKING:
    from core.studies.record import Trial

HEIGHT = 250
DOTS = {"complete": ("complete", PALETTE[0]), "pruned": ("ended early", GREY)}


def search_history(trials: "Sequence[Trial]", title: str, *, least: bool) -> go.Figure:
    """A dot a trial in the order they were made, and the best so far as a line. `least`: lower is better."""
    figure = go.Figure()
    judged = [t for t in trials if t.value is not None]
    for state, (said, colour) in DOTS.items():
        shown = [t for t in judged if t.state == state]
        figure.add_scatter(
            x=[t.number + 1 for t in shown],
            y=[t.value for t in shown],
            mode="markers",
            name=said,
            marker={"color": colour, "size": 8},
            hovertemplate="trial %{x}: %{y:.4g}<extra></extra>",
        )
    best: list[float] = []
    for value in (t.value for t in judged if t.state == "complete" and t.value is not None):
        best.append(value if not best else min(best[-1], value) if least else max(best[-1], value))
    figure.add_scatter(
        x=[t.number + 1 for t in judged if t.state == "complete"],
        y=best,
        mode="lines",
        name="best so far",
        line={"color": PALETTE[1], "width": 2, "shape": "hv"},
        hoverinfo="skip",
    )
    apply_layout(figure, HEIGHT, showlegend=True)
    last = max(t.number + 1 for t in judged)
    ticks = {"dtick": 1} if last <= 20 else {"nticks": 8}
    figure.update_xaxes(title={"text": "Trial"}, range=[0.5, last + 0.5], showgrid=False, **ticks)
    figure.update_yaxes(title={"text": title}, nticks=6, range=_window([t.value for t in judged], least))
    return figure


def search_importance(importance: dict[str, float]) -> go.Figure:
    """Each setting's share of the objective's variance (fANOVA), the largest on top."""
    rows = sorted(importance.items(), key=lambda item: item[1])
    figure = go.Figure(
        go.Bar(
            x=[share for _, share in rows],
            y=[shorten(name.replace("_", " "), 24) for name, _ in rows],
            orientation="h",
            marker={"color": PALETTE[0]},
            hovertemplate="%{y}: %{x:.0%}<extra></extra>",
        )
    )
    apply_layout(figure, 70 + 28 * max(2, len(rows)))
    figure.update_xaxes(range=[0, 1], tickformat=".0%", nticks=5, title={"text": "Share of the differences"})
    return figure


def setting_slice(trials: "Sequence[Trial]", field: str, title: str, *, log: bool, least: bool) -> go.Figure:
    """The objective over one setting, later trials darker, which shows how the search progressed."""
    shown = [t for t in trials if t.value is not None and field in t.values]
    values = [t.values[field] for t in shown]
    number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    figure = go.Figure(
        go.Scatter(
            x=values if number else [shorten(str(v), 18) for v in values],
            y=[t.value for t in shown],
            mode="markers",
            marker={
                "color": [t.number for t in shown],
                "colorscale": [[0.0, "rgba(0,114,178,0.25)"], [1.0, PALETTE[0]]],
                "size": 8,
            },
            customdata=[t.number + 1 for t in shown],
            hovertemplate="trial %{customdata}: %{x} → %{y:.4g}<extra></extra>",
        )
    )
    apply_layout(figure, 210)
    figure.update_xaxes(title={"text": field.replace("_", " ").capitalize()}, nticks=5, showgrid=False)
    if number and log and values:
        figure.update_xaxes(type="log")
    figure.update_yaxes(title={"text": title}, nticks=5, range=_window([t.value for t in shown], least))
    return figure


def _window(values: "Sequence[float | None]", least: bool) -> list[float] | None:
    """The range of the axis: all values, unless a few bad trials would squeeze the good ones into a line."""
    known = sorted(v for v in values if v is not None and math.isfinite(v))
    if len(known) < 8:
        return None
    if not least:
        known = [-v for v in reversed(known)]
    low, high = known[0], known[int(0.9 * (len(known) - 1))]
    worst = min(known[-1], high + 1.5 * (high - low))
    margin = 0.06 * (worst - low) or 0.01
    return [low - margin, worst + margin] if least else [-worst - margin, -low + margin]
