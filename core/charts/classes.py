"""Samples per class."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from core.charts.style import apply_layout, class_colours, class_ticks, shorten
from core.schemas import PARTS


def fold_bars(counts: Mapping[str, Sequence[int]]) -> go.Figure:
    """Test samples of each fold, a vertical bar per fold and class.

    Args:
        counts: class → samples in each fold.
    """
    figure = go.Figure()
    for name, colour in class_colours(list(counts)).items():
        figure.add_bar(
            x=[f"Fold {i}" for i in range(1, len(counts[name]) + 1)],
            y=list(counts[name]),
            name=shorten(name),
            marker={"color": colour, "line": {"width": 0}},
            customdata=[name] * len(counts[name]),
            hovertemplate="%{x}, %{customdata}: %{y}<extra></extra>",
        )
    apply_layout(figure, 280, bargap=0.2, showlegend=True)
    figure.update_xaxes(showgrid=False)
    return figure


PART_OPACITY = {"train": 1.0, "validation": 0.65, "test": 0.35}


def class_bars(counts: Mapping[str, Mapping[str, int]], classes: Sequence[str]) -> go.Figure:
    """Samples per class as horizontal bars, stacked by part. A click gives `customdata` = (class, part).

    Args:
        counts: part → class → samples; parts other than train, validation and test come last.
        classes: in their order, the first on top.
    """
    parts = [p for p in PARTS if p in counts] + [p for p in counts if p not in PARTS]
    colours = list(class_colours(classes).values())
    figure = go.Figure()
    for part in parts:
        opacity = PART_OPACITY.get(part, 1.0)
        values = [counts[part].get(c, 0) for c in classes]
        figure.add_bar(
            x=values,
            y=list(range(len(classes))),
            orientation="h",
            name=part,
            legendgroup=part,
            showlegend=False,
            marker={"color": colours, "opacity": opacity, "line": {"width": 0}},
            customdata=[[c, part] for c in classes],
            hovertemplate="%{customdata[0]}, %{customdata[1]}: %{x}<extra></extra>",
        )
        # A multicoloured bar has no legend colour; this empty one shows the part's shade in grey.
        figure.add_bar(
            x=[None],
            y=[None],
            orientation="h",
            name=part,
            legendgroup=part,
            marker={"color": f"rgba(140,140,140,{opacity})"},  # a legend ignores opacity
        )
    apply_layout(figure, 60 + 30 * max(2, len(classes)), barmode="stack", bargap=0.25, showlegend=len(parts) > 1)
    figure.update_yaxes(**class_ticks(classes), autorange="reversed", showgrid=False)
    return figure
