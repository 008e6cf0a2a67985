"""Feature scores, and the held-out score by number of features."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from core.charts.style import GREY, PALETTE, apply_layout, shorten

HEIGHT = 280
BARS = 20  # with more features the scores are a line without names


def feature_scores(scores: Mapping[str, float], kept: int) -> go.Figure:
    """Scores, the best first: bars with names of a few columns, else a line over the rank; what is kept is blue."""
    figure = go.Figure()
    values, names = list(scores.values()), list(scores)
    if len(values) <= BARS:
        colours = [PALETTE[0] if i < kept else GREY for i in range(len(values))]
        figure.add_bar(
            x=values,
            y=list(range(len(values))),
            orientation="h",
            marker={"color": colours},
            customdata=names,
            hovertemplate="%{customdata}: %{x:.3g}<extra></extra>",
        )
        apply_layout(figure, max(HEIGHT, 22 * len(values) + 60))
        figure.update_yaxes(
            autorange="reversed",
            tickmode="array",
            tickvals=list(range(len(values))),
            ticktext=[shorten(n, 20) for n in names],
        )
        figure.update_xaxes(title={"text": "Score"}, nticks=5)
        return figure
    ranks = list(range(1, len(values) + 1))
    for name, colour, part in (("kept", PALETTE[0], slice(0, kept)), ("left out", GREY, slice(kept, None))):
        figure.add_scatter(
            x=ranks[part],
            y=values[part],
            customdata=names[part],
            mode="lines",
            name=name,
            line={"color": colour, "width": 2},
            fill="tozeroy",
            hovertemplate="feature %{customdata}, rank %{x}: %{y:.3g}<extra></extra>",
        )
    apply_layout(figure, HEIGHT, showlegend=True)
    figure.update_xaxes(title={"text": "Rank of the feature"}, showgrid=False, nticks=6)
    figure.update_yaxes(title={"text": "Score"}, nticks=5)
    return figure


def selection_curve(
    counts: Sequence[int], score: Sequence[float], deviation: Sequence[float], kept: int
) -> go.Figure:
    """A held-out score against how many features are kept, on a logarithmic axis; the step's number is marked."""
    figure = go.Figure()
    figure.add_scatter(
        x=list(counts),
        y=list(score),
        error_y={"type": "data", "array": list(deviation), "color": GREY, "thickness": 1, "width": 3},
        mode="lines+markers",
        line={"color": PALETTE[0], "width": 2},
        hovertemplate="%{x} kept: %{y:.3f}<extra></extra>",
        showlegend=False,
    )
    place = list(counts).index(kept)
    figure.add_scatter(
        x=[kept],
        y=[score[place]],
        mode="markers",
        name=f"{kept:,} kept by this step",
        marker={"color": PALETTE[1], "size": 12},
        hovertemplate=f"{kept:,} kept: %{{y:.3f}}<extra></extra>",
    )
    apply_layout(figure, HEIGHT, showlegend=True)
    ticks = [c for c in (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000) if c <= max(counts)]
    figure.update_xaxes(
        type="log", title={"text": "Kept"}, tickmode="array", tickvals=ticks, ticktext=[f"{t:,}" for t in ticks]
    )
    figure.update_yaxes(title={"text": "Macro-F1, held out"}, nticks=6)
    return figure
