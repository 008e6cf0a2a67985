"""Charts of features: what is kept is told apart from what goes."""

import pytest

from core.charts.selection import feature_scores, selection_curve
from core.charts.style import GREY


@pytest.mark.parametrize("n", [5, 500])
def test_what_is_kept_looks_unlike_what_is_left_out_and_nothing_is_missing(n: int) -> None:
    scores = {f"f{i}": 1.0 / (i + 1) for i in range(n)}
    figure = feature_scores(scores, kept=3)
    shown = [name for trace in figure.data for name in trace.customdata]
    assert shown == list(scores)
    if n == 5:
        assert [colour == GREY for colour in figure.data[0].marker.color] == [False] * 3 + [True] * 2
    else:
        assert [len(trace.x) for trace in figure.data] == [3, 497]


def test_the_number_that_the_step_keeps_is_marked_on_the_curve() -> None:
    figure = selection_curve([1, 10, 40], [0.2, 0.6, 0.5], [0.1, 0.1, 0.1], kept=10)
    curve, mark = figure.data
    assert (mark.x, mark.y) == ((10,), (0.6,))
    assert list(curve.error_y.array) == [0.1] * 3
