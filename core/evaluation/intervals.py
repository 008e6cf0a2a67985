"""Intervals for shares, for F1 and its mean over the classes, and for the difference of two runs on the same samples.

All are closed formulas, so the same counts always give the same interval. `benchmarks/intervals.py` measures their
coverage.
"""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Interval = tuple[float, float]
ALPHA = 0.05
Counts = NDArray[np.int64]

_ANGLES = np.linspace(0.0, math.pi / 2, 361)
FOLD_DEPENDENCE = 0.6  # of the models of two folds, relative to the share of training samples they differ in
_UNKNOWN = 0.5  # assumed samples of a class that does not occur: less is known about it than about one seen once


def quantile(alpha: float = ALPHA) -> float:
    """The standard normal's two-sided quantile: 1.96 at 0.05."""
    return -NormalDist().inv_cdf(alpha / 2)


def wilson(successes: float, n: float, alpha: float = ALPHA) -> Interval:
    """Score interval for a share (Wilson 1927; recommended for any n by Brown, Cai and DasGupta 2001).

    Without a trial nothing is known: `(0, 1)`.
    """
    if n == 0:
        return 0.0, 1.0
    z = quantile(alpha)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At the ends the bounds are exact; rounding must not push them past the share itself.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def fold_share(folds: int, repeats: int = 1) -> float:
    """What share of its samples a cross-validation is worth: as many would be as uncertain if they were independent.

    The models of two folds share most of their training samples, so that the pooled score varies more than that of
    independent samples: by the factor 1 + γ k / (k − 1) for k folds. Nadeau and Bengio (2003) have γ = 1, with the
    variance taken from the k folds' scores; with that of the pooled samples (Bayle et al. 2020), which is far less
    uncertain, `FOLD_DEPENDENCE` suffices (`benchmarks/folds.py`). The mean over `repeats` with other folds has less
    of the excess. Without folds the share is 1.
    """
    return 1 / (1 + FOLD_DEPENDENCE * folds / (folds - 1) / repeats) if folds > 1 else 1.0


def count_folds(rows: pd.DataFrame) -> int:
    """How many folds predictions come from; 1 for a test part."""
    return int(rows["fold"].nunique()) if "fold" in rows else 1


def clopper_pearson(successes: float, n: float, alpha: float = ALPHA) -> Interval:
    """Exact interval for a share (Clopper and Pearson 1934): those that an exact binomial test does not reject.

    Counts need not be whole: the binomial distribution is extended by the incomplete beta function.
    """
    from scipy.special import betaincinv

    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, alpha / 2))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - alpha / 2))
    return low, high


def f1_interval(hits: float, support: float, predicted: float) -> Interval:
    """95 % interval for a class's F1 from its true positives, its samples and its predictions.

    Of the M = support + predicted − hits samples that touch the class, the true positives are a binomial count with
    the share J = F1 / (2 − F1). F1 grows with J, so J's Wilson interval is carried over (Lam, Gopal and Qian 2023,
    “Confidence intervals for the F1 score”, the indirect Wilson method).
    """
    low, high = wilson(hits, support + predicted - hits)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def macro_f1_interval(confusion: Counts, worth: float = 1.0) -> Interval:
    """95 % interval for the mean of all classes' F1, in the population that the samples are drawn from.

    Wilson's interval for a share of as many samples as would be as uncertain (Kott and Carr 1997 do so for surveys;
    Takahashi et al. 2022 derive the variance of macro-F1). With enough samples of all classes that is the delta
    method. For small counts, each class's J (see `f1_interval`) is drawn towards that of all classes together by the
    weight of one sample, so that a class with one sample, right or wrong, has a variance; and the value is raised by
    what a class's F1, concave in J, is too low on average. A class that does not occur counts as one of which half a
    sample
    is known: its F1 can be anything, and the interval says so.

    Args:
        confusion: counts, shape (classes, classes), true class first; at least one sample.
        worth: what share of its samples they are worth (`fold_share`).
    """
    n, k = int(confusion.sum()), len(confusion)
    hits = confusion.diagonal()
    total = confusion.sum(0) + confusion.sum(1)
    touched = total - hits
    occurs = touched > 0
    value = float((2 * hits[occurs] / total[occurs]).mean())
    pooled = (hits.sum() + 1) / (touched.sum() + 2)
    share = (hits + pooled) / (touched + 1)
    noise = share * (1 - share) / np.where(occurs, touched, _UNKNOWN)
    # F1 = 2J / (1 + J), its slope 2 / (1 + J)², its curvature −4 / (1 + J)³.
    slopes = np.divide(2 * share / (1 + share), total, out=np.zeros(k), where=occurs)
    variance = (4 / (1 + share) ** 4 * noise).sum()
    mixed = np.array(confusion, dtype=float)
    np.fill_diagonal(mixed, 0.0)
    variance = (variance + 2 * slopes @ mixed @ slopes) / k**2
    raised = min(1.0, value + (2 / (1 + share[occurs]) ** 3 * noise[occurs]).mean())
    inner = min(max(raised, 0.5 / (n + 1)), 1 - 0.5 / (n + 1))
    effective = worth * min(inner * (1 - inner) / variance, n)
    low, high = wilson(raised * effective, effective)
    return min(low, value), max(high, value)


def paired_gain(
    before: NDArray[np.bool_], after: NDArray[np.bool_], alpha: float = ALPHA, worth: float = 1.0
) -> tuple[float, Interval]:
    """The gain in accuracy of `after` over `before`, both `(n,)` on the same samples, with `paired_interval`.

    `worth` is what share of its samples a cross-validation is worth (`fold_share`).
    """
    gained, lost, n = int((after & ~before).sum()), int((before & ~after).sum()), len(before)
    return (gained - lost) / n, paired_interval(worth * gained, worth * lost, worth * n, alpha)


def paired_interval(only_first: float, only_second: float, n: float, alpha: float = ALPHA) -> Interval:
    """Interval for the first run's accuracy less the second's. It leaves out 0 where McNemar's exact test does.

    The difference is ψθ: ψ the share of samples on which one run alone is right, θ by how much the first wins those.
    The two are independent, θ has its exact interval (`clopper_pearson`), ψ Wilson's. The bounds are the extreme
    products on the ellipse through both (Zou, Huang and Zhang 2009 recover variances from limits in this way); since
    ψ > 0, their signs are those of θ's bounds, which the exact test decides. Newcombe's interval (1998), narrower,
    can leave out 0 though the test finds nothing.

    Args:
        only_first: samples on which only the first run is right.
        only_second: samples on which only the second is.
        n: all samples both were judged on.
    """
    apart = only_first + only_second
    share = apart / n
    lead = (only_first - only_second) / apart if apart else 0.0
    theta = [2 * bound - 1 for bound in clopper_pearson(only_first, apart, alpha)]
    psi = np.array(wilson(apart, n, alpha))[:, None]
    ways = share + (psi - share) * np.sin(_ANGLES)
    low, high = ((lead + (bound - lead) * np.cos(_ANGLES)) * ways for bound in theta)
    return float(low.min()), float(high.max())


def effective_size(weights: np.ndarray) -> float:
    """Kish's effective sample size, (Σw)² / Σw²: as many rows of equal weight are as informative (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())
