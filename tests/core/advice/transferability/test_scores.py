"""Scores against the formulas of their papers, written out, and against cases whose answer is known."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from core.advice.transferability.scores import h_score, leep, logme


@pytest.fixture(scope="module")
def drawn():
    """Three classes whose means differ in a few of 12 features: embeddings and labels."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [30, 20, 25])
    return rng.normal(size=(75, 12)) + 1.5 * np.eye(12)[labels], labels


@pytest.mark.parametrize("d", [4, 12])
def test_logme_is_the_largest_evidence_over_both_precisions(drawn, d):
    x, labels = drawn[0][:, :d], drawn[1]

    def evidence(logs, y):
        alpha, beta = np.exp(logs)
        return multivariate_normal(np.zeros(len(y)), np.eye(len(y)) / beta + x @ x.T / alpha).logpdf(y)

    lost = [minimize(lambda *logs: -evidence(*logs), (0, 0), labels == c, method="Nelder-Mead").fun for c in range(3)]
    best = [-loss for loss in lost]
    assert logme(x, labels) == pytest.approx(np.mean(best) / len(x), abs=1e-4)


def test_logme_holds_where_there_are_more_features_than_samples():
    rng = np.random.default_rng(1)
    labels = np.arange(40) % 2
    noise = rng.normal(size=(40, 200))
    told = noise + 2 * labels[:, None]
    assert np.isfinite(logme(noise, labels))
    assert logme(told, labels) > logme(noise, labels)


def test_leep_is_the_formula_of_the_paper(drawn):
    labels = drawn[1]
    source = np.random.default_rng(2).dirichlet(np.ones(5), len(labels))
    total = 0.0
    for i, own in enumerate(labels):
        expected = 0.0
        for z in range(5):
            joint = sum(source[j, z] for j in range(len(labels)) if labels[j] == own) / len(labels)
            expected += joint / (source[:, z].sum() / len(labels)) * source[i, z]
        total += np.log(expected)
    assert leep(source, labels) == pytest.approx(total / len(labels))


def test_leep_is_nought_where_the_source_tells_the_classes_apart_and_the_entropy_where_it_tells_nothing():
    labels = np.array([0, 0, 1, 1, 2, 2])
    assert leep(np.eye(3)[labels], labels) == pytest.approx(0.0, abs=1e-9)
    assert leep(np.full((6, 4), 0.25), labels) == pytest.approx(np.log(1 / 3))


def test_h_score_of_many_samples_is_the_share_between_classes():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 200_000)
    x = rng.normal(size=(200_000, 2))
    x[:, 0] += 2 * labels  # between the classes lies 1 of a variance of 2
    assert h_score(x, labels) == pytest.approx(0.5, abs=0.01)


def test_h_score_is_the_trace_written_out(drawn):
    from sklearn.covariance import LedoitWolf

    x, labels = drawn
    fitted = LedoitWolf().fit(x)
    means = np.stack([x[labels == c].mean(axis=0) for c in labels])
    between = np.cov(means.T, bias=True)
    expected = np.trace(np.linalg.pinv(fitted.covariance_) @ ((1 - fitted.shrinkage_) * between))
    assert h_score(x, labels) == pytest.approx(expected)


def test_labels_by_chance_score_less(drawn):
    x, labels = drawn
    by_chance = np.random.default_rng(4).permutation(labels)
    source = np.exp(x[:, :3]) / np.exp(x[:, :3]).sum(axis=1, keepdims=True)
    assert logme(x, labels) > logme(x, by_chance)
    assert h_score(x, labels) > h_score(x, by_chance)
    assert leep(source, labels) > leep(source, by_chance)


def test_a_feature_that_never_changes_harms_no_score(drawn):
    x, labels = drawn
    wider = np.column_stack([x, np.zeros(len(x))])
    assert np.isfinite(h_score(wider, labels))
    assert np.isfinite(logme(wider, labels))
