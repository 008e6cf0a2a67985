"""Charts of columns hold what the columns hold."""

import numpy as np
import pandas as pd

from core.charts.columns import ROWS, box_plot, correlation_matrix, histogram, missing_matrix

TABLE = pd.DataFrame(
    {
        "a": [1.0, 2.0, np.nan, 4.0],
        "b": [-1.0, -2.0, -3.0, -4.0],
        "town": ["x", "x", None, "y"],
        "<b>": [1.0, 0, 1, 0],
    }
).astype({"town": "str"})


def test_a_histogram_counts_every_row_once() -> None:
    figure = histogram(TABLE["a"])
    assert sum(figure.data[0].y) == 3
    assert "1 missing" in figure.layout.annotations[0].text
    bars = histogram(TABLE["town"]).data[0]
    assert dict(zip(bars.customdata, bars.x, strict=True)) == {"x": 2, "y": 1, "missing": 1}


def test_rarer_categories_share_one_bar() -> None:
    values = pd.Series([f"c{i}" for i in range(20)] + ["c0"] * 5).astype("str")
    bars = histogram(values).data[0]
    assert sum(bars.x) == 25 and bars.customdata[-1] == "5 more"


def test_an_empty_column_has_a_chart() -> None:
    empty = pd.Series([np.nan, np.nan])
    assert histogram(empty).layout.annotations[0].text == "2 missing"
    box_plot(empty)
    missing_matrix(TABLE.head(0))


def test_the_missing_matrix_marks_missing_cells_and_picks_rows_of_a_long_table() -> None:
    np.testing.assert_array_equal(missing_matrix(TABLE).data[0].z, TABLE.isna().astype(int))
    long = missing_matrix(pd.concat([TABLE] * 1000))
    assert len(long.data[0].z) == ROWS


def test_correlations_are_shown_by_strength_with_their_sign_in_words() -> None:
    heat = correlation_matrix(TABLE).data[0]
    np.testing.assert_allclose(heat.z[0][1], 1)
    assert heat.customdata[0][1].endswith("r = -1.00")
    assert "<b>" not in str(heat.customdata)
