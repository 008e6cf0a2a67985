"""TrAdaBoost: source rows that speak of another world lose their say; the vote is the same as a network."""

from dataclasses import replace

import numpy as np
import pytest

from core.transfer.instances.tradaboost import fit_boosting_rounds, tradaboost
from tests.core.transfer.vector_problems import learn, problem, score

pytestmark = pytest.mark.training

RNG = np.random.default_rng


def world(n: int, seed: int, turned: bool = False, d: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """The class is the sign of a sum of ten columns, the other way round in a turned world."""
    x = RNG(seed).normal(size=(n, d))
    return x, ((x.sum(axis=1) > 0) ^ turned).astype(int)


def test_a_source_that_agrees_helps_a_few_target_rows():
    given = problem(world(2000, 0), world(1000, 1), train=12)
    assert score(given, tradaboost(given, learn)) > score(given, learn(replace(given, source=None))) + 0.1


def test_a_source_that_contradicts_loses_its_weight_and_does_no_harm():
    given = problem(world(800, 0), world(800, 1, turned=True), train=200)
    fitted = tradaboost(given, learn)
    assert score(given, fitted) > 0.9
    assert fitted.facts["source_share_of_weight"] < 0.1  # it began with two thirds


def test_rows_that_agree_keep_more_weight_than_those_that_contradict():
    (x, y), (xt, yt) = world(400, 1), world(200, 0)
    wrong = RNG(2).random(400) < 0.4
    of_source = np.repeat([False, True], [200, 400])
    rows = np.concatenate([xt, x]), np.concatenate([yt, y ^ wrong])
    left = fit_boosting_rounds(*rows, of_source, np.ones(600), 2)[2][of_source]
    assert left[~wrong].mean() > 3 * left[wrong].mean()


@pytest.mark.parametrize("learner", ["logistic_regression", "gradient_boosting"])
def test_three_classes_may_be_wrong_more_often_than_half_and_still_be_boosted(learner):
    x = RNG(0).normal(size=(900, 2))
    y = np.digitize(x[:, 0], [-0.4, 0.4])
    given = problem((x, y), (x + 0.2, y), classes=("a", "b", "c"), train=30, learner=learner)
    assert score(given, tradaboost(given, learn)) > 0.75


def test_the_vote_is_the_same_as_a_network():
    given = problem(world(400, 0), world(400, 1), train=40)
    model = tradaboost(given, learn).model
    assert len(model.shares) == 10  # the second half of the rounds
    assert np.abs(model.network().predict(given.x, verbose=0) - model.predict_proba(given.x)).max() < 1e-5
