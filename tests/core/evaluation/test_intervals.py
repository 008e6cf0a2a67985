"""Intervals hold the value they are of, agree with the exact test, and hold the true value as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.evaluation.bootstrap import macro_f1
from core.evaluation.comparison import mcnemar
from core.evaluation.intervals import clopper_pearson, f1_interval, macro_f1_interval, paired_interval, wilson

counts = st.integers(0, 40)


def test_shares_have_the_intervals_that_scipy_gives() -> None:
    for n in (1, 7, 60, 10_000):
        for successes in {0, 1, n // 3, n - 1, n}:
            for method, ours in (("wilson", wilson), ("exact", clopper_pearson)):
                low, high = ours(successes, n, 0.01)
                theirs = binomtest(successes, n).proportion_ci(0.99, method=method)
                assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
                assert 0 <= low <= successes / n <= high <= 1


def test_a_share_of_nothing_is_unknown() -> None:
    assert wilson(0, 0) == (0, 1)
    assert f1_interval(0, 0, 0) == (0, 1)


@given(counts, counts, counts)
def test_a_class_has_an_interval_round_its_f1(hits: int, missed: int, wrong: int) -> None:
    low, high = f1_interval(hits, hits + missed, hits + wrong)
    f1 = 2 * hits / max(2 * hits + missed + wrong, 1)
    assert 0 <= low <= f1 + 1e-12 and f1 - 1e-12 <= high <= 1
    assert high - low > 0.02


@given(
    st.integers(2, 5).flatmap(lambda k: st.lists(st.lists(counts, min_size=k, max_size=k), min_size=k, max_size=k))
)
def test_macro_f1_lies_in_its_interval_which_is_never_empty(rows: list[list[int]]) -> None:
    matrix = np.array(rows)
    matrix[0, 0] += 1
    low, high = macro_f1_interval(matrix)
    assert 0 <= low <= macro_f1(matrix) <= high <= 1
    assert high - low > 0.002


def test_a_class_with_no_sample_widens_the_interval() -> None:
    seen = np.diag([20, 20]) + 2
    unseen = np.zeros((3, 3), dtype=int)
    unseen[:2, :2] = seen
    (low, high), (lower, higher) = macro_f1_interval(seen), macro_f1_interval(unseen)
    assert lower < low < high <= higher + 0.02
    assert higher - lower > 1.5 * (high - low)


@pytest.mark.parametrize("right", [True, False])
def test_a_perfect_score_is_no_certainty(right: bool) -> None:
    low, high = macro_f1_interval(np.diag([10, 10]) if right else np.array([[0, 10], [10, 0]]))
    assert high - low > 0.1


@pytest.mark.parametrize("n_classes", [2, 4, 10])
def test_macro_f1s_interval_holds_the_true_value(n_classes: int) -> None:
    rng = np.random.default_rng(n_classes)
    cells = np.full((n_classes, n_classes), 0.2 / (n_classes - 1))
    np.fill_diagonal(cells, 0.8)
    shares = 1 / np.arange(1, n_classes + 1)
    cells *= (shares / shares.sum())[:, None]
    true = macro_f1(cells)
    drawn = rng.multinomial(100, cells.ravel(), 1500).reshape(-1, n_classes, n_classes)
    held = np.mean([low <= true <= high for low, high in map(macro_f1_interval, drawn)])
    assert 0.93 < held < 0.98


@given(counts, counts, st.integers(0, 200), st.sampled_from([0.05, 0.01, 0.05 / 190]))
def test_a_difference_is_shown_by_the_interval_exactly_where_the_exact_test_shows_it(
    only_first: int, only_second: int, agreed: int, alpha: float
) -> None:
    n = only_first + only_second + agreed
    if n:
        low, high = paired_interval(only_first, only_second, n, alpha)
        assert (low > 0 or high < 0) == (mcnemar(only_first, only_second) < alpha)
        assert -1 <= low <= (only_first - only_second) / n <= high <= 1
        assert high > low
        assert (-high, -low) == pytest.approx(paired_interval(only_second, only_first, n, alpha))


@pytest.mark.parametrize("shares", [(0.15, 0.08), (0.1, 0.0), (0.02, 0.02)])
def test_the_paired_interval_covers_the_true_difference(shares: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(200, [*shares, 1 - sum(shares)], 1000)
    intervals = [paired_interval(int(first), int(second), 200) for first, second, _ in drawn]
    assert np.mean([low <= shares[0] - shares[1] <= high for low, high in intervals]) > 0.94
