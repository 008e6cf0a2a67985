"""How often two halves of one set are called different: python -m benchmarks.null_distance [--times 1000]

Halves by lot of penguins, of clip art and of 1,000 photos of CIFAR-10; copies of one another stay in one half. Of a
valid test 5 % of the p-values are below .05.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import image_sets
from benchmarks.harness import Benchmark

BENCHMARK = Benchmark(
    name="null_distance",
    what="two halves of one set told apart with p < 0.05, 1,000 times",
    minutes=30,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        from core.data.importing import import_data
        from core.evaluation.intervals import wilson

        data = {name: import_data(f"sample:{name}").dataset.id for name in ("penguins", "clipart")}
        data["CIFAR-10"] = image_sets.prepare("cifar", Path(home), 0)
        for name, of in data.items():
            found = p_values(of, arguments.times)
            small = int((found < 0.05).sum())
            low, high = wilson(small, len(found))
            print(f"{name}: p < .05 in {small / len(found):.1%} ({low:.1%} to {high:.1%})", flush=True)


def p_values(data: str, times: int) -> np.ndarray:
    """Of the permutation test, `(times,)`, each for other halves of the training and test part together."""
    from core.advice.domain.distances import mmd
    from core.advice.domain.sides import draw_sides, side_vectors
    from core.schemas import DataRef

    first, second, _ = draw_sides(DataRef.parse(f"{data}:train"), DataRef.parse(f"{data}:test"))
    seen = side_vectors(first, second, None, lambda *_: None)
    z, known = np.concatenate([seen.x, seen.y]), np.unique(seen.groups)
    found = []
    for seed in range(times):
        half = np.isin(seen.groups, np.random.default_rng(seed).permutation(known)[: len(known) // 2])
        order = np.concatenate([seen.groups[half], seen.groups[~half]])
        found.append(mmd(z[half], z[~half], order, seed=times + seed)[1])
    return np.array(found)


if __name__ == "__main__":
    main()
