"""Charts of many runs: their settings, time and size against their score."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.charts.style import GREY, PALETTE, apply_layout, error_bars, shorten

HEIGHT = 320


def parallel_coordinates(settings: Mapping[str, Sequence[Any]], score: Sequence[float], title: str) -> go.Figure:
    """A line a run through its settings to its score, from grey to orange with the score.

    A setting of numbers is drawn as such; of anything else, or where a run has none, its values stand one above the
    other in the order in which they first appear.

    Args:
        settings: the runs' values of each setting, all as long as `score`.
        score: of each run.
        title: the score's name.
    """
    dimensions = [_dimension(name, values) for name, values in settings.items()]
    dimensions.append({"label": title, "values": list(score), "tickformat": ".2f"})
    figure = go.Figure(
        go.Parcoords(
            dimensions=dimensions,
            line={"color": list(score), "colorscale": [[0.0, GREY], [1.0, PALETTE[1]]], "showscale": False},
            labelside="top",
        )
    )
    apply_layout(figure, HEIGHT)
    figure.update_layout(margin={"l": 70, "r": 50, "t": 50, "b": 20})
    return figure


def _dimension(name: str, values: Sequence[Any]) -> dict[str, Any]:
    label = shorten(name.replace("_", " "), 18)
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        shown = sorted(set(values))
        ticks = {"tickvals": shown, "ticktext": [f"{v:g}" for v in shown]} if len(shown) <= 6 else {}
        return {"label": label, "values": list(values), **ticks}
    said = ["none" if v is None else str(v) for v in values]
    places = list(dict.fromkeys(said))
    return {
        "label": label,
        "values": [places.index(v) for v in said],
        "tickvals": list(range(len(places))),
        "ticktext": [shorten(p, 18) for p in places],
        "range": [-0.5, len(places) - 0.5],
    }


def score_against_cost(rows: pd.DataFrame, title: str, score: str) -> go.Figure:
    """Score against what a run costs, on a logarithmic axis, a dot with its 95 % interval each, in the runs' colours.

    Args:
        rows: columns `run`, `cost` (above 0), `value`, `low`, `high`.
        title: what the cost is, with its unit.
        score: the score's name.
    """
    figure = go.Figure()
    columns = (rows[c] for c in ("run", "cost", "value", "low", "high"))
    for i, (run, price, value, low, high) in enumerate(zip(*columns, strict=True)):
        name = shorten(run, 28)
        colour = PALETTE[i % len(PALETTE)]
        figure.add_scatter(
            x=[price],
            y=[value],
            mode="markers",
            name=name,
            marker={"size": 11, "color": colour},
            error_y=error_bars([value], [low], [high]),
            customdata=[[low, high]],
            hovertemplate=name + "<br>%{x:.3g}, %{y:.3f} (%{customdata[0]:.3f}–%{customdata[1]:.3f})<extra></extra>",
        )
    apply_layout(figure, HEIGHT + 20 * (len(rows) // 3), showlegend=True)
    # Twice and half as much at the ends: costs that hardly differ are not drawn far apart.
    ends = [math.log10(rows["cost"].min() / 2), math.log10(rows["cost"].max() * 2)]
    figure.update_xaxes(type="log", range=ends, title={"text": title}, showgrid=False, nticks=6)
    figure.update_yaxes(title={"text": score}, nticks=6)
    return figure
