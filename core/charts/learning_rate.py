"""The curve of a learning-rate range test."""

from collections.abc import Sequence

import plotly.graph_objects as go

from core.charts.style import GREY, PALETTE, apply_layout

HEIGHT = 260


def learning_rate_curve(
    rates: Sequence[float], losses: Sequence[float], smooth: Sequence[float], suggestion: float
) -> go.Figure:
    """The loss of each batch over its learning rate (logarithmic) as dots, smoothed as a line; one rate is marked.

    Losses far above the initial one, after divergence, are cut off.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=list(rates),
        y=list(losses),
        mode="markers",
        name="each batch",
        marker={"color": GREY, "size": 4},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=list(rates),
        y=list(smooth),
        mode="lines",
        name="smoothed",
        line={"color": PALETTE[0], "width": 2},
        hovertemplate="rate %{x:.1e}: loss %{y:.3f}<extra></extra>",
    )
    figure.add_vline(x=suggestion, line={"color": PALETTE[1], "width": 2, "dash": "dash"})
    apply_layout(figure, HEIGHT, showlegend=True)
    low, high = min(smooth), max(smooth[: max(1, len(smooth) // 2)])
    room = 0.15 * (high - low) or 0.1
    figure.update_xaxes(
        type="log", title={"text": "Learning rate"}, showgrid=False, dtick=1, exponentformat="power", tickangle=0
    )
    figure.update_yaxes(title={"text": "Loss"}, nticks=5, range=[low - room, high + 2 * room])
    return figure
