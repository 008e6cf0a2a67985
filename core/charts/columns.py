"""Charts of a table's columns, as pure Plotly figures in the look of `core.charts.style`."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts.style import PALETTE, SEQUENTIAL, apply_layout, shorten

HEIGHT = 240
BARS = 15  # categories shown, the rest together in one bar
ROWS = 400  # of a missing-cell matrix
COLUMNS = 40  # of a matrix
MISSING = PALETTE[1]


def histogram(values: pd.Series) -> go.Figure:
    """A column's numbers in bins, or its categories, the most frequent first; missing cells as a bar of their own."""
    present, gaps = values.dropna(), int(values.isna().sum())
    figure = go.Figure()
    if pd.api.types.is_numeric_dtype(values):
        if len(present):
            counts, edges = np.histogram(present.to_numpy(), bins="auto" if len(present) < 10_000 else 60)
            counts, edges = (counts, edges) if len(counts) <= 80 else np.histogram(present.to_numpy(), bins=80)
            figure.add_bar(
                x=(edges[:-1] + edges[1:]) / 2,
                y=counts,
                width=np.diff(edges),
                customdata=np.stack([edges[:-1], edges[1:]], axis=1),
                hovertemplate="%{customdata[0]:.4g} to %{customdata[1]:.4g}: %{y}<extra></extra>",
                marker={"color": PALETTE[0], "line": {"width": 0}},
            )
        apply_layout(figure, HEIGHT, showlegend=False, bargap=0)
        figure.update_xaxes(nticks=6, showgrid=False)
        figure.update_yaxes(nticks=5, title={"text": "Rows"})
        if gaps:
            text = f"{gaps:,} missing"
            figure.add_annotation(
                x=1, y=1, xref="paper", yref="paper", text=text, showarrow=False, font={"color": MISSING}
            )
        return figure
    all_counts = present.value_counts()
    frequent = all_counts.head(BARS)
    names, sizes = [str(name) for name in frequent.index], frequent.tolist()
    colours = [PALETTE[0]] * len(names)
    for name, n, colour in (
        (f"{len(all_counts) - BARS} more", int(all_counts.iloc[BARS:].sum()), PALETTE[6]),
        ("missing", gaps, MISSING),
    ):
        if n:
            names, sizes, colours = [*names, name], [*sizes, n], [*colours, colour]
    figure.add_bar(
        x=sizes,
        y=list(range(len(names))),
        orientation="h",
        marker={"color": colours, "line": {"width": 0}},
        customdata=names,
        hovertemplate="%{customdata}: %{x}<extra></extra>",
    )
    apply_layout(figure, max(HEIGHT, 50 + 22 * len(names)), showlegend=False, bargap=0.25)
    ticks = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": [shorten(n) for n in names]}
    figure.update_yaxes(**ticks, autorange="reversed", showgrid=False)
    figure.update_xaxes(nticks=5, title={"text": "Rows"})
    return figure


def box_plot(values: pd.Series) -> go.Figure:
    """A column of numbers as a box with whiskers at 1.5 interquartile ranges (Tukey 1977); dots beyond."""
    figure = go.Figure(
        go.Box(
            x=values.dropna(),
            name="",
            orientation="h",
            boxpoints="outliers",
            marker={"color": PALETTE[0], "size": 4, "opacity": 0.6},
            line={"width": 2},
            hoverinfo="x",
        )
    )
    apply_layout(figure, 150, showlegend=False)
    figure.update_xaxes(nticks=6, showgrid=True)
    figure.update_yaxes(showticklabels=False, showgrid=False)
    return figure


def missing_matrix(table: pd.DataFrame) -> go.Figure:
    """Rows down, columns across, a missing cell filled; at most 400 rows, evenly picked."""
    rows = table.iloc[np.unique(np.linspace(0, max(0, len(table) - 1), ROWS).astype(int))] if len(table) else table
    rows = rows.iloc[:, :COLUMNS]
    names = [str(name) for name in rows.columns]
    shares = table.isna().mean()
    figure = go.Figure(
        go.Heatmap(
            z=rows.isna().to_numpy(dtype="int8"),
            x=list(range(len(names))),
            zmin=0,
            zmax=1,
            colorscale=[[0, "rgba(0,114,178,0.12)"], [1, MISSING]],
            showscale=False,
            customdata=np.tile([[f"{name}: {shares[name]:.1%} missing" for name in names]], (len(rows), 1)),
            hovertemplate="%{customdata}<extra></extra>",
            xgap=1,
        )
    )
    apply_layout(figure, HEIGHT + 60, showlegend=False)
    figure.update_xaxes(**_named(names), tickangle=-45, showgrid=False)
    figure.update_yaxes(autorange="reversed", showticklabels=False, showgrid=False, title={"text": "Rows"})
    return figure


def correlation_matrix(table: pd.DataFrame) -> go.Figure:
    """|r| (Pearson) between columns of numbers, at most 40; the sign is shown on hover."""
    numbers = table.select_dtypes("number").iloc[:, :COLUMNS]
    names = [str(name) for name in numbers.columns]
    r = numbers.corr().to_numpy()
    figure = go.Figure(
        go.Heatmap(
            z=np.abs(r),
            x=list(range(len(names))),
            y=list(range(len(names))),
            zmin=0,
            zmax=1,
            colorscale=SEQUENTIAL,
            showscale=False,
            xgap=1,
            ygap=1,
            customdata=[[f"{shorten(a)} and {shorten(b)}: r = {v:.2f}" for b, v in zip(names, row, strict=True)]
                        for a, row in zip(names, r, strict=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )  # fmt: skip
    apply_layout(figure, HEIGHT + 60, showlegend=False)
    figure.update_xaxes(**_named(names), tickangle=-45, showgrid=False)
    figure.update_yaxes(**_named(names), autorange="reversed", showgrid=False)
    return figure


def _named(names: list[str]) -> dict[str, object]:
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [shorten(name, 12) for name in names],
    }
