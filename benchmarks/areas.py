"""How often the intervals of ROC AUC and average precision hold the true area: `python -m benchmarks.areas`

24 designs: 60, 300 and 1,000 samples, balanced or a tenth of them positive, scores that are normal with equal
deviations, AUC 0.6, 0.8, 0.9 and 0.97; beside them AUC 0.99 and 1, and positives that vary twice as much. Seeds are
fixed. DeLong's interval is the width to compare with, where it holds.
"""

from itertools import product

import numpy as np
from scipy.stats import norm, rankdata

from benchmarks.harness import Benchmark
from core.evaluation.areas import average_precision, roc_auc

BENCHMARK = Benchmark(
    name="areas",
    what="how often 95 % intervals of ROC AUC and average precision hold the true area, on simulated scores",
    minutes=4,
)

SIZES, SHARES = (60, 300, 1_000), (0.1, 0.5)
AREAS, EDGE = (0.6, 0.8, 0.9, 0.97), (0.99, 1.0)
SETS, LARGE = 500, 400_000


def scores(
    n: int, share: float, area: float, spread: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Normal scores with this AUC, positives `spread` times as varied as negatives, and which are positive."""
    positive = rng.random(n) < share
    while not 0 < positive.sum() < n:
        positive = rng.random(n) < share
    apart = norm.ppf(area) * np.hypot(1, spread) if area < 1 else 100.0
    return np.where(positive, apart + spread * rng.normal(size=n), rng.normal(size=n)), positive


def delong_width(score: np.ndarray, positive: np.ndarray) -> float:
    """Width of DeLong's interval on the plain scale, cut off at 0 and 1."""
    m, n = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(score)
    below = (ranks[positive] - rankdata(score[positive])) / n
    above = 1 - (ranks[~positive] - rankdata(score[~positive])) / m
    if min(m, n) < 2:
        return 1.0
    half = 1.96 * np.sqrt(below.var(ddof=1) / m + above.var(ddof=1) / n)
    return float(min(below.mean() + half, 1) - max(below.mean() - half, 0))


def main() -> None:
    for spread, title in ((1.0, "equal deviations"), (2.0, "positives vary twice as much")):
        rng = np.random.default_rng(0)
        for n in SIZES:
            held: dict[str, list[float]] = {"ROC AUC": [], "at 0.99 and 1": [], "average precision": []}
            widths = []
            for share, area in product(SHARES, (*AREAS, *EDGE)):
                true = average_precision(*scores(LARGE, share, area, spread, rng))[0]
                drawn = [scores(n, share, area, spread, rng) for _ in range(SETS)]
                auc = np.array([roc_auc(*each)[1] for each in drawn])
                inside = 100 * np.mean((auc[:, 0] <= area) & (area <= auc[:, 1] + 1e-9))
                held["ROC AUC" if area in AREAS else "at 0.99 and 1"].append(float(inside))
                if area in AREAS:
                    precision = np.array([average_precision(*each)[1] for each in drawn])
                    held["average precision"].append(
                        float(100 * np.mean((precision[:, 0] <= true) & (true <= precision[:, 1])))
                    )
                    if share == 0.5 and area < 0.95:
                        delong = np.mean([delong_width(*each) for each in drawn])
                        widths.append(float(np.mean(auc[:, 1] - auc[:, 0]) / delong))
            told = ", ".join(f"{name} {min(values):.1f} to {max(values):.1f} %" for name, values in held.items())
            print(f"{title}, n = {n}: {told}; at most {max(widths):.2f} times as wide as DeLong's", flush=True)


if __name__ == "__main__":
    main()
