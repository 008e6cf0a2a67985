"""Softmax regression on embeddings, solved to its optimum: no learning rate, no epochs, no random weights.

The rows are rotated once onto their principal directions. There the columns are uncorrelated, so that dividing each
by the root of its curvature makes the problem nearly round and L-BFGS needs few steps, and the directions with the
least variance can be left out. Every penalty starts from its stronger neighbour's solution.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from threadpoolctl import threadpool_limits

from core.data.splitting import assign_folds
from core.errors import DataError
from core.settings import get_settings
from core.transfer.fitting.linear import LayersHead, SoftmaxHead, squash
from core.transfer.fitting.problem import Problem
from core.transfer.fitting.weighing import loss_and_accuracy, penalty_weight, sample_weights

COMPONENTS = 512  # principal directions kept: beyond them scores do not change, time grows with the square
PENALTIES = tuple(10.0 ** (step / 2) for step in range(4, -7, -1))  # of `l2`: five decades, the strongest first
WORTH = 1e-3  # nats by which a weaker penalty must lower the loss: where all is right already it only adds confidence
PAST_THE_BEST = 2  # penalties in a row that do not, after which weaker ones are not tried
FOLDS = 5
NEARLY, EXACTLY = 1e-6, 1e-10  # relative decrease of the loss at which L-BFGS stops


H = TypeVar("H", SoftmaxHead, LayersHead)


@dataclass(frozen=True)
class SolvedHead(Generic[H]):
    """A head, its penalty `l2`, and out-of-fold probabilities of the samples that it learnt from, `(n, k)`.

    `loss` is the cross-entropy of these probabilities, classes weighted as in training.
    """

    head: H
    l2: float
    held_out: np.ndarray
    loss: float


AnySolvedHead = SolvedHead[SoftmaxHead] | SolvedHead[LayersHead]


def solve_head(problem: Problem, samples: np.ndarray, phase: str = "head") -> SolvedHead[SoftmaxHead]:
    """Fit a head on embeddings to the `samples` (positions) and their augmented views; see `solve`."""
    rows = RotatedRows(squash(problem.embeddings(), problem.kept), problem.with_views(samples))
    return solve(
        problem, samples, phase, lambda _: rows, lambda kernel, bias: SoftmaxHead(kernel, bias, problem.kept)
    )


def solve(
    problem: Problem,
    samples: np.ndarray,
    phase: str,
    rotate: Callable[[np.ndarray], "RotatedRows"],
    make_head: Callable[[np.ndarray, np.ndarray], H],
) -> SolvedHead[H]:
    """Fit a head to the `samples` (positions) and their augmented views.

    The penalty is the spec's `l2` or, where that is left open, the strongest that comes near the lowest out-of-fold
    loss, classes weighted as in training, in five stratified folds that keep copies together. The head is then fitted
    to all.

    Args:
        rotate: gives all rows as they are seen by a head that learns from some samples.
        make_head: makes the head of a kernel and a bias.

    Raises:
        DataError: all samples belong to one group.
    """
    recorder, resolved = problem.recorder, problem.resolved
    penalties = PENALTIES if resolved.l2 is None else (resolved.l2,)
    recorder.phase(phase, len(penalties))
    truth = problem.targets[samples]
    fold = assign_folds(truth.argmax(axis=1), problem.groups[samples], FOLDS, resolved.seed)
    folds = [fold == i for i in np.unique(fold)]
    if len(folds) < 2:
        raise DataError(
            "All images to learn from are copies of each other or belong to one group, so none can be left out to"
            " choose the penalty by.",
            "Make another split, or add images.",
        )
    learnt = [samples[~left_out] for left_out in folds]
    judged = sample_weights(resolved, truth, np.arange(len(samples)))
    starts: Sequence[np.ndarray | None] = [None] * len(folds)
    best, worse = (penalties[0], np.empty((0, 0)), np.inf), 0
    # The products are small: a thread a fold is faster than several threads a product.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(get_settings().threads) as pool:
        rotated = list(pool.map(rotate, learnt))
        for step, l2 in enumerate(penalties, start=1):
            solutions = list(pool.map(partial(_solve, problem, l2=l2, precision=NEARLY), rotated, learnt, starts))
            held_out = np.empty(truth.shape)
            for rows, left_out, solution in zip(rotated, folds, solutions, strict=True):
                held_out[left_out] = rows.probabilities(solution, samples[left_out])
            scores = loss_and_accuracy(held_out, truth, judged)
            recorder.epoch(step, {"l2": l2, "val_loss": scores["loss"], "val_accuracy": scores["accuracy"]})
            starts, worse = solutions, worse + 1
            if scores["loss"] < best[2] - WORTH:
                best, worse = (l2, held_out, scores["loss"]), 0
            if worse == PAST_THE_BEST:
                break
        l2, held_out, lowest = best
        rows = rotate(samples)
        head = make_head(*rows.unrotated(_solve(problem, rows, samples, None, l2, EXACTLY)))
    return SolvedHead(head, l2, held_out, lowest)


def _solve(
    problem: Problem, rows: "RotatedRows", samples: np.ndarray, start: np.ndarray | None, l2: float, precision: float
) -> np.ndarray:
    """The solution for the samples and their views under this `l2`."""
    train = problem.with_views(samples)
    once = replace(problem, train=train, resolved=problem.resolved.model_copy(update={"l2": l2}))
    weights = sample_weights(once.resolved, once.targets, train)[train]
    return rows.solve(train, once.targets[train], weights, penalty_weight(once, len(samples)), start, precision)


class RotatedRows:
    """Rows `x`, `(n, d)` float32, in the principal directions of those at `learnt`.

    Only the features in `columns`, `(d,)` boolean, count, times `factor`, which sets what a penalty means. Solutions
    are `(r + 1, k)`, the biases last.
    """

    def __init__(
        self, x: np.ndarray, learnt: np.ndarray, columns: np.ndarray | None = None, factor: float = 1.0
    ) -> None:
        self._columns, self._factor = np.ones(x.shape[1], bool) if columns is None else columns, factor
        counted = (x if columns is None else x[:, columns]) * np.float32(factor)
        seen = counted[learnt]
        wide = len(seen) < seen.shape[1]
        products = (seen @ seen.T if wide else seen.T @ seen).astype(np.float64)
        # Several threads hardly help here, and on a busy machine they wait for each other.
        with threadpool_limits(1, "blas"):
            values, vectors = np.linalg.eigh(products)
        if wide:
            kept = _leading(values)
            self._basis = seen.T @ (vectors[:, kept] / np.sqrt(values[kept])).astype(np.float32)
        else:
            self._basis = vectors[:, _leading(values)].astype(np.float32)
        self._rows = counted @ self._basis

    def solve(
        self,
        rows: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        penalty: float,
        start: np.ndarray | None,
        precision: float,
    ) -> np.ndarray:
        """Minimise the mean weighted cross-entropy at `rows` plus `penalty` ‖W‖², from `start`; the solution.

        Args:
            targets: class probabilities, `(len(rows), k)`; weights: `(len(rows),)`.
            precision: relative decrease of the loss at which to stop.
        """
        x, k = self._rows[rows], targets.shape[1]
        shares = (weights / len(rows)).astype(np.float32)
        scale = np.sqrt((x**2).T @ shares / 4 + 2 * penalty)  # a bound of the curvature (Böhning 1992)
        x = x / scale.astype(np.float32)
        shrunk = penalty / scale[:, None] ** 2
        weighted = targets * shares[:, None]
        totals = weighted.sum(axis=1, keepdims=True)

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            solution = flat.reshape(-1, k)
            logs = log_softmax(x @ solution[:-1].astype(np.float32) + solution[-1], axis=1)
            errors = np.exp(logs) * totals - weighted
            gradient = np.empty_like(solution)
            gradient[:-1] = x.T @ errors.astype(np.float32) + 2 * shrunk * solution[:-1]
            gradient[-1] = errors.sum(axis=0)
            return float((shrunk * solution[:-1] ** 2).sum() - (weighted * logs).sum()), gradient.ravel()

        first = np.zeros((x.shape[1] + 1, k))
        if start is not None:
            first[:-1], first[-1] = start[:-1] * scale[:, None], start[-1]
        found = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options={"ftol": precision, "gtol": 1e-9})
        solution: np.ndarray = found.x.reshape(-1, k)
        solution[:-1] /= scale[:, None]
        return solution

    def probabilities(self, solution: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.asarray(softmax(self._rows[rows] @ solution[:-1] + solution[-1], axis=1))

    def unrotated(self, solution: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Kernel `(d, k)` and bias `(k,)`, float32, for the rows as they were."""
        kernel = np.zeros((len(self._columns), solution.shape[1]), np.float32)
        kernel[self._columns] = self._factor * (self._basis @ solution[:-1])
        return kernel, solution[-1].astype(np.float32)


def _leading(values: np.ndarray) -> np.ndarray:
    """Positions of the largest eigenvalues, in ascending order as `eigh` gives them, without those of rounding."""
    return np.flatnonzero(values > 1e-6 * values[-1])[-COMPONENTS:]
