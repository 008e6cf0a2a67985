import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy, ks_2samp, wasserstein_distance

from core.advice.domain.columns import column_shifts, number_counts, stability_index


def test_figures_of_numbers_are_scipys():
    rng = np.random.default_rng(0)
    source, target = rng.normal(2, 3, 400), rng.normal(4, 3, 300)
    found = column_shifts(pd.DataFrame({"x": source}), pd.DataFrame({"x": target}))[0]
    test = ks_2samp(source, target, method="asymp")
    assert (found.gap, found.p) == pytest.approx((test.statistic, test.pvalue))
    assert found.wasserstein == pytest.approx(wasserstein_distance(source, target) / source.std(ddof=1))


def test_the_stability_index_is_a_divergence_both_ways():
    p, q = np.array([30, 50, 20]), np.array([10, 60, 30])
    a, b = (p + 0.5) / 101.5, (q + 0.5) / 101.5
    assert stability_index(p, q) == pytest.approx(entropy(a, b) + entropy(b, a))
    assert stability_index(p, p) == 0


def test_the_sources_deciles_are_the_bins_and_missing_cells_have_one_of_their_own():
    source, target = pd.Series(np.arange(100.0)), pd.Series([np.nan, *[-5.0] * 3, *[1000.0] * 2])
    counts = number_counts(source, target)
    assert counts[0].tolist() == [10] * 10 + [0]
    assert counts[1].tolist() == [3, *[0] * 8, 2, 1]


def test_the_same_table_differs_in_nothing():
    table = pd.DataFrame({"x": np.arange(60.0) % 7, "word": list("abc") * 20, "flat": 1.0})
    for shift in column_shifts(table, table):
        assert shift.psi == 0
        assert shift.gap == 0
        assert shift.p in (None, pytest.approx(1.0))


def test_what_differs_comes_first_and_holm_counts_the_columns():
    rng = np.random.default_rng(1)
    source = pd.DataFrame({f"x{i}": rng.normal(size=200) for i in range(5)}).assign(word=["a", "b"] * 100)
    target = pd.DataFrame({f"x{i}": rng.normal(size=200) for i in range(5)}).assign(word=["a", "a", "a", "c"] * 50)
    target["x3"] += 1
    found = column_shifts(source, target)
    assert {shift.name for shift in found[:2]} == {"x3", "word"}
    by_name = {shift.name: shift for shift in found}
    smallest = min(found, key=lambda shift: shift.p)
    assert smallest.p_adjusted == pytest.approx(6 * smallest.p)
    assert by_name["word"].wasserstein is None
    assert by_name["word"].gap == pytest.approx(0.5)  # half of all rows would have to change
    assert all(by_name[f"x{i}"].p_adjusted > 0.05 for i in (0, 1, 2, 4))


def test_many_rows_of_small_differences_come_behind_few_bins_of_chance():
    """The order is by what is beyond chance: with 20 rows, ten bins differ much by chance alone."""
    rng = np.random.default_rng(2)
    source = pd.DataFrame({"ten bins": rng.normal(size=20), "two": ["a", "b"] * 10})
    target = pd.DataFrame({"ten bins": rng.normal(size=20), "two": ["a"] * 17 + ["b"] * 3})
    found = column_shifts(source, target)
    assert found[0].name == "two"
    assert found[1].psi > found[0].psi


def test_a_column_that_is_empty_on_one_side_has_no_test():
    found = column_shifts(pd.DataFrame({"x": [1.0, 2.0] * 10}), pd.DataFrame({"x": [np.nan] * 20}))[0]
    assert (found.gap, found.p, found.wasserstein, found.missing) == (None, None, None, (0.0, 1.0))
    assert found.psi > 1
