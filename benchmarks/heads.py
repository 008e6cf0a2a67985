"""The head of the linear probe, solved, against one trained by Adam as before, on five image sets.

    python -m benchmarks.heads [--seeds 5]

Both learn from the same embeddings and splits. The trained one has the settings that the presets gave it: up to 40
epochs of Adam, dropout 0.2, `l2` 8, the best epoch by validation loss, training samples alone. Differences are
paired over the splits of a set; the interval is Student's t.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Benchmark
from benchmarks.image_sets import NAMES, prepare
from benchmarks.transfer_ways import Silent

BENCHMARK = Benchmark(
    name="heads", what="solved head against one trained by Adam, five image sets, five splits", minutes=15
)
TRAINED = {"epochs": 40, "batch_size": 64, "learning_rate": 3e-3, "dropout": 0.2, "l2": 8.0}


class Fits(Silent):
    """One that gives fits a place for their checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[str] = []
        self._folder, self._fits = folder, 0

    def next_checkpoint(self) -> Path:
        self._fits += 1
        return self._folder / f"{self._fits}.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = f"{home}/workspace"
        measure(Path(home), seeds)


def measure(home: Path, seeds: int) -> None:
    from scipy.stats import t
    from sklearn.metrics import f1_score

    from core.embedding.embeddings import limit_threads

    limit_threads()
    from core.methods.plan import resolve_request
    from core.schemas import TrainingSpec
    from core.training.images.task import ImageTask
    from core.transfer.features.linear_probe import linear_probe
    from core.transfer.features.trained_head import fit_head

    found: dict[str, list[np.ndarray]] = {}
    for name in NAMES:
        for seed in range(seeds):
            spec = resolve_request(TrainingSpec(data=prepare(name, home, seed), seed=seed))
            recorder: Any = Fits(home / f"{name}-{seed}")
            task = ImageTask(spec, recorder)
            problem = task.problem(task.splits[0])
            x, rows = problem.embeddings(), task.splits[0].test
            truth = problem.targets[rows].argmax(axis=1)
            start = time.perf_counter()
            solved = linear_probe(problem)
            middle = time.perf_counter()
            old = replace(problem, resolved=spec.model_copy(update=TRAINED))
            trained = fit_head(old)[0].predict(x[rows], batch_size=256, verbose=0)
            end = time.perf_counter()
            assert solved.head
            row = []
            for p in (solved.head.predict_proba(x[rows]), trained):
                guess = p.argmax(axis=1)
                loss = -np.log(np.clip(p[np.arange(len(truth)), truth], 1e-7, 1)).mean()
                row += [(guess == truth).mean(), f1_score(truth, guess, average="macro"), loss]
            found.setdefault(name, []).append(np.array([*row, middle - start, end - middle]))
    for name, table in found.items():
        values = np.array(table)
        accuracy, f1 = values[:, 0] - values[:, 3], values[:, 1] - values[:, 4]
        half = t.ppf(0.975, len(values) - 1) * f1.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
        mean = values.mean(axis=0)
        print(
            f"{name}: accuracy {mean[0]:.3f} (trained {mean[3]:.3f}, difference {accuracy.mean():+.3f}), macro-F1"
            f" {mean[1]:.3f} ({mean[4]:.3f}, {f1.mean():+.3f} ± {half:.3f}), log loss {mean[2]:.3f} ({mean[5]:.3f}),"
            f" {mean[6]:.2f} s ({mean[7]:.2f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
