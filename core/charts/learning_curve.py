"""Learning curves: accuracy against the number of images."""

import numpy as np
import plotly.graph_objects as go

from core.advice.transferability.record import ClassDoubling, LearningCurve
from core.charts.style import GREY, PALETTE, apply_layout, shorten

HEIGHT = 340
BAND = "rgba(0,114,178,0.15)"
HOVER = "%{x:,.0f} images: %{y:.1%} (%{customdata[0]:.1%}–%{customdata[1]:.1%})<extra></extra>"


def growth_curve(growth: LearningCurve) -> go.Figure:
    """Accuracy against images, measured as dots, the fitted law with its band, dashed beyond what there is."""
    line = np.array(growth.line)
    n, _, low, high = line.T
    figure = go.Figure()
    figure.add_scatter(
        x=np.concatenate([n, n[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        fillcolor=BAND,
        line={"width": 0},
        hoverinfo="skip",
        name="95 % interval",
    )
    for name, dash, part in (
        ("fitted law", "solid", line[n <= growth.n]),
        ("with more images", "dash", line[n >= growth.n]),
    ):
        figure.add_scatter(
            x=part[:, 0],
            y=part[:, 1],
            mode="lines",
            name=name,
            line={"color": PALETTE[0], "width": 2, "dash": dash},
            customdata=part[:, 2:],
            hovertemplate=HOVER,
        )
    figure.add_scatter(
        x=[p.n for p in growth.points],
        y=[p.accuracy for p in growth.points],
        mode="markers",
        name="measured",
        marker={"color": PALETTE[1], "size": 9},
        customdata=[p.accuracy_ci for p in growth.points],
        hovertemplate=HOVER,
    )
    apply_layout(figure, HEIGHT, showlegend=True)
    ticks = [round(growth.n * times) for times in (1 / 8, 1 / 4, 1 / 2, 1, 2) if growth.n * times >= n[0]]
    figure.update_xaxes(
        type="log",
        range=[np.log10(0.9 * n[0]), np.log10(1.1 * n[-1])],  # room for the number below the last point
        title={"text": "Images"},
        tickmode="array",
        tickvals=ticks,
        ticktext=[f"{t:,}" for t in ticks],
    )
    figure.update_yaxes(title={"text": "Right, held out"}, tickformat=".0%", nticks=6)
    return figure


def class_growth(classes: tuple[ClassDoubling, ...]) -> go.Figure:
    """A line a class from its recall now to that with twice the images, in the order given."""
    figure = go.Figure()
    places = list(range(len(classes)))
    for place, c in enumerate(classes):
        figure.add_scatter(
            x=[c.now, c.doubled],
            y=[place, place],
            mode="lines",
            line={"color": GREY, "width": 2},
            hoverinfo="skip",
            showlegend=False,
        )
    for name, colour, values in (
        ("now", PALETTE[0], [c.now for c in classes]),
        ("with twice the images", PALETTE[1], [c.doubled for c in classes]),
    ):
        figure.add_scatter(
            x=values,
            y=places,
            mode="markers",
            name=name,
            marker={"color": colour, "size": 10},
            customdata=[shorten(c.name, 30) for c in classes],
            text=[f"{c.gain:.1%} ({c.gain_ci[0]:.1%}–{c.gain_ci[1]:.1%})" for c in classes],
            hovertemplate="%{customdata}: %{x:.1%}<br>gains %{text}<extra></extra>",
        )
    apply_layout(figure, 80 + 30 * len(classes), showlegend=True)
    figure.update_yaxes(
        tickmode="array",
        tickvals=places,
        ticktext=[shorten(c.name) for c in classes],
        range=[len(classes) - 0.5, -0.5],
        showgrid=False,
    )
    figure.update_xaxes(title={"text": "Recall"}, tickformat=".0%", nticks=5)
    return figure
