import numpy as np
import pandas as pd

from core.charts.domain import column_sides, domain_map, gain_intervals

NAMES = {"source": "there", "target": "here"}


def test_the_map_has_a_trace_a_side_in_other_shapes():
    points = pd.DataFrame({"side": ["source", "target", "target"], "path": list("abc"), "x": range(3), "y": range(3)})
    figure = domain_map(points, NAMES)
    assert [trace.name for trace in figure.data] == ["there", "here"]
    assert [len(trace.x) for trace in figure.data] == [1, 2]
    assert figure.data[0].marker.symbol != figure.data[1].marker.symbol


def test_shares_of_numbers_add_up_to_what_is_not_missing():
    values = {"source": pd.Series([1.0, 2, 3, 1e9]), "target": pd.Series([1.0, np.nan])}
    figure = column_sides(values, NAMES)
    sums = [sum(trace.y[::2]) for trace in figure.data]
    assert np.allclose(sums, [1, 0.5])
    assert "50% missing" in figure.data[1].name


def test_rare_categories_are_one_bar_and_missing_cells_another():
    words = pd.Series([f"word {i}" for i in range(30)] + ["often"] * 20 + [None] * 5, dtype="object")
    figure = column_sides({"source": words, "target": words}, NAMES)
    assert np.allclose([sum(trace.x) for trace in figure.data], 1)
    ticks = list(figure.layout.yaxis.ticktext)
    assert ticks[:2] == ["often", "missing"]
    assert ticks[-1] == "22 more"


def test_gains_stand_with_their_intervals_beside_zero():
    figure = gain_intervals({"near": (0.08, (0.02, 0.15)), "far": (-0.01, (-0.03, 0.02))})
    dots = figure.data[0]
    assert np.allclose(dots.x, [8, -1])
    assert np.allclose(dots.x - dots.error_x.arrayminus, [2, -3])
    assert np.allclose(dots.x + dots.error_x.array, [15, 2])
    assert figure.layout.shapes[0].x0 == 0
