"""Weights of rows: from the column that holds them to what a learner makes of them."""

from contextlib import nullcontext
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from core.data.importing import import_data
from core.data.versions import make_version
from core.methods.learners import LEARNERS
from core.schemas import Recipe, ResolvedSpec, RunRecord, Step
from core.training.tables.task import train_table
from core.transfer.fitting.vectors import VectorFitted, VectorProblem

pytestmark = pytest.mark.training


class Silent:
    """A recorder that keeps checkpoints and nothing else."""

    prefix = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def timed(self, _: str) -> nullcontext[None]:
        return nullcontext()

    def next_checkpoint(self) -> Path:
        return self.folder / "001.npz"

    def finish_asked(self) -> bool:
        return False

    def phase(self, name: str, epochs: int = 0) -> None: ...
    def epoch(self, number: int, values: dict[str, float]) -> None: ...
    def note(self, text: str) -> None: ...


@pytest.mark.parametrize("name", LEARNERS)
def test_a_row_without_weight_teaches_nothing(name: str, tmp_path: Path) -> None:
    """Two of three training rows have the wrong class."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 450)
    x = np.stack([truth + rng.normal(0, 0.2, 450), rng.normal(size=450)], axis=1).astype("float32")
    train, judged = np.arange(300), np.arange(300, 450)
    wrong = (np.arange(450) % 3 > 0) & (np.arange(450) < 300)
    accuracy = {}
    for weights in (None, np.where(wrong, 0.0, 3.0)):
        problem = VectorProblem(
            resolved=ResolvedSpec(
                data="d",
                learner=cast(Any, name),
                epochs=20,
                l2=0.0,
                batch_size=32,
                learning_rate=0.01,
                trees=30,
                estimators=10,
            ),
            classes=("a", "b"),
            x=x,
            labels=np.where(wrong, 1 - truth, truth),
            train=train,
            validation=judged[:50],
            judged=judged,
            recorder=cast(Any, Silent(tmp_path / str(weights is None))),
            weights=weights,
        )
        fitted = resolve_name(LEARNERS[name].fit)(problem)
        accuracy[weights is None] = (fitted.probabilities.argmax(axis=1) == truth[judged]).mean()
    assert accuracy[True] < 0.3 and accuracy[False] > 0.9


def test_a_learner_gets_the_weights_of_its_rows(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their mean is 1; a row that was made weighs as its class does."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"a": rng.normal(size=120), "b": rng.normal(size=120), "kind": np.where(np.arange(120) % 4, "x", "y")}
    )
    table["count"] = rng.integers(1, 9, 120)
    table.to_csv(tmp_path / "t.csv", index=False)
    dataset = import_data(tmp_path / "t.csv", target="kind", columns={"count": {"role": "weight"}}).dataset
    version = make_version(dataset.id, Recipe(steps=(Step(kind="oversample"),)))
    seen: list[VectorProblem] = []

    def learner(problem: VectorProblem) -> VectorFitted:
        seen.append(problem)
        return VectorFitted(np.full((len(problem.judged), 2), 0.5), model=None)

    monkeypatch.setattr("core.training.tables.network.network", learner)
    spec = ResolvedSpec(data=f"{dataset.id}@{version.id}", learner="network")
    run = RunRecord(id="r", name="r", dataset=dataset.id, version=version.id, spec=spec)
    train_table(run, cast(Any, Silent(tmp_path)))
    (problem,) = seen
    assert problem.weights is not None and problem.x.shape[1] == 2, "a weight is no feature"
    assert problem.weights[problem.train].mean() == pytest.approx(1)
    old, new = problem.train[problem.train < 120], problem.train[problem.train >= 120]
    scale = problem.weights[0] / table["count"][0]
    np.testing.assert_allclose(problem.weights[old], table["count"].to_numpy()[old] * scale)
    small = old[problem.labels[old] == 1]
    assert len(new) and (problem.labels[new] == 1).all()
    np.testing.assert_allclose(problem.weights[new], problem.weights[small].mean())
