"""The weights of an ensemble's members."""

import numpy as np
import pytest
from scipy.optimize import minimize

from core.training.ensembles.mixture import EVENNESS, mixture_weights


def members(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A good one, a fair one and one that guesses, of three classes."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, n)
    found = [random.dirichlet(np.ones(3), n) + sure * np.eye(3)[truth] for sure in (2.0, 0.5, 0.0)]
    return np.stack([p / p.sum(axis=1, keepdims=True) for p in found]), truth


def test_weights_are_shares_and_better_members_have_more_of_them():
    weights = mixture_weights(*members())
    assert weights.sum() == pytest.approx(1) and (weights > 0).all()
    assert weights[0] > weights[1] > weights[2]


def test_they_are_those_that_a_general_optimiser_finds():
    found, truth = members()
    likely = found[:, np.arange(len(truth)), truth]

    def loss(scores: np.ndarray) -> float:
        weights = np.exp(scores) / np.exp(scores).sum()
        return -(np.log(weights @ likely).sum() + EVENNESS * np.log(weights).sum())

    scores = minimize(loss, np.zeros(3), tol=1e-12).x
    assert np.abs(mixture_weights(found, truth) - np.exp(scores) / np.exp(scores).sum()).max() < 1e-4


def test_equal_members_share_equally_and_few_samples_move_little():
    found, truth = members()
    assert np.allclose(mixture_weights(np.stack([found[0]] * 4), truth), 0.25)
    few = mixture_weights(found[:, :2], truth[:2])
    assert np.abs(few - 1 / 3).max() < 0.25


def test_a_member_that_is_surely_wrong_once_does_not_make_it_nought_or_no_number():
    found, truth = members(20)
    found[0, 3] = np.eye(3)[(truth[3] + 1) % 3]
    assert np.isfinite(mixture_weights(found, truth)).all()
