"""Which L2 penalty suits networks on small tables: `python -m benchmarks.table_penalty`

The network for tables with the preset's settings and with about a third and three times of its penalty, on up to 500
rows of eight real tables, three splits each. The preset's 0.3 was chosen on none of them.
"""

import os
import tempfile
from pathlib import Path
from pkgutil import resolve_name
from typing import cast

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from benchmarks.harness import Benchmark
from benchmarks.transfer_ways import Silent
from benchmarks.vector_sets import SETS
from core.data.importing import import_data
from core.data.versions import make_version
from core.evaluation.scaling import log_loss
from core.methods.learners import get_learner
from core.methods.plan import resolve_request
from core.schemas import Recipe, Split, TrainingSpec
from core.training.recorder import Recorder
from core.training.tables.task import TableTask

BENCHMARK = Benchmark(
    name="table_penalty",
    what="macro-F1 and log loss of the network for tables with an L2 penalty of 0.1, 0.3 and 1, 8 tables, 3 seeds",
    minutes=12,
)

PENALTIES = (0.1, 0.3, 1.0)
NAMES = ("penguins", "MNIST", "spam", "cells", "credit", "attrition", "churn", "diamonds")
SEEDS, MOST = range(3), 500
LEARNER = "network"


class Keeping(Silent):
    """A recorder that keeps checkpoints alone, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def next_checkpoint(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder)) / "fit.npz"


def scores(data: str, seed: int, penalty: float) -> tuple[float, float]:
    """Macro-F1 and log loss on the test part."""
    spec = TrainingSpec(data=data, learner=LEARNER, l2=penalty, seed=seed)
    task = TableTask(resolve_request(spec), cast(Recorder, Keeping(Path(os.environ["GRAFT_HOME"]))))
    (parts,) = task.splits
    problem, _ = task.problem(parts)
    fitted = resolve_name(get_learner(LEARNER).fit)(problem)
    test = np.isin(problem.judged, parts.test)
    truth, found = problem.labels[problem.judged[test]], fitted.probabilities[test]
    return float(f1_score(truth, found.argmax(axis=1), average="macro")), log_loss(found, truth)


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        for name in NAMES:
            x, y = SETS[name]()
            some = np.sort(np.random.default_rng(0).permutation(len(y))[:MOST])
            table = pd.DataFrame(x[some]).rename(columns=lambda i: f"x{i}").assign(kind=[f"c{i}" for i in y[some]])
            path = Path(home) / f"{name.replace(' ', '-')}.csv"
            table.to_csv(path, index=False)
            dataset = import_data(path, target="kind").dataset
            for seed in SEEDS:
                version = make_version(dataset.id, Recipe(), Split(seed=seed))
                for penalty in PENALTIES:
                    f1, loss = scores(f"{dataset.id}@{version.id}", seed, penalty)
                    rows.append({"table": name, "seed": seed, "penalty": penalty, "f1": f1, "loss": loss})
    found = pd.DataFrame(rows).pivot(index=["table", "seed"], columns="penalty", values=["f1", "loss"])
    for penalty in PENALTIES:
        gain = found["f1"][penalty] - found["f1"][PENALTIES[0]]
        print(
            f"L2 {penalty:g}: macro-F1 {found['f1'][penalty].mean():.3f}, {gain.mean():+.3f} against"
            f" {PENALTIES[0]:g} (standard error {gain.sem():.3f}); log loss {found['loss'][penalty].mean():.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
