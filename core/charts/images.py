"""The map of a dataset's images as a pure Plotly figure in the look of `core.charts.style`."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from core.charts.style import PALETTE, apply_layout, class_colours

HEIGHT = 520
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "x")  # after which colours repeat


def embedding_map(points: pd.DataFrame, classes: Sequence[str]) -> go.Figure:
    """One dot an image, in its class's colour; a lasso gives `customdata` = id.

    Args:
        points: columns id, x, y, path and label.
        classes: in their order; empty where the images have no labels.
    """
    figure = go.Figure()
    colours = class_colours(classes) if classes else {"images": PALETTE[0]}
    for place, (name, colour) in enumerate(colours.items()):
        mine = points[points["label"] == name] if classes else points
        figure.add_scattergl(
            x=mine["x"],
            y=mine["y"],
            mode="markers",
            name=name,
            customdata=mine["id"],
            text=mine["path"],
            hovertemplate="%{text}<extra>%{fullData.name}</extra>",
            marker={
                "color": colour,
                "size": 7,
                "opacity": 0.8,
                "symbol": SHAPES[place // len(PALETTE) % len(SHAPES)],
            },
        )
    apply_layout(figure, HEIGHT, showlegend=bool(classes))
    figure.update_layout(dragmode="lasso")
    hidden = {"visible": False, "showgrid": False, "fixedrange": False}
    figure.update_xaxes(**hidden)
    figure.update_yaxes(**hidden)
    return figure


def _shape(place: int) -> str:
    return SHAPES[place // len(PALETTE) % len(SHAPES)]
