"""Solved heads: the optimum that scikit-learn finds, a penalty chosen on samples that were left out."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.errors import DataError
from core.evaluation.intervals import effective_size
from core.schemas import ResolvedSpec
from core.transfer.features.linear_probe import linear_probe
from core.transfer.fitting.linear import squash
from core.transfer.fitting.problem import Problem
from core.transfer.fitting.softmax import PENALTIES, solve_head
from core.transfer.fitting.weighing import class_weights, one_hot
from tests.core.transfer.conftest import Recorder


def problem(x, y, views=None, groups=None, class_weights="none", averages=None, **settings) -> Problem:
    """Half to learn from, a quarter for validation, a quarter to judge; `views`: the sample of each further row."""
    n = len(y)
    made_of = np.empty(0, int) if views is None else views
    return Problem(
        resolved=ResolvedSpec(data="any", class_weights=class_weights, **settings),
        classes=tuple("abcdef"[: int(y.max()) + 1]),
        targets=one_hot(np.concatenate([y, y[made_of]]), int(y.max()) + 1),
        train=np.arange(n // 2),
        validation=np.arange(n // 2, 3 * n // 4),
        n_train=n // 2,
        groups=np.arange(n) if groups is None else groups,
        judged=np.arange(n // 2, n),
        embeddings=lambda: x.astype("float32"),
        activations=lambda cut: (x if averages is None else averages).astype("float32"),
        images=lambda: x,
        features=x.shape[1],
        kept=None,
        network=lambda: None,
        untrained=lambda: None,
        recorder=Recorder(None),
        with_views=lambda rows: np.concatenate([rows, n + np.flatnonzero(np.isin(made_of, rows))]),
    )


def clouds(n, k, d, distance=1.0, seed=0):
    """A cloud a class, each around an axis of its own; the first class has half of all samples."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.where(np.arange(n) % 2, 0, np.arange(n) // 2 % k))
    return random.normal(size=(n, d)) + distance * np.eye(k, d)[y], y


@pytest.mark.parametrize(
    ("n", "k", "d"), [(200, 4, 10), (60, 3, 300), (90, 2, 20)], ids=["tall", "wide", "two classes"]
)
@pytest.mark.parametrize("balanced", [True, False])
def test_a_head_is_the_optimum_that_scikit_learn_finds(n, k, d, balanced):
    x, y = clouds(n, k, d)
    given = problem(x, y, l2=0.5, class_weights="balanced" if balanced else "none")
    rows = np.arange(n)
    head = solve_head(given, rows).head
    weights = one_hot(y, k) @ class_weights(one_hot(y, k)) if balanced else np.ones(n)
    # scikit-learn sums the loss over samples; of two classes it shrinks one vector, the difference of ours
    c = effective_size(weights) / n / (2 * 0.5) * (2 if k == 2 else 1)
    seen = squash(x.astype("float32"))
    theirs = LogisticRegression(C=c, tol=1e-8, max_iter=5000).fit(seen, y, sample_weight=weights)
    np.testing.assert_allclose(head.predict_proba(x), theirs.predict_proba(seen), atol=2e-3)


def test_what_the_head_does_not_keep_changes_nothing():
    x, y = clouds(120, 3, 12)
    given = problem(x, y, l2=1.0)
    given.kept = np.arange(12) < 6
    head = solve_head(given, given.train).head
    disturbed = x.copy()
    disturbed[:, 6:] += 100
    np.testing.assert_array_equal(head.predict_proba(x), head.predict_proba(disturbed))


def test_a_chosen_penalty_is_strong_on_noise_and_weak_where_classes_are_far_apart():
    random = np.random.default_rng(0)
    noise, apart = (random.normal(size=(200, 40)), random.integers(0, 2, 200)), clouds(200, 3, 40, distance=9.0)
    strong, weak = (solve_head(problem(*data), np.arange(200)).l2 for data in (noise, apart))
    assert strong == PENALTIES[0] and weak < 10


def test_where_all_is_right_no_weaker_penalty_is_taken_for_more_confidence_alone():
    y = np.arange(200) % 2
    given = problem(np.outer(2 * y - 1, np.ones(50)) + 0.1 * np.random.default_rng(0).normal(size=(200, 50)), y)
    solved = solve_head(given, np.arange(200))
    tried = {values["l2"]: values["val_loss"] for _, values in given.recorder.epochs}
    assert (solved.held_out.argmax(axis=1) == y).all()
    assert tried[solved.l2] <= min(tried.values()) + 1e-3 and solved.l2 > PENALTIES[-1]


@pytest.mark.parametrize("copied", ["not", "in groups", "as views"])
def test_held_out_probabilities_of_noise_are_no_better_than_guessing(copied):
    """Even where every sample has an exact copy, and a head that has seen it knows the answer."""
    random = np.random.default_rng(1)
    x, y = random.normal(size=(240, 300)), random.integers(0, 2, 240)
    groups = views = None
    if copied == "in groups":
        x, y, groups = np.tile(x, (2, 1)), np.tile(y, 2), np.tile(np.arange(240), 2)
    if copied == "as views":
        x, views = np.tile(x, (2, 1)), np.arange(240)
    solved = solve_head(problem(x, y, views, groups, l2=0.01), np.arange(len(y)))
    assert (solved.head.predict_proba(x[: len(y)]).argmax(axis=1) == y).mean() > 0.95
    assert abs((solved.held_out.argmax(axis=1) == y).mean() - 0.5) < 0.12


def test_a_head_is_the_same_for_every_seed_but_for_the_choice_of_its_penalty():
    x, y = clouds(150, 3, 30)
    heads = [solve_head(problem(x, y, l2=2.0, seed=seed), np.arange(150)).head for seed in (0, 1)]
    np.testing.assert_array_equal(heads[0].kernel, heads[1].kernel)


def test_a_class_with_one_sample_does_not_stop_it():
    x, y = clouds(100, 3, 20)
    y[7] = 3
    solved = solve_head(problem(x, y, class_weights="balanced"), np.arange(100))
    assert np.isfinite(solved.held_out).all() and solved.held_out.shape == (100, 4)


def test_samples_of_one_group_are_refused():
    x, y = clouds(40, 2, 10)
    with pytest.raises(DataError, match="belong to one group"):
        solve_head(problem(x, y, groups=np.zeros(40, int)), np.arange(40))


def test_the_probe_learns_from_validation_samples_too_and_predicts_them_out_of_fold():
    random = np.random.default_rng(2)
    x, y = random.normal(size=(800, 900)), random.integers(0, 2, 800)
    given = problem(x, y, l2=0.01)
    fitted = linear_probe(given)
    assert (fitted.head.predict_proba(x[:600]).argmax(axis=1) == y[:600]).mean() > 0.95
    validation, test = fitted.probabilities[:200], fitted.probabilities[200:]
    right = (validation.argmax(axis=1) == y[400:600]).mean()
    assert abs(right - 0.5) < 0.12
    np.testing.assert_allclose(test, fitted.head.predict_proba(x[600:]), atol=1e-5)
    assert fitted.facts["validation_accuracy"] == pytest.approx(right)


def test_each_penalty_tried_is_told_with_its_loss():
    given = problem(*clouds(120, 3, 20))
    solved = solve_head(given, given.train)
    tried = [values for _, values in given.recorder.epochs]
    assert [values["l2"] for values in tried] == list(PENALTIES[: len(tried)])
    assert min(tried, key=lambda values: values["val_loss"])["l2"] == solved.l2
