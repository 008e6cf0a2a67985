"""Calibration and ranking: reliability diagrams, coverage, ROC and precision–recall curves, thresholds, slices."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts.style import GREY, PALETTE, apply_layout, class_colours, error_bars, shorten

if TYPE_CHECKING:  # SciPy and scikit-learn, which the first page does not wait for
    from core.evaluation.slices import Slice
    from core.evaluation.threshold_curves import ClassCurves

HEIGHT = 340


def reliability_diagram(tables: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Accuracy against confidence, a dot per bin, with its interval; the diagonal is perfect calibration.

    Args:
        tables: name → what `calibration.reliability_table` gives, such as before and after a temperature.
    """
    figure = _square()
    for i, (name, bins) in enumerate(tables.items()):
        figure.add_scatter(
            x=bins["confidence"],
            y=bins["right"],
            mode="lines+markers",
            name=name,
            line={"color": PALETTE[i], "width": 1.5},
            marker={"size": 8},
            error_y=error_bars(bins["right"], bins["low"], bins["high"]),
            customdata=bins[["n", "low", "high"]],
            hovertemplate="confidence %{x:.2f}: %{y:.2f} right (%{customdata[1]:.2f}–%{customdata[2]:.2f}),"
            " %{customdata[0]} samples<extra></extra>",
        )
    apply_layout(figure, HEIGHT, showlegend=len(tables) > 1)
    return _unit_axes(figure, "Confidence", "Share right")


def coverage_curve(table: pd.DataFrame) -> go.Figure:
    """Accuracy of the accepted predictions, with its interval, against their share."""
    colour = PALETTE[0]
    figure = go.Figure()
    for edge, fill in (("high", None), ("low", "tonexty")):
        figure.add_scatter(
            x=table["covered"],
            y=table[edge],
            mode="lines",
            line={"width": 0, "color": colour},
            fill=fill,
            fillcolor="rgba(0,114,178,0.18)",
            hoverinfo="skip",
            showlegend=False,
        )
    figure.add_scatter(
        x=table["covered"],
        y=table["right"],
        mode="lines",
        line={"color": colour, "width": 2},
        customdata=table[["threshold", "low", "high"]],
        hovertemplate="%{x:.0%} taken (confidence from %{customdata[0]:.2f}): %{y:.2f} right"
        " (%{customdata[1]:.2f}–%{customdata[2]:.2f})<extra></extra>",
    )
    apply_layout(figure, HEIGHT, showlegend=False)
    figure.update_xaxes(title={"text": "Share of predictions taken, the most confident first"}, range=[0, 1.02])
    figure.update_yaxes(title={"text": "Share right"}, range=[max(0.0, float(table["low"].min()) - 0.02), 1.01])
    return figure


def roc_curves(curves: "Sequence[ClassCurves]", classes: Sequence[str]) -> go.Figure:
    """True against false positive rate, a line a class in its colour; the diagonal is guessing."""
    figure = _square()
    for ranking in curves:
        _class_line(figure, ranking, classes, ranking.roc, f"AUC {ranking.auc:.2f}")
    apply_layout(figure, HEIGHT, showlegend=True)
    return _unit_axes(figure, "False positive rate", "True positive rate")


def precision_recall_curves(curves: "Sequence[ClassCurves]", classes: Sequence[str]) -> go.Figure:
    """Precision against recall, a line a class in its colour."""
    figure = go.Figure()
    for ranking in curves:
        name = f"average precision {ranking.average_precision:.2f}"
        _class_line(figure, ranking, classes, ranking.precision_recall, name)
    apply_layout(figure, HEIGHT, showlegend=True)
    return _unit_axes(figure, "Recall", "Precision")


def threshold_curves(table: pd.DataFrame, chosen: float, best: float | None) -> go.Figure:
    """Precision, recall and F1 at every threshold; a line at the chosen one and a dotted one at the best.

    Args:
        table: what `thresholds.sweep_thresholds` gives.
    """
    figure = go.Figure()
    for i, name in enumerate(("precision", "recall", "f1")):
        title = name.capitalize()
        figure.add_scatter(
            x=table["threshold"],
            y=table[name],
            mode="lines",
            name=title,
            line={"color": PALETTE[i], "width": 2},
            hovertemplate=f"{title} %{{y:.2f}} at %{{x:.2f}}<extra></extra>",
        )
    figure.add_vline(x=chosen, line={"color": GREY, "width": 2})
    if best is not None:
        figure.add_vline(x=best, line={"color": GREY, "width": 2, "dash": "dot"})
    apply_layout(figure, HEIGHT, showlegend=True)
    return _unit_axes(figure, "Say yes from this probability on", "")


def slice_bars(slices: "Sequence[Slice]", overall: float) -> go.Figure:
    """Share right of each slice with its interval, the first on top; a line at that of all samples."""
    names = [f"{shorten(s.attribute, 18)} {shorten(s.value, 22)}" for s in slices]
    figure = go.Figure()
    for weak, colour, title in ((True, PALETTE[5], "worse than the rest"), (False, PALETTE[0], "not shown to be")):
        rows = [(i, s) for i, s in enumerate(slices) if s.weak == weak]
        right, low, high = np.array([(s.accuracy, *s.ci) for _, s in rows]).reshape(-1, 3).T
        figure.add_scatter(
            x=right,
            y=[i for i, _ in rows],
            mode="markers",
            name=title,
            marker={"size": 9, "color": colour},
            error_x=error_bars(right, low, high),
            customdata=[[names[i], s.n, s.elsewhere, s.p_adjusted] for i, s in rows],
            hovertemplate="%{customdata[0]}: %{x:.2f} of %{customdata[1]}, %{customdata[2]:.2f} elsewhere,"
            " p = %{customdata[3]:.3f}<extra></extra>",
        )
    figure.add_vline(x=overall, line={"color": GREY, "width": 1.5, "dash": "dot"})
    apply_layout(figure, 90 + 26 * max(3, len(slices)), showlegend=any(s.weak for s in slices))
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(slices))),
        ticktext=names,
        range=[len(slices) - 0.5, -0.5],
        showgrid=False,
    )
    figure.update_xaxes(title={"text": "Share right"}, nticks=6, showgrid=True)
    return figure


def _class_line(
    figure: go.Figure,
    ranking: "ClassCurves",
    classes: Sequence[str],
    curve: tuple[tuple[float, ...], tuple[float, ...]],
    label: str,
) -> None:
    figure.add_scatter(
        x=curve[0],
        y=curve[1],
        mode="lines",
        name=shorten(ranking.name),
        line={"color": class_colours(classes)[ranking.name], "width": 2},
        hovertemplate=f"{shorten(ranking.name, 28)}, {label}<br>%{{x:.2f}}, %{{y:.2f}}<extra></extra>",
    )


def _square() -> go.Figure:
    figure = go.Figure()
    figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"color": GREY, "width": 1, "dash": "dot"})
    return figure


def _unit_axes(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_xaxes(title={"text": x}, range=[-0.01, 1.02], nticks=6)
    figure.update_yaxes(title={"text": y}, range=[-0.01, 1.03], nticks=6)
    return figure
