"""A Bayesian softmax regression whose prior is the posterior on the source."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from core.transfer.fitting.linear import LinearVote
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, fitted_estimator
from core.transfer.fitting.weighing import loss_and_accuracy, sample_weights, validation_weights

FULL = 2**24  # entries of a precision matrix at most: 128 MB in float64
STRENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.0)  # powers of the source's likelihood
BIAS = 1e-3  # precision of the prior of biases: almost flat


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution of weights `(k, d)`, by its mean and its precision.

    The precision is `(k, d, k, d)` in full, `(k, d, d)` if classes are taken as independent, or `(k, d)` if all
    weights are.
    """

    mean: np.ndarray
    precision: np.ndarray

    def times(self, w: np.ndarray) -> np.ndarray:
        """Precision times `w`, `(k, d)`."""
        if self.precision.ndim == 4:
            return np.tensordot(self.precision, w, axes=2)
        if self.precision.ndim == 3:
            return np.asarray(np.einsum("kde,ke->kd", self.precision, w))
        product: np.ndarray = self.precision * w
        return product


class Likelihood(Protocol):
    """The likelihood of weights, given data."""

    def loss(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log-likelihood and its gradient `(k, d)`."""

    def curvature(self, w: np.ndarray, dimensions: int) -> np.ndarray:
        """The Hessian, as a precision with this number of dimensions (see `Gaussian`)."""


def posterior(prior: Gaussian, likelihood: Likelihood) -> Gaussian:
    """Laplace approximation: a Gaussian at the mode, with the curvature at the mode (MacKay 1992).

    For a Gaussian likelihood it is the conjugate posterior. The precision has the prior's form.
    """
    shape = prior.mean.shape

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(shape)
        away = w - prior.mean
        pulled = prior.times(away)
        loss, gradient = likelihood.loss(w)
        return loss + 0.5 * float((away * pulled).sum()), (gradient + pulled).ravel()

    options = {"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 30}
    result = minimize(objective, prior.mean.ravel(), jac=True, method="L-BFGS-B", options=options)
    mode = result.x.reshape(shape)
    return Gaussian(mode, prior.precision + likelihood.curvature(mode, prior.precision.ndim))


@dataclass(frozen=True)
class Categorical:
    """Class probabilities `y`, `(n, k)`, of vectors `x`, `(n, d)`, whose last column is 1; `weights` of the rows."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray

    def loss(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        scores = self.x @ w.T
        logs = scores - logsumexp(scores, axis=1, keepdims=True)
        gradient = ((np.exp(logs) - self.y) * self.weights[:, None]).T @ self.x
        return -float(self.weights @ (self.y * logs).sum(axis=1)), gradient

    def curvature(self, w: np.ndarray, dimensions: int) -> np.ndarray:
        p = softmax(self.x @ w.T, axis=1)
        own = self.weights[:, None] * p * (1 - p)
        if dimensions == 2:
            diagonal: np.ndarray = own.T @ self.x**2
            return diagonal
        k, d = w.shape
        blocks = np.stack([(self.x * own[:, [i]]).T @ self.x for i in range(k)])
        if dimensions == 3:
            return blocks
        full = np.empty((k, d, k, d))
        for i in range(k):
            full[i, :, i] = blocks[i]
            for j in range(i):
                full[i, :, j] = -(self.x * (self.weights * p[:, i] * p[:, j])[:, None]).T @ self.x
                full[j, :, i] = full[i, :, j].T
        return full


def flat_prior(k: int, d: int, precision: float) -> Gaussian:
    """A zero-mean prior of weights `(k, d + 1)`; with full precision up to 2²⁴ entries.

    With more entries the classes, and if necessary all weights, are taken as independent: a full covariance of k
    classes on d features has (k · (d + 1))² entries, 1.3 GB for ten classes on 1,280 features.
    """
    mean = np.zeros((k, d + 1))
    diagonal = np.full((k, d + 1), precision)
    diagonal[:, -1] = BIAS
    if mean.size**2 <= FULL:
        return Gaussian(mean, np.diag(diagonal.ravel()).reshape(k, d + 1, k, d + 1))
    if k * (d + 1) ** 2 <= FULL:
        return Gaussian(mean, np.stack([np.diag(row) for row in diagonal]))
    return Gaussian(mean, diagonal)


def bayesian_head(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Softmax regression at the mode of its posterior on the target, with the source's posterior as the prior.

    Parameters of shared classes are transferred; other classes of the target have the zero-mean prior. The source's
    likelihood is raised to a power between 0 and 1, chosen by the validation loss (a power prior; Ibrahim and Chen
    2000): otherwise a large source would dominate a small target, and a misleading source must be able to count for
    nothing. The zero-mean prior has the precision 2 · l2, like the penalty of the other heads.
    """
    source, l2 = problem.source, problem.resolved.l2
    assert source and l2 is not None
    shared = [(place, source.classes.index(n)) for place, n in enumerate(problem.classes) if n in source.classes]
    start = flat_prior(len(source.classes), source.x.shape[1], 2 * l2)
    problem.recorder.phase("posterior on the source")
    taught = posterior(start, _likelihood(source))
    problem.recorder.phase("posterior on the target", len(STRENGTHS))
    base = flat_prior(len(problem.classes), problem.x.shape[1], 2 * l2)
    best: tuple[float, LinearVote, float] | None = None
    for number, strength in enumerate(STRENGTHS, start=1):
        prior = _target_prior(base, start, taught, shared, strength)
        w = posterior(prior, _likelihood(problem)).mean
        model = LinearVote(w[None, :, :-1].transpose(0, 2, 1), w[None, :, -1], np.ones(1))
        rows = problem.validation
        scores = loss_and_accuracy(
            model.predict_proba(problem.x[rows]), problem.targets[rows], validation_weights(problem)
        )
        problem.recorder.epoch(number, {"val_loss": scores["loss"], "val_accuracy": scores["accuracy"]})
        if best is None or scores["loss"] < best[0]:
            best = (scores["loss"], model, strength)
    assert best is not None
    facts = {"source_strength": best[2], "source_samples": float(len(source.train))}
    return fitted_estimator(problem, best[1], facts)


def _likelihood(problem: VectorProblem) -> Categorical:
    rows = problem.train
    weights = sample_weights(problem.resolved, problem.targets, rows, problem.weights)[rows]
    x = np.concatenate([problem.x[rows], np.ones((len(rows), 1))], axis=1).astype("float64")
    return Categorical(x, problem.targets[rows].astype("float64"), weights)


def _target_prior(
    base: Gaussian, start: Gaussian, taught: Gaussian, shared: list[tuple[int, int]], strength: float
) -> Gaussian:
    """The target's prior: for shared classes the source's posterior, with tempered precision."""
    if not strength or not shared:
        return base
    ours, theirs = (np.array(places) for places in zip(*shared, strict=True))
    mean, precision = base.mean.copy(), base.precision.copy()
    mean[ours] = taught.mean[theirs]
    learnt = strength * (taught.precision - start.precision)
    if precision.ndim != learnt.ndim:  # different numbers of classes: use the coarser form
        fewest = min(precision.ndim, learnt.ndim)
        precision, learnt = _coarsen_precision(precision, fewest), _coarsen_precision(learnt, fewest)
    if precision.ndim == 4:
        for i, j in zip(ours, theirs, strict=True):
            precision[i][:, ours] += learnt[j][:, theirs]
    else:
        precision[ours] += learnt[theirs]
    return Gaussian(mean, precision)


def _coarsen_precision(precision: np.ndarray, dimensions: int) -> np.ndarray:
    """A precision without the entries between classes, or between any two weights."""
    if precision.ndim == 4 and dimensions < 4:
        precision = np.stack([precision[i, :, i] for i in range(len(precision))])
    if precision.ndim == 3 and dimensions == 2:
        precision = np.stack([np.diag(block) for block in precision])
    return precision
