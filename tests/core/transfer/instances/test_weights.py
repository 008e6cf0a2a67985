"""Weights of source rows: right where the truth is known, of use where the domains differ, idle where they don't."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.errors import DataError, InputError
from core.evaluation.intervals import effective_size
from core.transfer.instances import weights as instances
from core.transfer.instances.weights import METHODS, domain_auc, instance_weights

RNG = np.random.default_rng


def two_worlds(n: int, right: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Left of 0 the class follows the second column, right of it the other way; `right` of the rows lie there."""
    rng = RNG(seed)
    side = np.where(rng.random(n) < right, 1.0, -1.0)
    x = np.stack([side * (1 + 0.3 * rng.normal(size=n)), rng.normal(size=n)], axis=1)
    return x, ((x[:, 1] > 0) == (side > 0)).astype(int)


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_learner_that_most_of_the_source_misleads_is_put_right(method):
    (source, ys), (target, yt) = two_worlds(800, 0.2, 0), two_worlds(400, 0.95, 1)
    w = instance_weights(source, target, method)
    plain = LogisticRegression().fit(source, ys).score(target, yt)
    weighted = LogisticRegression().fit(source, ys, sample_weight=w).score(target, yt)
    assert plain < 0.35
    assert weighted > 0.8
    assert w.mean() == pytest.approx(1)
    assert effective_size(w) < 0.6 * len(source)


@pytest.mark.parametrize("method", METHODS)
def test_where_nothing_differs_the_learner_hardly_changes(method):
    (source, ys), (target, yt) = two_worlds(800, 0.2, 0), two_worlds(400, 0.2, 1)
    w = instance_weights(source, target, method)
    plain = LogisticRegression().fit(source, ys).score(target, yt)
    assert LogisticRegression().fit(source, ys, sample_weight=w).score(target, yt) == pytest.approx(plain, abs=0.03)


@pytest.mark.parametrize(
    ("method", "least"), [("density_ratio", 0.95), ("kliep", 0.85), ("kernel_mean_matching", 0.7)]
)
def test_the_weights_are_the_ratio_of_the_densities_where_it_is_known(method, least):
    source, target = RNG(0).normal(size=(1500, 1)), RNG(1).normal(size=(1500, 1)) + 1
    truth = np.exp(source[:, 0] - 0.5)
    assert np.corrcoef(instance_weights(source, target, method), truth)[0, 1] > least


def test_the_effective_size_counts_rows_of_equal_weight():
    assert effective_size(np.ones(7)) == pytest.approx(7)
    assert effective_size(np.array([2.0, 2.0, 0.0, 0.0])) == pytest.approx(2)
    assert effective_size(np.array([1.0, 3.0])) == pytest.approx(16 / 10)


def test_the_domain_auc_is_a_half_for_one_domain_and_grows_with_the_distance():
    source = RNG(0).normal(size=(600, 100))
    near, far = RNG(1).normal(size=(600, 100)), RNG(2).normal(size=(600, 100)) + np.r_[3, np.zeros(99)]
    assert domain_auc(source, near) == pytest.approx(0.5, abs=0.06)
    assert 0.95 < domain_auc(source, far) < 1


def test_no_row_weighs_more_than_twenty_times_the_mean_before_scaling():
    source, target = RNG(0).normal(size=(500, 1)), RNG(1).normal(size=(500, 1)) + 3
    w = instance_weights(source, target)
    assert w.max() / np.median(w[w > 0]) > 5  # it does weigh
    assert (np.isclose(w, w.max()).sum() > 1) or w.max() <= instances.LARGEST


def test_domains_that_do_not_overlap_are_refused_with_what_to_do_instead():
    source = RNG(0).normal(size=(60, 3))
    with pytest.raises(DataError, match="nothing in common") as caught:
        instance_weights(source, source + 50)
    assert "Align" in caught.value.hint


@pytest.mark.parametrize(("n", "m", "which"), [(40, 3, "target"), (4, 40, "source")])
def test_too_few_rows_of_either_are_refused(n, m, which):
    with pytest.raises(DataError, match=f"The {which} has {min(n, m)} training samples"):
        instance_weights(RNG(0).normal(size=(n, 2)), RNG(1).normal(size=(m, 2)))


def test_kernel_mean_matching_says_which_method_takes_more_rows(monkeypatch):
    monkeypatch.setattr(instances, "KERNEL_ROWS", 50)
    with pytest.raises(InputError, match="compares all pairs") as caught:
        instance_weights(RNG(0).normal(size=(60, 2)), RNG(1).normal(size=(60, 2)), "kernel_mean_matching")
    assert "density_ratio" in caught.value.hint


def test_the_shares_of_the_classes_are_found_without_a_label_of_the_target():
    def world(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        y = (RNG(seed).random(n) < share).astype(int)
        return RNG(seed + 1).normal(size=(n, 3)) + y[:, None] * [1.5, 0, 0], y

    (source, ys), (target, yt) = world(2000, 0.2, 0), world(1000, 0.6, 5)
    w = instance_weights(source, target, "label_shift", labels=ys)
    assert (w * ys).mean() == pytest.approx(yt.mean(), abs=0.05)
    plain = LogisticRegression().fit(source, ys).score(target, yt)
    assert LogisticRegression().fit(source, ys, sample_weight=w).score(target, yt) > plain + 0.05
    same, y = world(8000, 0.2, 9)
    assert (instance_weights(source, same, "label_shift", labels=ys) * ys).mean() == pytest.approx(y.mean(), abs=0.05)


def test_squares_follow_variances_that_differ_where_a_line_overshoots():
    rng = np.random.default_rng(0)
    source, target = rng.normal(0, 1, (3_000, 1)), rng.normal(0.75, 0.5, (3_000, 1))
    means = {}
    for method in ("density_ratio", "density_ratio_squares"):
        weights = instance_weights(source, target, method)
        means[method] = float(np.average(source[:, 0], weights=weights))
    assert abs(means["density_ratio_squares"] - 0.75) < 0.05
    assert abs(means["density_ratio_squares"] - 0.75) < abs(means["density_ratio"] - 0.75)
    told = instances.describe_weighting(source, target, instance_weights(source, target), "density_ratio")
    assert "“density_ratio_squares” fits better" in told and "standard deviations" in told
    squared = instance_weights(source, target, "density_ratio_squares")
    assert "fits better" not in instances.describe_weighting(source, target, squared, "density_ratio_squares")
