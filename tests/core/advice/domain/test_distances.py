"""Known cases: Gaussians whose distances are known in closed form, and sets that do not differ."""

import numpy as np
import pytest

from core.advice.domain import distances
from core.errors import InputError


def gaussians(m, n, shift=0.0, d=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.normal(size=(n, d)) + shift


def test_mmd_is_the_sum_over_pairs_that_gretton_writes_down():
    x, y = gaussians(12, 17, 0.4)
    z = np.concatenate([x, y])
    width = np.median([np.linalg.norm(z[i] - z[j]) for i in range(29) for j in range(i)])

    def mean(a, b, skip):
        pairs = [(i, j) for i in range(len(a)) for j in range(len(b)) if not (skip and i == j)]
        return np.mean([np.exp(-(np.linalg.norm(a[i] - b[j]) ** 2) / (2 * width**2)) for i, j in pairs])

    expected = mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)
    assert distances.mmd(x, y, permutations=1)[0] == pytest.approx(expected, abs=1e-6)


def test_what_is_far_apart_has_the_smallest_p_value_there_is():
    assert distances.mmd(*gaussians(40, 50, 3.0), permutations=199)[1] == 1 / 200


def test_p_values_of_equal_populations_are_spread_evenly():
    p = [distances.mmd(*gaussians(30, 20, seed=seed), permutations=99)[1] for seed in range(300)]
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09
    assert 0.4 < np.mean(p) < 0.6


def test_copies_of_few_samples_are_no_evidence():
    rng = np.random.default_rng(1)
    p = {"as they are": [], "in groups": []}
    for _ in range(40):
        x, y = rng.normal(size=(8, 4)).repeat(10, axis=0), rng.normal(size=(8, 4)).repeat(10, axis=0)
        p["as they are"].append(distances.mmd(x, y, permutations=99)[1])
        p["in groups"].append(distances.mmd(x, y, np.arange(16).repeat(10), permutations=99)[1])
    assert np.mean(np.array(p["as they are"]) < 0.05) > 0.8
    assert np.mean(np.array(p["in groups"]) < 0.05) < 0.2


def test_samples_that_are_all_the_same_are_refused():
    with pytest.raises(InputError, match="All samples are the same"):
        distances.mmd(np.ones((12, 3)), np.ones((12, 3)))


@pytest.mark.parametrize("linear", [True, False])
def test_a_classifier_tells_apart_what_differs_and_nothing_else(linear):
    for shift, low, high in ((0.0, 0.4, 0.6), (2.0, 0.98, 1.0)):
        x, y = gaussians(150, 100, shift)
        scores = distances.domain_scores(x, y, np.arange(250), linear)
        area, (lower, upper) = distances.domain_auc(scores, 150)
        assert low <= area <= high
        assert lower <= area <= upper
        assert (distances.a_distance(scores, 150) > 1.5) == (shift > 0)


def test_a_copy_across_the_folds_does_not_give_the_domain_away():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 40)).repeat(4, axis=0), rng.normal(size=(30, 40)).repeat(4, axis=0)
    together = distances.domain_scores(x, y, np.arange(60).repeat(4), True)
    apart = distances.domain_scores(x, y, np.arange(240), True)
    assert distances.domain_auc(apart, 120)[0] > 0.9
    assert distances.domain_auc(together, 120)[0] < 0.7


def test_frechet_of_gaussians_is_the_closed_form():
    rng = np.random.default_rng(3)
    scale, shift = np.array([1.0, 2.0, 0.5, 1.0]), np.array([1.0, 0.0, -2.0, 0.5])
    x, y = rng.normal(size=(20_000, 4)), rng.normal(size=(20_000, 4)) * scale + shift
    expected = np.square(shift).sum() + np.square(1 - scale).sum()
    assert distances.frechet(x, y) == pytest.approx(expected, rel=0.03)


def test_frechet_bears_covariances_that_are_singular():
    x, y = gaussians(30, 30, d=3)
    x, y = np.hstack([x, x]), np.hstack([y, y])
    assert 0 <= distances.frechet(x, y) < 3
    assert distances.frechet(np.zeros((10, 2)), np.ones((10, 2))) == pytest.approx(2)


def test_coral_is_the_squared_difference_of_covariances():
    x = np.random.default_rng(4).normal(size=(5_000, 2))
    assert distances.coral(x, x) == 0
    assert distances.coral(x, 2 * x) == pytest.approx(2 * 9 / 16, rel=0.1)  # 3 on the diagonal, twice
