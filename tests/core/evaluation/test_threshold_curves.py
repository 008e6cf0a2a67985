import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from core.evaluation import threshold_curves as r


def drawn(n, apart, seed=0, share=0.3, steps=None):
    """Scores of normal samples, positives shifted by `apart`; rounded to `steps` so that some are equal."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < share
    positive[:2] = True, False
    score = rng.normal(positive * apart, 1)
    return (np.round(score * steps) / steps if steps else score), positive


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("steps", [None, 2])
def test_areas_are_scikit_learns_ties_among_them(seed, steps):
    score, positive = drawn(80, 1.0, seed, steps=steps)
    found = r.one_vs_rest_curves("a", score, positive)
    assert found.auc == pytest.approx(roc_auc_score(positive, score))
    assert found.average_precision == pytest.approx(average_precision_score(positive, score))
    assert found.auc_ci[0] <= found.auc <= found.auc_ci[1]
    assert found.average_precision_ci[0] <= found.average_precision <= found.average_precision_ci[1]


def test_the_interval_of_the_area_holds_the_true_one_about_as_often_as_it_says():
    from scipy.stats import norm

    true = norm.cdf(1 / np.sqrt(2))  # normals one deviation apart
    hits = 0
    for seed in range(400):
        _, (low, high) = r.roc_auc(*drawn(100, 1.0, seed))
        hits += low <= true <= high
    assert 0.91 <= hits / 400 <= 0.99


def test_the_interval_of_the_average_precision_holds_the_true_one_about_as_often_as_it_says():
    big, own = drawn(400_000, 1.0, seed=1)
    true = average_precision_score(own, big)
    hits = 0
    for seed in range(200):
        low, high = r.one_vs_rest_curves("a", *drawn(200, 1.0, seed)).average_precision_ci
        hits += low <= true <= high
    assert hits / 200 >= 0.9


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_of_the_area_is_the_same_whichever_class_is_the_positive_one(seed):
    score, positive = drawn(80, 1.0, seed, share=0.1)
    area, interval = r.roc_auc(score, positive)
    assert r.roc_auc(-score, ~positive) == (pytest.approx(area), pytest.approx(interval))


def test_a_perfect_area_is_not_called_certain():
    score = np.array([0.9, 0.8, 0.3, 0.2, 0.1])
    area, (low, high) = r.roc_auc(score, np.array([True, True, False, False, False]))
    assert area == high == 1
    assert low < 0.9


def test_a_single_positive_gives_a_wide_interval_and_no_error():
    area, (low, high) = r.roc_auc(np.array([0.9, 0.1, 0.3]), np.array([True, False, False]))
    assert area == 1
    assert low < 0.5 <= high


def test_a_class_without_samples_or_without_counter_examples_has_no_curve():
    rows = pd.DataFrame({"label": ["a", "a"], "p:a": [0.8, 0.9], "p:b": [0.2, 0.1]})
    assert r.class_curves(rows) == ()


def test_curves_keep_their_ends_and_are_thinned():
    score, positive = drawn(5000, 0.5)
    found = r.one_vs_rest_curves("a", score, positive)
    assert (found.roc[0][0], found.roc[1][0], found.roc[0][-1], found.roc[1][-1]) == (0, 0, 1, 1)
    assert len(found.roc[0]) <= r.POINTS
    assert found.prevalence == positive.mean()
