"""The multi-layer probe: a softmax regression on what all layers of the frozen backbone see."""

from functools import partial

import numpy as np

from core.embedding.prepared import LAYERS
from core.transfer.features.linear_probe import fitted_from_head
from core.transfer.fitting.linear import LayersHead
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.fitting.softmax import WORTH, AnySolvedHead, RotatedRows, solve, solve_head
from core.transfer.fitting.weighing import sample_weights

SHARES = (0.2, 0.05)  # of the averages, beside all
STEADY = 1e-3  # standard deviation, as a share of the largest value, below which an average tells nothing


def multi_layer_probe(problem: Problem) -> Fitted:
    """Head2Toe (Evci, Dumoulin, Larochelle and Mozer 2022, arXiv:2201.03529), solved, with the last layer as a rival.

    Textures and edges that earlier layers see are gone from the embedding, and on pictures unlike the backbone's own
    they tell the classes apart. Every average is standardised and squashed. A head uses all of them or those shares
    that depend most on the class, chosen anew in every fold; of these heads the one with the lowest out-of-fold
    loss is kept where it is better than the linear probe's by more than the standard error of the difference (Breiman
    et al. 1984): the best of several is the best by chance as well.
    """
    learnt = np.concatenate([problem.train[: problem.n_train], problem.validation])
    averages = problem.activations(LAYERS)
    mean, deviation = averages[learnt].mean(axis=0), averages[learnt].std(axis=0)
    tells = deviation > STEADY * np.abs(averages[learnt]).max(axis=0)
    # Half a standard deviation is where tanh begins to bend.
    scale = np.where(tells, 0.5 / np.where(tells, deviation, 1), 0).astype(np.float32)
    x, offset = np.tanh((averages - mean) * scale), -mean * scale

    def make_head(kernel: np.ndarray, bias: np.ndarray) -> LayersHead:
        return LayersHead(kernel, bias, scale, offset.astype(np.float32))

    candidates: dict[float, AnySolvedHead] = {0.0: solve_head(problem, learnt, "last layer")}
    whole = _rotated(problem, x, learnt)
    candidates[1.0] = solve(problem, learnt, "all layers", lambda _: whole, make_head)
    for share in SHARES:
        rotate = partial(_rotated, problem, x, share=share)
        candidates[share] = solve(problem, learnt, f"best {share:.0%}", rotate, make_head)
    share = min(candidates, key=lambda one: candidates[one].loss)
    if not is_better(problem, learnt, candidates[share].held_out, candidates[0.0].held_out):
        share = 0.0
    if not share:
        problem.recorder.note("The last layer alone tells held-out images apart best, so this is the linear probe.")
    fitted = fitted_from_head(problem, learnt, candidates[share], averages if share else problem.embeddings())
    fitted.facts["layers_share"] = share
    return fitted


def _rotated(problem: Problem, x: np.ndarray, samples: np.ndarray, share: float | None = None) -> RotatedRows:
    """The rows as seen by a head that learns from the samples and uses all averages, or this share of them."""
    columns = None
    if share is not None:
        relevance = class_dependence(x[samples], problem.targets[samples])
        columns = np.zeros(x.shape[1], bool)
        columns[np.argsort(relevance, kind="stable")[-max(1, round(share * x.shape[1])) :]] = True
    norm = np.sqrt(problem.features / (x.shape[1] if columns is None else columns.sum()))
    return RotatedRows(x, problem.with_views(samples), columns, float(norm))


def is_better(problem: Problem, samples: np.ndarray, one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the loss of `one` is lower than that of the `other` by more than its standard error and `WORTH`.

    Both are probabilities of the samples, `(n, k)`; classes are weighted as in training.
    """
    truth = problem.targets[samples]
    weights = sample_weights(problem.resolved, truth, np.arange(len(samples)))
    first, second = (-(truth * np.log(np.clip(p, 1e-7, 1))).sum(axis=1) for p in (one, other))
    gains = weights * (second - first)
    return bool(gains.mean() > max(WORTH, gains.std(ddof=1) / np.sqrt(len(gains))))


def class_dependence(x: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Share of each feature's variance that lies between the classes (the correlation ratio), `(d,)`.

    Args:
        x: `(n, d)`; targets: class probabilities, `(n, k)`.
    """
    counts = targets.sum(axis=0)
    centred = x - x.mean(axis=0)
    means = (targets.T @ centred) / np.maximum(counts, 1e-9)[:, None]
    total = (centred**2).sum(axis=0)
    return np.asarray(counts @ means**2 / np.where(total > 0, total, np.inf))
