"""How far Graft's intervals and verdicts can be trusted: `python -m benchmarks.intervals`

Simulated test sets of 60, 300 and 1,000 samples. Designs: 2, 4 and 10 classes, balanced or with shares that fall like
1, 1/2, 1/3 and so on, 0.6, 0.85 or 0.97 right on average, all classes equally hard or some nine times as hard.
"""

import time
from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

from benchmarks.harness import Benchmark
from core.evaluation.bootstrap import macro_f1
from core.evaluation.comparison import compare
from core.evaluation.intervals import f1_interval, macro_f1_interval, paired_interval, wilson

BENCHMARK = Benchmark(
    name="intervals",
    what=(
        "how often 95 % intervals hold the true value, and how often a winner is named among equals, on "
        "simulated test sets"
    ),
    minutes=15,
)

SIZES = (60, 300, 1_000)
SETS, PAIRS = 5_000, 2_000
BAND = (93.5, 97.5)


def designs() -> Iterator[tuple[str, np.ndarray]]:
    """The probability of every (true, predicted) pair of classes."""
    for k, skewed, accuracy, uneven in product((2, 4, 10), (False, True), (0.6, 0.85, 0.97), (False, True)):
        shares = 1 / np.arange(1, k + 1) if skewed else np.ones(k)
        hardness = np.random.default_rng(k).permutation(np.linspace(0.2, 1.8, k)) if uneven else np.ones(k)
        wrong = np.minimum((1 - accuracy) * hardness, 0.95)
        cells = np.repeat(wrong[:, None] / (k - 1), k, axis=1)
        np.fill_diagonal(cells, 1 - wrong)
        name = f"{k} classes, {'skewed' if skewed else 'balanced'}, {accuracy}, {'uneven' if uneven else 'even'}"
        yield name, (shares / shares.sum())[:, None] * cells


def coverage(cells: np.ndarray, n: int, rng: np.random.Generator) -> dict[str, float]:
    """The share of test sets whose interval holds the true value, in percent; of classes, the smallest one's."""
    k = len(cells)
    total = cells.sum(0)[-1] + cells.sum(1)[-1]
    true = {
        "accuracy": cells.trace(),
        "macro-F1": float(macro_f1(cells)),
        "recall": cells[-1, -1] / cells[-1].sum(),
        "F1": 2 * cells[-1, -1] / total,
    }
    held = dict.fromkeys(true, 0)
    for drawn in rng.multinomial(n, cells.ravel(), SETS).reshape(-1, k, k):
        hits, support, guessed = int(drawn[-1, -1]), int(drawn[-1].sum()), int(drawn[:, -1].sum())
        found = {
            "accuracy": wilson(int(drawn.trace()), n),
            "macro-F1": macro_f1_interval(drawn),
            "recall": wilson(hits, support),
            "F1": f1_interval(hits, support, guessed),
        }
        for name, (low, high) in found.items():
            held[name] += int(low <= true[name] <= high)
    return {name: 100 * count / SETS for name, count in held.items()}


def rows(labels: np.ndarray, predicted: np.ndarray, k: int) -> pd.DataFrame:
    names = np.array([f"c{i}" for i in range(k)])
    table = pd.DataFrame({"id": np.arange(len(labels)), "label": names[labels], "predicted": names[predicted]})
    return table.assign(path=table["id"].astype(str), **{f"p:{c}": 1 / k for c in names})


def predictions(cells: np.ndarray, labels: np.ndarray, draw: np.ndarray) -> np.ndarray:
    steps = (cells / cells.sum(1, keepdims=True)).cumsum(1)[labels]
    found: np.ndarray = np.minimum((draw[:, None] > steps).sum(1), len(cells) - 1)
    return found


def false_winners(rng: np.random.Generator, n: int) -> dict[str, float]:
    """Percent of pairs of equal skill, half of whose answers are the same, of which one is called better."""
    every = list(designs())
    named = {"accuracy": 0, "macro_f1": 0}
    for i in range(PAIRS):
        _, cells = every[i % len(every)]
        labels = rng.choice(len(cells), n, p=cells.sum(1))
        first = rng.random(n)
        second = np.where(rng.random(n) < 0.5, first, rng.random(n))
        a, b = (rows(labels, predictions(cells, labels, draw), len(cells)) for draw in (first, second))
        for pair in compare({"a": a, "b": b}):
            named[pair.metric] += pair.significant
    return {metric: 100 * count / PAIRS for metric, count in named.items()}


def power(rng: np.random.Generator) -> dict[str, float]:
    """Percent of pairs 5 points apart, 10 % discordant, of 1,000 samples, of which the better one is named."""
    named = {"accuracy": 0, "macro_f1": 0}
    for _ in range(PAIRS // 4):
        labels = rng.integers(0, 2, 1_000)
        case = rng.choice(4, 1_000, p=[0.80, 0.025, 0.075, 0.10])  # both right, only a, only b, neither
        a, b = (rows(labels, np.where(np.isin(case, right), labels, 1 - labels), 2) for right in ([0, 1], [0, 2]))
        for pair in compare({"a": a, "b": b}):
            named[pair.metric] += pair.significant and pair.difference > 0
    return {metric: 400 * count / PAIRS for metric, count in named.items()}


def paired_coverage(rng: np.random.Generator) -> list[float]:
    """Percent of test sets whose interval of the accuracy difference holds the true one, a number a design."""
    found = []
    for apart, lead, n in product((0.03, 0.1, 0.3), (0, 0.3, 0.9), SIZES):
        shares = [apart * (1 + lead) / 2, apart * (1 - lead) / 2, 1 - apart]
        drawn = rng.multinomial(n, shares, SETS // 5)
        held = [
            low <= apart * lead <= high for low, high in (paired_interval(int(a), int(b), n) for a, b, _ in drawn)
        ]
        found.append(100 * float(np.mean(held)))
    return found


def main() -> None:
    rng = np.random.default_rng(0)
    table = [(name, n, coverage(cells, n, rng)) for name, cells in designs() for n in SIZES]
    for metric in ("accuracy", "macro-F1", "recall", "F1"):
        for n in SIZES:
            values = np.array([found[metric] for _, size, found in table if size == n])
            inside = ((values >= BAND[0]) & (values <= BAND[1])).sum()
            print(f"{metric}, n = {n}: mean {values.mean():.1f}, {values.min():.1f} to {values.max():.1f},", end=" ")
            print(f"{inside} of {len(values)} designs within {BAND[0]} to {BAND[1]}")
    for name, n, found in table:
        outside = {m: round(float(v), 1) for m, v in found.items() if not BAND[0] <= v <= BAND[1]}
        if outside:
            print(f"  {name}, n = {n}: {outside}")
    found_pairs = paired_coverage(rng)
    print(f"difference of two accuracies: {min(found_pairs):.1f} to {max(found_pairs):.1f}")
    for n in SIZES:
        print(f"a winner among equals, n = {n}: {false_winners(rng, n)}")
    print(f"a difference of 5 points named: {power(rng)}")
    labels = rng.integers(0, 10, 10_000)
    many = {
        f"run {i}": rows(
            labels, np.where(rng.random(10_000) < 0.8 + 0.005 * i, labels, rng.integers(0, 10, 10_000)), 10
        )
        for i in range(20)
    }
    begun = time.perf_counter()
    compare(many)
    print(f"20 runs of 10,000 samples compared in {time.perf_counter() - begun:.2f} s")


if __name__ == "__main__":
    main()
