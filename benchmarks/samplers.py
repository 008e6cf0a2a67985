"""Bayesian against random search, 20 trials each: python -m benchmarks.samplers [--seeds 5] [--trials 20]

The head of a linear probe on 1,000 photos of CIFAR-10 (Lite0 at 96 px, embeddings computed once): learning rate,
dropout, weight decay and batch size. The same seed draws both samplers' first trials. Prints the best
validation loss of each, and the mean difference with its 95 % interval (Student's t).
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import mean

from benchmarks import image_sets
from benchmarks.harness import Benchmark
from benchmarks.two_stage import interval

BENCHMARK = Benchmark(
    name="samplers",
    what="Bayesian against random search, 20 trials each, 5 seeds",
    minutes=30,
)

SPACE = {
    "learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
    "dropout": {"low": 0.0, "high": 0.7},
    "l2": {"low": 0.01, "high": 100.0, "log": True},
    "batch_size": [16, 32, 64, 128],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=20)
    arguments = parser.parse_args()
    gains = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        data = image_sets.prepare("cifar", Path(home), 0)
        for seed in range(arguments.seeds):
            best = {sampler: searched(data, sampler, seed, arguments.trials) for sampler in ("random", "tpe")}
            gains.append(best["random"] - best["tpe"])
            print(f"seed {seed}: random {best['random']:.4f}, Bayesian {best['tpe']:.4f}", flush=True)
    print(f"validation loss lower by {mean(gains):.4f} ({interval(gains)})")


def searched(data: str, sampler: str, seed: int, trials: int) -> float:
    """The best validation loss of a search."""
    from core.jobs import queue
    from core.studies import record, study

    spec = record.StudySpec.model_validate(
        {
            "base": {"data": data, "strategy": "linear_probe", "image_size": 96, "epochs": 30},
            "space": SPACE,
            "sampler": sampler,
            "trials": trials,
            "prune": False,
            "seed": seed,
        }
    )
    found = study.start(study.create(spec).id)
    while study.at_work(found):
        time.sleep(0.5)
        queue.reconcile()
    trials_of = record.read_trials(found.id)
    best = record.best_trial(record.get_study(found.id), trials_of)
    if best is None or best.value is None:
        raise SystemExit(f"No trial is complete: {trials_of}")
    return best.value


if __name__ == "__main__":
    main()
