"""A prior that is the source's posterior: exact where all is Gaussian, of use where data are few, harmless else."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from core.transfer.parameters import bayesian_head as module
from core.transfer.parameters.bayesian_head import Categorical, Gaussian, bayesian_head, flat_prior, posterior
from tests.core.transfer.vector_problems import learn, problem, score

pytestmark = pytest.mark.training

RNG = np.random.default_rng
W = RNG(9).normal(size=12)


def world(n: int, seed: int, w: np.ndarray = W) -> tuple[np.ndarray, np.ndarray]:
    x = RNG(seed).normal(size=(n, len(w)))
    return x, (x @ w + 0.5 * RNG(seed + 100).normal(size=n) > 0).astype(int)


@dataclass
class Numbers:
    """Numbers y = X wᵀ + noise of a known variance: the linear-Gaussian case."""

    x: np.ndarray
    y: np.ndarray
    variance: float

    def loss(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        away = self.x @ w.T - self.y
        return float((away**2).sum()) / (2 * self.variance), away.T @ self.x / self.variance

    def curvature(self, w: np.ndarray, dimensions: int) -> np.ndarray:
        k, d = w.shape
        full = np.zeros((k, d, k, d))
        for i in range(k):
            full[i, :, i] = self.x.T @ self.x / self.variance
        return full


def test_source_then_target_is_the_conjugate_posterior_of_both():
    rng = RNG(0)
    w = rng.normal(size=(2, 6))
    domains = []
    for n in (80, 15):
        x = rng.normal(size=(n, 6))
        domains.append(Numbers(x, x @ w.T + 0.3 * rng.normal(size=(n, 2)), 0.09))
    prior = Gaussian(np.zeros((2, 6)), 0.7 * np.eye(12).reshape(2, 6, 2, 6))
    found = posterior(posterior(prior, domains[0]), domains[1])
    x, y = np.concatenate([d.x for d in domains]), np.concatenate([d.y for d in domains])
    precision = 0.7 * np.eye(6) + x.T @ x / 0.09
    mean = np.linalg.solve(precision, x.T @ y / 0.09).T
    assert np.abs(found.mean - mean).max() < 1e-6
    assert np.abs(np.linalg.inv(found.precision.reshape(12, 12))[:6, :6] - np.linalg.inv(precision)).max() < 1e-6


def test_the_curvature_is_the_derivative_of_the_gradient():
    x = np.c_[RNG(0).normal(size=(30, 3)), np.ones(30)]
    data = Categorical(x, np.eye(3)[RNG(1).integers(3, size=30)], RNG(2).random(30))
    w = RNG(3).normal(size=(3, 4))
    full = data.curvature(w, 4)
    step = 1e-5
    for i, j in np.ndindex(3, 4):
        moved = w.copy()
        moved[i, j] += step
        assert np.abs((data.loss(moved)[1] - data.loss(w)[1]) / step - full[i, j]).max() < 1e-3
    assert np.allclose(data.curvature(w, 3), np.stack([full[i, :, i] for i in range(3)]))
    assert np.allclose(data.curvature(w, 2), np.einsum("kdkd->kd", full))


def test_a_source_of_the_same_kind_is_worth_hundreds_of_rows():
    given = problem(world(2000, 0), world(1500, 1), train=10)
    fitted = bayesian_head(given, learn)
    assert fitted.facts["source_strength"] > 0
    assert score(given, fitted) > score(given, learn(replace(given, source=None))) + 0.1


def test_a_source_that_contradicts_counts_for_nothing():
    given = problem(world(1200, 0), world(1500, 1, -W), train=300)
    fitted = bayesian_head(given, learn)
    assert fitted.facts["source_strength"] == 0
    assert score(given, fitted) > score(given, learn(replace(given, source=None))) - 0.02


def test_classes_that_both_have_carry_over_and_others_are_learnt_anew():
    centres = np.zeros((3, 30))
    centres[[0, 1, 2], [0, 0, 1]] = [-1.5, 1.5, 3]  # left, right, far

    def clusters(n: int, seed: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        y = RNG(seed).integers(k, size=n)
        return RNG(seed + 1).normal(size=(n, 30)) + centres[y], y

    xs, ys = clusters(1500, 5, 2)
    given = problem(
        clusters(1500, 0, 3),
        (xs, 1 - ys),
        classes=("left", "right", "far"),
        source_classes=("right", "left"),
        train=25,
    )
    fitted = bayesian_head(given, learn)
    assert fitted.facts["source_strength"] > 0
    assert score(given, fitted) > score(given, learn(replace(given, source=None))) + 0.04


@pytest.mark.parametrize(("numbers", "form"), [(2**24, 4), (400, 3), (50, 2)])
def test_the_form_of_the_covariance_follows_its_size_and_all_forms_help(monkeypatch, numbers, form):
    monkeypatch.setattr(module, "FULL", numbers)
    assert flat_prior(2, 12, 1.0).precision.ndim == form
    given = problem(world(2000, 0), world(1500, 1), train=10)
    assert score(given, bayesian_head(given, learn)) > score(given, learn(replace(given, source=None))) + 0.05


def test_the_head_is_the_same_as_a_network():
    given = problem(world(400, 0), world(400, 1), train=40)
    model = bayesian_head(given, learn).model
    assert np.abs(model.network().predict(given.x, verbose=0) - model.predict_proba(given.x)).max() < 1e-5
