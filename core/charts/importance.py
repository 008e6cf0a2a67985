"""Permutation importance and partial dependence of a table's columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from core.charts.style import GREY, PALETTE, apply_layout, class_colours, error_bars, shorten

if TYPE_CHECKING:
    from core.inference.explaining.record import ColumnImportance, Dependence

HEIGHT = 260


def importance_bars(importances: "Sequence[ColumnImportance]") -> go.Figure:
    """Permutation importance of each column in points, with its interval, the largest on top."""
    figure = go.Figure()
    for matters, colour, title in ((True, PALETTE[0], "matters"), (False, GREY, "not shown to matter")):
        rows = [(i, c) for i, c in enumerate(importances) if (c.low > 0) == matters]
        drop, low, high = 100 * np.array([(c.drop, c.low, c.high) for _, c in rows]).reshape(-1, 3).T
        figure.add_scatter(
            x=drop,
            y=[i for i, _ in rows],
            mode="markers",
            name=title,
            marker={"size": 9, "color": colour},
            error_x=error_bars(drop, low, high),
            customdata=[[shorten(c.column, 40), 100 * c.low, 100 * c.high] for _, c in rows],
            hovertemplate="%{customdata[0]}: %{x:.1f} points (%{customdata[1]:.1f} to %{customdata[2]:.1f})"
            "<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": GREY, "width": 1.5, "dash": "dot"})
    apply_layout(figure, 90 + 26 * max(3, len(importances)), showlegend=any(c.low <= 0 for c in importances))
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(importances))),
        ticktext=[shorten(c.column, 24) for c in importances],
        range=[len(importances) - 0.5, -0.5],
        showgrid=False,
    )
    figure.update_xaxes(title={"text": "Points of accuracy lost when it is shuffled"}, nticks=6, showgrid=True)
    return figure


def partial_dependence(dependence: "Dependence", classes: Sequence[str], *, legend: bool = True) -> go.Figure:
    """Mean probability of each class over the column's values: lines of a number, dots of categories.

    One `legend` is enough for several charts side by side.
    """
    figure = go.Figure()
    number = bool(dependence.values) and not isinstance(dependence.values[0], str)
    for name, values in dependence.probabilities.items():
        figure.add_scatter(
            x=dependence.values if number else [shorten(str(v)) for v in dependence.values],
            y=values,
            mode="lines" if number else "markers",
            name=shorten(name),
            line={"color": class_colours(classes)[name], "width": 2},
            marker={"color": class_colours(classes)[name], "size": 9},
            hovertemplate=f"{shorten(name, 28)}: %{{y:.2f}} at %{{x}}<extra></extra>",
        )
    apply_layout(figure, HEIGHT, showlegend=legend)
    figure.update_xaxes(title={"text": shorten(dependence.column, 40)}, nticks=6)
    figure.update_yaxes(title={"text": "Mean probability"}, range=[-0.02, 1.02], nticks=6)
    return figure
