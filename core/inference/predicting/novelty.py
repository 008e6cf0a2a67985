"""Out-of-distribution detection: a sample's distance to the training samples, and its nearest neighbours."""

import math
from dataclasses import dataclass

import numpy as np

K = 5  # the neighbour whose distance counts
QUANTILE = 0.95
CALIBRATING = 2_000  # samples whose own distances give the threshold
LARGEST = 50_000  # reference samples at most
_CHUNK = 1024


@dataclass(frozen=True)
class Reference:
    """Training and validation samples of a model, as vectors.

    The measure is the distance to the k-th nearest of them (Sun et al. 2022, arXiv:2204.06507). Its threshold is the
    quantile of the samples' own distances, each without itself and its near copies, rounded up as conformal
    prediction does (Vovk et al. 2005): of new samples like these about 1 − `QUANTILE` lie beyond.

    Attributes:
        x: `(m, d)` float32.
        threshold: None if there are too few samples; `reason` says so.
        typical: the median of the samples' own distances; None with the threshold.
    """

    x: np.ndarray
    threshold: float | None
    reason: str = ""
    typical: float | None = None

    def nearest_known(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance of each of `x`, `(n, d)`, to its k-th nearest, `(n,)`, and positions of the nearest, `(n, k)`."""
        return _nearest(x, self.x, None, None)

    def times_as_far(self, x: np.ndarray) -> float | None:
        """How many times as far as new samples like these the median of `x`, `(n, d)`, lies; None if not known."""
        return float(np.median(self.nearest_known(x)[0])) / self.typical if self.typical else None


def fit_reference(x: np.ndarray, groups: np.ndarray) -> Reference:
    """Fit the threshold to vectors `(m, d)` of known samples; near copies share a number in `groups`, `(m,)`."""
    least = math.ceil(1 / (1 - QUANTILE)) - 1
    if len(x) < max(least, K + 1):
        return Reference(x, None, f"Telling what is unlike the training data needs {least} samples to learn from.")
    rows = np.sort(np.random.default_rng(0).permutation(len(x))[:CALIBRATING])
    own, _ = _nearest(x[rows], x, groups[rows], groups)
    own = np.sort(own[np.isfinite(own)])
    place = math.ceil((len(own) + 1) * QUANTILE)
    if place > len(own):
        return Reference(x, None, "Too few samples have no near copy to tell what is unlike the training data.")
    return Reference(x, float(own[place - 1]), typical=float(np.median(own)))


def _nearest(
    x: np.ndarray, known: np.ndarray, groups: np.ndarray | None, known_groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distance to the k-th nearest of `known` outside the own group, and the k nearest in their order."""
    k = min(K, len(known))
    distance, near = np.empty(len(x)), np.empty((len(x), k), "int64")
    lengths = np.square(known, dtype="float64").sum(1)
    for start in range(0, len(x), _CHUNK):
        here = slice(start, start + _CHUNK)
        squares = np.square(x[here], dtype="float64").sum(1)[:, None] + lengths - 2.0 * (x[here] @ known.T)
        if groups is not None and known_groups is not None:
            squares[groups[here, None] == known_groups[None]] = np.inf
        nearest = np.argpartition(squares, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(squares, nearest, axis=1)
        order = np.argsort(values, axis=1)
        near[here] = np.take_along_axis(nearest, order, axis=1)
        distance[here] = np.sqrt(np.maximum(values.max(axis=1), 0))
    return distance, near
