"""A head trained by Adam as before, the solved one of the linear probe, and one on all layers; five image sets.

    python -m benchmarks.heads [--seeds 5]

All learn from the same embeddings and splits. The trained one has the settings that the presets gave it: up to 40
epochs of Adam, dropout 0.2, `l2` 8, the best epoch by validation loss, training samples alone. Differences are
paired over the splits of a set; the interval is Student's t.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Benchmark
from benchmarks.image_sets import NAMES, prepare
from benchmarks.transfer_ways import Silent

BENCHMARK = Benchmark(
    name="heads", what="heads trained, solved, and solved on all layers: five image sets, five splits", minutes=20
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
    from core.embedding.embeddings import limit_threads

    limit_threads()
    from core.embedding.prepared import LAYERS
    from core.methods.plan import resolve_request
    from core.schemas import TrainingSpec
    from core.training.images.task import ImageTask

    for name in NAMES:
        found: dict[str, list[list[float]]] = {"trained": [], "solved": [], "all layers": []}
        for seed in range(seeds):
            spec = resolve_request(TrainingSpec(data=prepare(name, home, seed), seed=seed))
            recorder: Any = Fits(home / f"{name}-{seed}")
            task = ImageTask(spec, recorder)
            problem = task.problem(task.splits[0])
            problem.embeddings()
            test = np.isin(problem.judged, task.splits[0].test)
            problem.activations(LAYERS)
            rows = problem.judged[test]
            truth = problem.targets[rows].argmax(axis=1)
            old = replace(problem, resolved=spec.model_copy(update=TRAINED))
            for way, fitted in _ways(problem, old, rows, test).items():
                start = time.perf_counter()
                probabilities = fitted()
                found[way].append([*_scores(probabilities, truth), time.perf_counter() - start])
        _tell(name, {way: np.array(values) for way, values in found.items()})


def _ways(problem: Any, old: Any, rows: np.ndarray, test: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """What fits each head and gives the probabilities of the test samples, at `rows`, `test` among the judged."""
    from core.transfer.features.linear_probe import linear_probe
    from core.transfer.features.multi_layer_probe import multi_layer_probe
    from core.transfer.features.trained_head import fit_head

    return {
        "trained": lambda: fit_head(old)[0].predict(old.embeddings()[rows], verbose=0),
        "solved": lambda: linear_probe(problem).probabilities[test],
        "all layers": lambda: multi_layer_probe(problem).probabilities[test],
    }


def _scores(probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
    """Accuracy, macro-F1 and log loss."""
    from sklearn.metrics import f1_score

    guess = probabilities.argmax(axis=1)
    loss = -np.log(np.clip(probabilities[np.arange(len(truth)), truth], 1e-7, 1)).mean()
    return [(guess == truth).mean(), f1_score(truth, guess, average="macro"), loss]


def _tell(name: str, found: dict[str, np.ndarray]) -> None:
    """Each way's means over the splits, and the paired difference in macro-F1 from the one before it."""
    from scipy.stats import t

    before: np.ndarray | None = None
    for way, values in found.items():
        accuracy, f1, loss, seconds = values.mean(axis=0)
        text = f"{name}, {way}: accuracy {accuracy:.3f}, macro-F1 {f1:.3f}, log loss {loss:.3f}, {seconds:.2f} s"
        if before is not None and len(values) > 1:
            apart = values[:, 1] - before
            half = t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
            text += f"; macro-F1 {apart.mean():+.3f} ± {half:.3f}"
        before = values[:, 1]
        print(text, flush=True)


if __name__ == "__main__":
    main()
