"""Does the interval of an expected accuracy hold what is reached on shifted data? `python -m benchmarks.shift`

Logistic regressions on sklearn's digits and on measurements of breast cancer cells, judged on samples they had not
seen, then used on others under noise, scaling, a shift of the pixels or columns, missing values and other shares of
the classes, in three strengths. Data, models and shifts are others than those by which `OFF` was chosen
(`benchmarks/expectation.py`).
"""

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.harness import Benchmark
from core.advice.domain.expectation import estimated

BENCHMARK = Benchmark(
    name="shift",
    what="how often the interval of the expected accuracy holds what is reached, on two sets under shifts",
    minutes=3,
)

SEEDS = range(5)
STRENGTHS = (0.3, 0.7, 1.2)
Rows = np.ndarray


def shifted(x: Rows, y: Rows, strength: float, rng: np.random.Generator) -> dict[str, tuple[Rows, Rows]]:
    """The samples under each shift."""
    spread = x.std(axis=0)
    noisy = x + strength * spread * rng.normal(size=x.shape)
    scaled = x * (1 + 0.4 * strength)
    moved = x + 0.4 * strength * spread * rng.choice([-1, 1], x.shape[1])
    blank = np.where(rng.random(x.shape) < 0.25 * strength, x.mean(axis=0), x)
    weight = np.where(y < np.median(y), 1 + 4 * strength, 1.0)
    rows = rng.choice(len(y), len(y) // 2, replace=False, p=weight / weight.sum())
    found = {"noise": noisy, "scale": scaled, "shift": moved, "missing": blank}
    return {name: (values, y) for name, values in found.items()} | {"classes": (x[rows], y[rows])}


def main() -> None:
    for name, load in (("digits", load_digits), ("breast cancer", load_breast_cancer)):
        x, y = load(return_X_y=True)
        held, off = [], []
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            train, known, new = np.split(rng.permutation(len(y)), [len(y) // 4, len(y) // 2])
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x[train], y[train])
            for strength in STRENGTHS:
                for there, truth in shifted(x[new], y[new], strength, rng).values():
                    share = model.predict_proba(there)
                    expected, (low, high) = estimated(model.predict_proba(x[known]), y[known], share)
                    reached = float((share.argmax(axis=1) == truth).mean())
                    held.append(low <= reached <= high)
                    off.append(abs(expected - reached))
        print(
            f"{name}: the interval holds what is reached in {np.mean(held):.0%} of {len(held)},"
            f" the estimate is {100 * np.mean(off):.1f} points off on average",
            flush=True,
        )


if __name__ == "__main__":
    main()
