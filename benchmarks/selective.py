"""How often the interval of the accuracy among the most confident holds: `python -m benchmarks.selective`

60, 300 and 1,000 samples in several relations of confidence and accuracy; the most confident tenth, fifth, half, four
fifths and nearly all of them. True is the accuracy among the same share of two million samples. “A jump” is the worst
there can be: of the upper half 99 % are right, of the lower 55 %, so that at the half every sample decides.
"""

from collections.abc import Callable

import numpy as np

from benchmarks.harness import Benchmark
from core.evaluation.calibration import coverage_table

BENCHMARK = Benchmark(
    name="selective",
    what=(
        "how often the 95 % interval of the accuracy among the most confident 10, 20, 50, 80 and 95 % holds the true"
        " one, n = 60 / 300 / 1,000, 1,000 draws each"
    ),
    goal="93 % and more",
    minutes=8,
)

SEED, DRAWS, LARGE = 2026, 1_000, 2_000_000
SIZES, SHARES = (60, 300, 1_000), (0.1, 0.2, 0.5, 0.8, 0.95)
Floats = np.ndarray
RELATIONS: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "confidence that is right": (lambda u: 0.5 + 0.5 * u, lambda u: 0.5 + 0.5 * u),
    "mostly sure": (lambda u: 1 - 0.5 * (1 - u) ** 3, lambda u: 1 - 0.5 * (1 - u) ** 3),
    "often wrong": (lambda u: 0.5 + 0.5 * u, lambda u: 0.1 + 0.85 * np.sqrt(u)),
    "confidence that tells nothing": (lambda u: 0.5 + 0.5 * u, lambda u: np.full(len(u), 0.8)),
    "a jump": (lambda u: 0.5 + 0.5 * u, lambda u: np.where(u > 0.5, 0.99, 0.55)),
}


def main() -> None:
    for name, (confidence, accuracy) in RELATIONS.items():
        rng = np.random.default_rng(SEED)
        ranks = np.sort(rng.random(LARGE))[::-1]
        right = np.cumsum(accuracy(ranks)) / np.arange(1, LARGE + 1)
        told = []
        for n in SIZES:
            held = np.zeros(len(SHARES))
            for _ in range(DRAWS):
                ranks = rng.random(n)
                truth = np.where(rng.random(n) < accuracy(ranks), 0, 1)
                sure = confidence(ranks)
                table = coverage_table(np.column_stack([sure, 1 - sure]), truth)
                for i, share in enumerate(SHARES):
                    row = table.iloc[np.abs(table["covered"].to_numpy() - share).argmin()]
                    true = right[round(row["covered"] * LARGE) - 1]
                    held[i] += row["low"] <= true <= row["high"]
            told.append(" ".join(f"{100 * value / DRAWS:.1f}" for value in held))
        print(f"{name}: {' / '.join(told)} %", flush=True)


if __name__ == "__main__":
    main()
