"""Do the interval and the test of cross-validated runs hold what they promise? `python -m benchmarks.folds`

Logistic regression, a tree and a small forest in five folds, on 60, 150 and 600 rows of three distributions. What is
estimated is the procedure's expected accuracy at this number of rows, from 20,000 fresh ones. The two procedures that
are compared see other columns, which tell the class equally well. `FOLD_DEPENDENCE` was chosen on “interactions” with
other seeds, and on neither of the other two distributions.
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
    what=(
        "how often the 95 % interval of a cross-validation in five folds holds, and how often equals are called"
        " different, 1,000 draws each of 60 / 150 / 600 rows"
    ),
    goal="93 % and more, 6 % and less",
    minutes=35,
)

SEED = 2026
SIZES = (60, 150, 600)
FOLDS, COLUMNS, FRESH, TAUGHT, DRAWS = 5, 5, 20_000, 200, 1_000
BLOCKS = (slice(0, COLUMNS), slice(COLUMNS, None))
LEARNERS: dict[str, Callable[[int], Any]] = {
    "logistic regression": lambda _: LogisticRegression(max_iter=200),
    "tree": lambda seed: DecisionTreeClassifier(random_state=seed),
    "forest": lambda seed: RandomForestClassifier(10, random_state=seed, n_jobs=1),
}
Rows = tuple[np.ndarray, np.ndarray]


def interactions(rng: np.random.Generator, n: int) -> Rows:
    """Two classes, of which sums and products of columns tell."""
    x = rng.normal(size=(n, 2 * COLUMNS))
    told = 0.6 * x.sum(axis=1) + 0.8 * (x[:, 0] * x[:, 1] + x[:, COLUMNS] * x[:, COLUMNS + 1])
    return x, (told + rng.normal(size=n) > 0.3).astype(int)


def clusters(rng: np.random.Generator, n: int) -> Rows:
    """Three classes of unlike size, each around two places; which of them in one block says nothing of the other."""
    places = 1.5 * np.random.default_rng(7).normal(size=(3, 2, COLUMNS))
    y = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    blocks = [places[y, rng.integers(0, 2, n)] + 1.5 * rng.normal(size=(n, COLUMNS)) for _ in BLOCKS]
    return np.hstack(blocks), y


def rare(rng: np.random.Generator, n: int) -> Rows:
    """A tenth of a second class, columns with heavy tails."""
    y = (rng.random(n) < 0.1).astype(int)
    return rng.standard_t(3, size=(n, 2 * COLUMNS)) + y[:, None], y


DISTRIBUTIONS = {"interactions": interactions, "clusters": clusters, "rare class": rare}


def drawn(rows: Callable[..., Rows], rng: np.random.Generator, n: int) -> Rows:
    """Rows with at least two of the rarest class, so that every fold learns of it."""
    while True:
        x, y = rows(rng, n)
        if len(set(y)) > 1 and np.unique(y, return_counts=True)[1].min() > 1:
            return x.astype("float32"), y


def simulated(rows: Callable[..., Rows], make: Callable[[int], Any], n: int) -> dict[str, float]:
    """Percent of draws whose interval holds, and in which equals are called different; widths on average."""
    rng = np.random.default_rng((SEED, n))
    fresh, answers = drawn(rows, rng, FRESH)
    reached, right = [], np.zeros((DRAWS, 2, n), dtype=bool)
    for draw in range(DRAWS):
        x, y = drawn(rows, rng, n)
        for learnt, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=draw).split(x, y):
            for i, block in enumerate(BLOCKS):
                model = make(draw).fit(x[learnt][:, block], y[learnt])
                right[draw, i, judged] = model.predict(x[judged][:, block]) == y[judged]
        if draw < TAUGHT:
            block = BLOCKS[draw % 2]
            reached.append((make(draw).fit(x[:, block], y).predict(fresh[:, block]) == answers).mean())
    found, true = {}, np.mean(reached)
    for worth, title in ((1.0, "pooled"), (fold_share(FOLDS), "corrected")):
        ends = np.array([wilson(worth * k, worth * n) for k in right[:, 0].sum(axis=1)])
        apart = [(int((a & ~b).sum()), int((b & ~a).sum())) for a, b in right]
        found[f"{title} holds"] = 100 * np.mean((ends[:, 0] <= true) & (true <= ends[:, 1]))
        found[f"{title} differs"] = 100 * np.mean([mcnemar(worth * a, worth * b) < 0.05 for a, b in apart])
        found[f"{title} width"] = np.mean(ends[:, 1] - ends[:, 0])
    return found


def main() -> None:
    warnings.filterwarnings("ignore")
    for place, rows in DISTRIBUTIONS.items():
        for name, make in LEARNERS.items():
            found = [simulated(rows, make, n) for n in SIZES]

            def told(key: str, found: list[dict[str, float]] = found) -> str:
                return " / ".join(f"{each[key]:.1f}" for each in found)

            width = np.mean([each["corrected width"] / each["pooled width"] for each in found])
            print(
                f"{place}, {name}: the interval holds {told('corrected holds')} % (pooled {told('pooled holds')}),"
                f" equals are called different in {told('corrected differs')} % (pooled {told('pooled differs')}),"
                f" {width:.2f} times as wide as pooled",
                flush=True,
            )


if __name__ == "__main__":
    main()
