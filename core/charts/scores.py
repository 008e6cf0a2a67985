"""Scores with their intervals."""

import pandas as pd
import plotly.graph_objects as go

from core.charts.style import GREY, PALETTE, apply_layout, class_colours, class_ticks, error_bars, shorten
from core.evaluation.scores import Scores


def score_intervals(rows: pd.DataFrame) -> go.Figure:
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
            name=shorten(run, 28),
            marker={"size": 10, "color": PALETTE[i % len(PALETTE)]},
            error_x=error_bars(of_run["value"], of_run["low"], of_run["high"]),
            customdata=of_run[["metric", "low", "high"]],
            hovertemplate=shorten(run, 28)
            + "<br>%{customdata[0]} %{x:.3f} (%{customdata[1]:.3f}–%{customdata[2]:.3f})<extra></extra>",
        )
    apply_layout(figure, 70 + len(metrics) * (28 + 26 * len(runs)), showlegend=len(runs) > 1)
    ticks = {"tickmode": "array", "tickvals": list(range(len(metrics))), "ticktext": metrics}
    figure.update_yaxes(**ticks, range=[len(metrics) - 0.5, -0.5], showgrid=False)
    figure.update_xaxes(nticks=6, showgrid=True)
    return figure


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
            error_x=error_bars(recall, low, high) | {"color": GREY},
            customdata=[[c.name, c.support, *c.recall_ci] for c in scores.per_class],
            hovertemplate="%{customdata[0]}: recall %{x:.2f} (%{customdata[2]:.2f}–%{customdata[3]:.2f}),"
            " %{customdata[1]} samples<extra></extra>",
        )
    )
    apply_layout(figure, 60 + 30 * max(2, len(recall)), showlegend=False, bargap=0.25)
    figure.update_xaxes(range=[0, 1], title={"text": "Recall"}, nticks=6, showgrid=True)
    figure.update_yaxes(**class_ticks(scores.classes), autorange="reversed", showgrid=False)
    return figure
