"""How often the intervals of ROC AUC and average precision hold the true area: `python -m benchmarks.areas`

24 designs: 60, 300 and 1,000 samples, balanced or a tenth of them positive, scores that are normal with equal
deviations, AUC 0.6, 0.8, 0.9 and 0.97; beside them AUC 0.99 and 1, and the same with other scores. The constants of
`core.evaluation.areas` were chosen on the first three kinds of scores, with other seeds, and on none of the fourth.
DeLong's interval is the width to compare with, where it holds. Of hundreds of figures some are off by chance, so a
design outside the goal is drawn again, five times as often, and the second figure is told instead.
"""

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
from scipy.stats import norm, rankdata

from benchmarks.harness import Benchmark
from core.evaluation.areas import average_precision, roc_auc

BENCHMARK = Benchmark(
    name="areas",
    what=(
        "how often 95 % intervals of ROC AUC and average precision hold the true area, on simulated scores, 2,000"
        " draws of each design, 10,000 others of one outside the goal"
    ),
    goal="93.5 to 97.5 % from 300 samples on, 92 to 98.5 % of 60; average precision 93 to 98.5 %",
    minutes=12,
)

SEED = 2026
SIZES, SHARES = (60, 300, 1_000), (0.1, 0.5)
AREAS, EDGE = (0.6, 0.8, 0.9, 0.97), (0.99, 1.0)
DRAWS, AGAIN, LARGE = 2_000, 10_000, 2_000_000
ROC, PRECISION, EASY = "ROC AUC", "average precision", "ROC AUC of 0.99 and more"
MISTAKEN = 0.05
Rng = np.random.Generator
Scores = Callable[[np.ndarray, float, Rng], np.ndarray]


def normal(spread: float) -> Scores:
    """Normal scores, positives `spread` times as varied as negatives."""

    def scores(positive: np.ndarray, area: float, rng: Rng) -> np.ndarray:
        apart = norm.ppf(area) * np.hypot(1, spread) if area < 1 else 100.0
        drawn = rng.normal(size=len(positive))
        return np.where(positive, apart + spread * drawn, drawn)

    return scores


def exponential(positive: np.ndarray, area: float, rng: Rng) -> np.ndarray:
    """Exponential scores, those of positives on a larger scale."""
    return np.where(positive, area / (1 - area), 1.0) * rng.exponential(size=len(positive))


def mistaken(positive: np.ndarray, area: float, rng: Rng) -> np.ndarray:
    """Normal scores of equal deviation, but a twentieth of the positives score like negatives."""
    apart = norm.ppf((area - MISTAKEN / 2) / (1 - MISTAKEN)) * np.sqrt(2)
    high = positive & (rng.random(len(positive)) >= MISTAKEN)
    return np.asarray(rng.normal(size=len(positive)) + apart * high)


KINDS: dict[str, tuple[Scores, tuple[float, ...]]] = {
    "normal scores of equal deviations": (normal(1.0), EDGE),
    "positives vary twice as much": (normal(2.0), EDGE),
    "exponential scores": (exponential, EDGE[:1]),
    "a twentieth of the positives score like negatives": (mistaken, ()),
}


def positives(n: int, share: float, rng: Rng) -> np.ndarray:
    """Which of n samples are positive, with some of either."""
    while True:
        positive: np.ndarray = rng.random(n) < share
        if 0 < positive.sum() < n:
            return positive


def drawn(scores: Scores, n: int, share: float, area: float, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Scores of n samples, and which are positive."""
    positive = positives(n, share, rng)
    return scores(positive, area, rng), positive


def delong(score: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """DeLong's interval on the plain scale, cut off at 0 and 1."""
    m, n = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(score)
    below = (ranks[positive] - rankdata(score[positive])) / n
    above = 1 - (ranks[~positive] - rankdata(score[~positive])) / m
    if min(m, n) < 2:
        return 0.0, 1.0
    half = 1.96 * np.sqrt(below.var(ddof=1) / m + above.var(ddof=1) / n)
    return max(below.mean() - half, 0.0), min(below.mean() + half, 1.0)


def goal(title: str, n: int) -> tuple[float, float]:
    """Between what percentages the coverage is to lie."""
    if title == PRECISION:
        return 93.0, 98.5
    return (92.0, 98.5) if n < 300 else (93.5, 97.5)


def held(
    title: str, draw: Callable[[], tuple[np.ndarray, np.ndarray]], true: float, draws: int
) -> tuple[float, float, float]:
    """Percent of the draws whose interval holds what is true, and DeLong's; the ratio of their mean widths."""
    of = average_precision if title == PRECISION else roc_auc
    ends = np.array([[of(*each)[1], delong(*each)] for each in (draw() for _ in range(draws))])
    low, high = ends[..., 0], ends[..., 1]
    own, plain = 100 * np.mean((low <= true) & (true <= high + 1e-9), axis=0)
    width, compared = (high - low).mean(axis=0)
    return float(own), float(plain), float(width / compared) if compared else np.inf


def main() -> None:
    for kind, (scores, edge) in KINDS.items():
        rng = np.random.default_rng(SEED)
        found: dict[tuple[str, int], list[float]] = {}
        widths = []
        for share, area in product(SHARES, (*AREAS, *edge)):
            positive = positives(LARGE, share, rng)
            precise = average_precision(scores(positive, area, rng), positive)[0]
            for n in SIZES:
                draw = partial(drawn, scores, n, share, area, rng)
                for title in (ROC, PRECISION) if area in AREAS else (EASY,):
                    true = precise if title == PRECISION else area
                    own, plain, width = held(title, draw, true, DRAWS)
                    low, high = goal(title, n)
                    if not low <= own <= high and title != EASY:
                        own, plain, width = held(title, draw, true, AGAIN)
                    found.setdefault((title, n), []).append(own)
                    if title == ROC and plain >= 93.5:
                        widths.append(width)
        for title in dict.fromkeys(title for title, _ in found):
            told = ", ".join(f"{min(found[title, n]):.1f} to {max(found[title, n]):.1f}" for n in SIZES)
            print(f"{kind}, {title}: {told} % of n = 60, 300, 1,000", flush=True)
        print(f"{kind}: at most {max(widths):.2f} times as wide as DeLong's where that holds 93.5 %", flush=True)


if __name__ == "__main__":
    main()
