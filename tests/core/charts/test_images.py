"""The map shows every image once, in its class's colour, and a lasso tells its id."""

import pandas as pd

from core.charts.images import embedding_map
from core.charts.style import PALETTE, class_colours


def points(n: int, classes: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"1-{i}" for i in range(n)],
            "x": range(n),
            "y": range(n),
            "path": [f"{i}.png" for i in range(n)],
            "label": [classes[i % len(classes)] for i in range(n)],
        }
    )


def test_every_image_is_there_once_with_its_id():
    figure = embedding_map(points(10, ["a", "b"]), ["a", "b"])
    assert sorted(i for trace in figure.data for i in trace.customdata) == sorted(f"1-{i}" for i in range(10))
    assert [trace.marker.color for trace in figure.data] == list(class_colours(["a", "b"]).values())


def test_classes_that_share_a_colour_differ_in_shape():
    names = [f"c{i:02d}" for i in range(2 * len(PALETTE))]
    figure = embedding_map(points(40, names), names)
    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data}
    assert len(looks) == len(names)


def test_images_without_labels_are_one_trace():
    figure = embedding_map(points(5, ["a"]).assign(label=None), [])
    assert [len(trace.x) for trace in figure.data] == [5]
