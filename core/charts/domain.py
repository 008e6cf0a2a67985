"""Two data sets beside each other as pure Plotly figures: the source is blue, the target orange."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts.style import GREY, PALETTE, apply_layout, error_bars, shorten
from core.evaluation.intervals import Interval

MAP_HEIGHT, HEIGHT = 460, 280
COLOURS = {"source": PALETTE[0], "target": PALETTE[1]}
SHAPES = {"source": "circle", "target": "diamond"}
BARS = 10  # categories shown, the rest together in one more
MOST_BINS = 30


def domain_map(points: pd.DataFrame, names: dict[str, str]) -> go.Figure:
    """One dot a sample, in its side's colour.

    Args:
        points: columns side (`source` or `target`), path, x and y.
        names: what the sides are called.
    """
    figure = go.Figure()
    for side, name in names.items():
        mine = points[points["side"] == side]
        figure.add_scattergl(
            x=mine["x"],
            y=mine["y"],
            mode="markers",
            name=shorten(name, 30),
            text=mine["path"],
            hovertemplate="%{text}<extra>%{fullData.name}</extra>",
            marker={"color": COLOURS[side], "size": 7, "opacity": 0.75, "symbol": SHAPES[side]},
        )
    apply_layout(figure, MAP_HEIGHT, showlegend=True)
    hidden = {"visible": False, "showgrid": False}
    figure.update_xaxes(**hidden)
    figure.update_yaxes(**hidden)
    return figure


def column_sides(values: dict[str, pd.Series], names: dict[str, str]) -> go.Figure:
    """The distribution of one column on both sides, in shares of its cells; missing cells are a bar of their own.

    Args:
        values: `source` and `target`, all numbers or all categories.
        names: what the sides are called.
    """
    numeric = all(pd.api.types.is_numeric_dtype(v) and not pd.api.types.is_bool_dtype(v) for v in values.values())
    return _numbers(values, names) if numeric else _categories(values, names)


def gain_intervals(gains: Mapping[str, tuple[float, Interval]]) -> go.Figure:
    """Gains by name, in shares, shown in points with their intervals; 0 is a dashed line."""
    names = [shorten(name, 30) for name in gains]
    values, low, high = 100 * np.array([(gain, *ends) for gain, ends in gains.values()]).T
    figure = go.Figure()
    figure.add_scatter(
        x=values,
        y=list(range(len(names))),
        mode="markers",
        marker={"size": 10, "color": PALETTE[0]},
        error_x=error_bars(values, low, high),
        customdata=np.column_stack([low, high]),
        text=names,
        hovertemplate="%{text}: %{x:+.1f} points (%{customdata[0]:+.1f} to %{customdata[1]:+.1f})<extra></extra>",
    )
    figure.add_vline(0, line={"dash": "dash", "color": GREY, "width": 1})
    apply_layout(figure, 90 + 34 * len(names), showlegend=False)
    ticks = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names}
    figure.update_yaxes(**ticks, range=[len(names) - 0.5, -0.5], showgrid=False)
    figure.update_xaxes(title="gain in points", nticks=6, showgrid=True)
    return figure


def _numbers(values: dict[str, pd.Series], names: dict[str, str]) -> go.Figure:
    figure = go.Figure()
    known = np.concatenate([v.dropna().to_numpy(float) for v in values.values()])
    # A few outliers would squeeze all others into one bin.
    low, high = np.quantile(known, (0.005, 0.995)) if len(known) else (0.0, 1.0)
    bins = min(MOST_BINS, max(5, round(2 * len(known) ** (1 / 3))))
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    for side, column in values.items():
        counts, _ = np.histogram(np.clip(column.dropna().to_numpy(float), low, high), edges)
        gaps = float(column.isna().mean())
        shown = shorten(names[side], 30) + (f" ({gaps:.0%} missing)" if gaps else "")
        share = counts / max(1, len(column))
        figure.add_scatter(
            x=np.repeat(edges, 2)[1:-1],
            y=np.repeat(share, 2),
            mode="lines",
            name=shown,
            line={"color": COLOURS[side], "width": 2},
            fill="tozeroy",
            hovertemplate="%{x:.4g}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
    apply_layout(figure, HEIGHT, showlegend=True)
    figure.update_yaxes(tickformat=".0%", nticks=5, title={"text": "Share of rows"}, rangemode="tozero")
    figure.update_xaxes(nticks=6, showgrid=False)
    return figure


def _categories(values: dict[str, pd.Series], names: dict[str, str]) -> go.Figure:
    words = {side: v.astype("object").where(v.notna(), "missing").astype("str") for side, v in values.items()}
    order = pd.concat(words.values()).value_counts()
    shown = order.index[:BARS].tolist()
    ticks = [shorten(name) for name in shown]
    if len(order) > BARS:
        ticks.append(f"{len(order) - BARS} more")
    figure = go.Figure()
    for side, column in words.items():
        shares = column.value_counts(normalize=True)
        of_shown = shares.reindex(shown, fill_value=0).tolist()
        if len(order) > BARS:
            of_shown.append(max(0.0, 1 - sum(of_shown)))
        figure.add_bar(
            x=of_shown,
            y=list(range(len(ticks))),
            orientation="h",
            name=shorten(names[side], 30),
            marker={"color": COLOURS[side], "line": {"width": 0}},
            customdata=ticks,
            hovertemplate="%{customdata}: %{x:.1%}<extra>%{fullData.name}</extra>",
        )
    apply_layout(figure, max(HEIGHT, 70 + 34 * len(ticks)), showlegend=True, bargap=0.3, barmode="group")
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(len(ticks))), ticktext=ticks, autorange="reversed", showgrid=False
    )
    figure.update_xaxes(tickformat=".0%", nticks=5, title={"text": "Share of rows"})
    return figure
