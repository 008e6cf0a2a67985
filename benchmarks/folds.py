"""Do the interval and the test of cross-validated runs hold what they promise? `python -m benchmarks.folds`

Logistic regression, a tree and a small forest in five folds, on 60, 150 and 600 rows. What is estimated is the
procedure's expected accuracy at this number of rows, from 20,000 fresh ones. The two procedures that are compared see
other columns of one distribution, so that they are equally good. Seeds are fixed.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from benchmarks.harness import Benchmark
from core.evaluation.comparison import mcnemar
from core.evaluation.intervals import fold_share, wilson

BENCHMARK = Benchmark(
    name="folds",
    what="how often the 95 % interval of a cross-validation holds, and how often equals are called different",
    minutes=15,
)

FOLDS, COLUMNS, FRESH, TAUGHT = 5, 5, 20_000, 200
LEARNERS: dict[str, tuple[Callable[[int], Any], int]] = {
    "logistic regression": (lambda _: LogisticRegression(max_iter=200), 1_000),
    "tree": (lambda seed: DecisionTreeClassifier(random_state=seed), 1_000),
    "forest": (lambda seed: RandomForestClassifier(12, random_state=seed), 500),
}


def rows(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two blocks of columns that tell the class equally well."""
    x = rng.normal(size=(n, 2 * COLUMNS)).astype("float32")
    told = 0.6 * x.sum(axis=1) + 0.8 * (x[:, 0] * x[:, 1] + x[:, COLUMNS] * x[:, COLUMNS + 1])
    return x, (told + rng.normal(size=n) > 0.3).astype(int)


def main() -> None:
    warnings.filterwarnings("ignore")
    blocks = (slice(0, COLUMNS), slice(COLUMNS, None))
    for name, (make, draws) in LEARNERS.items():
        for n in (60, 150, 600):
            rng = np.random.default_rng(n)
            fresh, answers = rows(rng, FRESH)
            truth, right = [], np.zeros((draws, 2, n), dtype=bool)
            for draw in range(draws):
                x, y = rows(rng, n)
                while np.bincount(y, minlength=2).min() < FOLDS:
                    x, y = rows(rng, n)
                for learnt, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=draw).split(x, y):
                    for i, block in enumerate(blocks):
                        model = make(draw).fit(x[learnt][:, block], y[learnt])
                        right[draw, i, judged] = model.predict(x[judged][:, block]) == y[judged]
                if draw < TAUGHT:
                    block = blocks[draw % 2]
                    truth.append((make(draw).fit(x[:, block], y).predict(fresh[:, block]) == answers).mean())
            told = [f"{name}, n = {n}:"]
            for worth, title in ((1.0, "pooled"), (fold_share(FOLDS), "corrected")):
                ends = np.array([wilson(worth * k, worth * n) for k in right[:, 0].sum(axis=1)])
                holds = 100 * np.mean((ends[:, 0] <= np.mean(truth)) & (np.mean(truth) <= ends[:, 1]))
                apart = [(int((a & ~b).sum()), int((b & ~a).sum())) for a, b in right]
                named = 100 * np.mean([mcnemar(worth * a, worth * b) < 0.05 for a, b in apart])
                width = np.mean(ends[:, 1] - ends[:, 0])
                told.append(f"{title} interval holds {holds:.1f} % (width {width:.3f}), equals differ {named:.1f} %;")
            print(" ".join(told).removesuffix(";"), flush=True)


if __name__ == "__main__":
    main()
