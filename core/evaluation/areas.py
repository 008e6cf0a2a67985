"""Areas under the ROC and the precision–recall curve of one class against the rest, with their 95 % intervals.

Both intervals mix the variance that the samples show with that of a model, which takes over where few samples are out
of order: there the samples show hardly any variance, or none. `benchmarks/areas.py` measures their coverage.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.evaluation.intervals import ALPHA, Interval

ROC_PRIOR = 3.0  # misordered samples that the model's variance is worth, for the ROC curve
PRECISION_PRIOR = 0.5  # the same for the precision–recall curve
ROC_FREEDOM, PRECISION_FREEDOM = 2.0, 12.0  # degrees of freedom that the model adds
_STEPS = 50
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def roc_auc(score: Floats, positive: Flags, worth: float = 1.0) -> tuple[float, Interval]:
    """Area under the ROC curve and its 95 % interval.

    The interval holds the areas θ with (A − θ)² ≤ t² r V(θ), as a score interval does, so that it stays between 0
    and 1 and has a width where the area A is 1. V is Newcombe's (2006, method 5) variance under exponential
    distributions, r the ratio to it of the variance by DeLong et al. (1988), in the form of Sun and Xu (2014), drawn
    towards 1 by the weight of `ROC_PRIOR` misordered samples. t is Student's quantile with the degrees of freedom of
    Brunner and Munzel (2000), which few positives need, and `ROC_FREEDOM` more; where a few samples decide on the
    variance, there are fewer of them (`_mean_variance`).

    Args:
        score: `(n,)`, higher for what is likelier positive; positive: `(n,)`, with some of either.
        worth: what share of its samples a cross-validation is worth (`core.evaluation.intervals.fold_share`).
    """
    from scipy.special import stdtrit
    from scipy.stats import rankdata

    m, n = int(positive.sum()), int((~positive).sum())
    ranks, of_positive, of_negative = rankdata(score), rankdata(score[positive]), rankdata(score[~positive])
    area = float((ranks[positive].sum() - m * (m + 1) / 2) / (m * n))
    below = (ranks[positive] - of_positive) / n  # of the negatives, the share below each positive
    above = 1 - (ranks[~positive] - of_negative) / m
    parts = [_mean_variance(below), _mean_variance(above)]
    seen = sum(variance for variance, _ in parts)
    freedom = ROC_FREEDOM
    if seen > 0:
        freedom += seen**2 / sum(variance**2 / own for variance, own in parts)
    informative = min(int((below < 1).sum()), int((above < 1).sum()))
    inside = min(max(area, 0.5 / (m * n)), 1 - 0.5 / (m * n))
    ratio = (informative * seen / _roc_variance(inside, m, n) + ROC_PRIOR) / (informative + ROC_PRIOR)
    factor = float(stdtrit(freedom, 1 - ALPHA / 2)) ** 2 * ratio / worth

    def holds(theta: float) -> bool:
        return (area - theta) ** 2 <= factor * _roc_variance(theta, m, n)

    return area, (_farthest(area, 0.0, holds), _farthest(area, 1.0, holds))


def _mean_variance(values: Floats) -> tuple[float, float]:
    """The variance of a mean of shares, and its degrees of freedom; of a single one, the largest there can be, and 1.

    The variance of m values has m − 1 degrees of freedom where they are normal. A variance s² that itself has the
    variance v counts as one of 2 s⁴ / v (Satterthwaite 1946), and v grows with the fourth power of the deviations.
    """
    m = len(values)
    if m < 2:
        return 0.25, 1.0
    squares = (values - values.mean()) ** 2
    total = float(squares.sum())
    if total == 0:
        return 0.0, m - 1.0
    uneven = float((squares**2).sum()) / total**2 - 1 / m
    return total / (m - 1) / m, min(m - 1.0, 2 / uneven) if uneven > 0 else m - 1.0


def _roc_variance(area: float, m: int, n: int) -> float:
    """Newcombe's variance of the area for m positives and n negatives, which depends on their mean number."""
    size = (m + n) / 2
    return area * (1 - area) / (m * n) * (2 * size - 1 - (3 * size - 3) / ((2 - area) * (1 + area)))


def _farthest(start: float, end: float, holds: Callable[[float], bool]) -> float:
    """The last value from `start` towards `end` for which it holds, by bisection; 0 and 1 themselves never do."""
    inside, outside = start, end
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside


def average_precision(score: Floats, positive: Flags, worth: float = 1.0) -> tuple[float, Interval]:
    """Average precision, as in scikit-learn, and its 95 % interval, on the logit scale.

    The variance is the infinitesimal jackknife's (Efron 1982, chapter 6), drawn towards that of a share among the
    positives (Boyd, Eng and Page 2013) by the weight of `PRECISION_PRIOR` positives that have a negative above them.
    Student's quantile has the number of positives less one as degrees of freedom, and `PRECISION_FREEDOM` more.

    Args:
        score: `(n,)`, higher for what is likelier positive; positive: `(n,)`, with some of either.
        worth: what share of its samples a cross-validation is worth (`core.evaluation.intervals.fold_share`).
    """
    from scipy.special import stdtrit

    order = np.argsort(-score, kind="stable")
    sorted_score, mine = score[order], positive[order]
    # Samples of equal score are taken in together: each has the counts of the last of them.
    last = np.searchsorted(-sorted_score, -sorted_score, side="right") - 1
    taken = last + 1.0
    precision = mine.cumsum()[last] / taken
    m = int(mine.sum())
    value = float(precision[mine].mean())
    first = np.searchsorted(-sorted_score, -sorted_score, side="left")

    def from_here(terms: Floats) -> Floats:
        """The sum over the positives that are taken in with each sample or after it."""
        sums: Floats = (terms * mine)[::-1].cumsum()[::-1][first]
        return sums

    gained = precision - value + from_here((1 - precision) / taken)
    influence = np.where(mine, gained, -from_here(precision / taken)) / m
    informative = int((precision[mine] < 1).sum())
    inside = min(max(value, 0.5 / m), 1 - 0.5 / m) if m > 1 else 0.5
    model = inside * (1 - inside) / m
    variance = (informative * float((influence**2).sum()) + PRECISION_PRIOR * model) / (informative + PRECISION_PRIOR)
    t = float(stdtrit(m - 1 + PRECISION_FREEDOM, 1 - ALPHA / 2))
    half = t * math.sqrt(variance / worth) / (inside * (1 - inside))
    place = math.log(inside / (1 - inside))
    low, high = (1 / (1 + math.exp(-max(min(place + side * half, 700), -700))) for side in (-1, 1))
    return value, (min(low, value), max(high, value))
