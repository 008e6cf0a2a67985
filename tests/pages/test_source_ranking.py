"""The fold “Which source?” in the Domain tab and on Train: asked for, read, and its word taken."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.advice.domain.record import Candidate, Candidates
from core.data.importing import import_data
from core.jobs import tasks
from core.schemas import DatasetRecord
from core.store import files

ROOT = Path(__file__).parents[2]


def tables(folder: Path, *names: str) -> dict[str, DatasetRecord]:
    """Datasets of these names, each of 60 rows and two classes that one column tells apart."""
    found = {}
    for seed, name in enumerate(names):
        rng = np.random.default_rng(seed)
        a = rng.normal(size=60)
        table = pd.DataFrame({"a": a, "b": rng.normal(size=60), "kind": np.where(a > 0, "yes", "no")})
        table.to_csv(folder / f"{name}.csv", index=False)
        found[name] = import_data(folder / f"{name}.csv", name=name, target="kind").dataset
    return found


@pytest.fixture
def data(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, DatasetRecord]:
    """Three tables; a ranking is done as soon as it is started, and prefers “near” to “far”."""
    found = tables(tmp_path, "here", "near", "far")

    def start(kind: str, title: str, **params: Any) -> tasks.TaskRecord:
        assert kind == "candidates"
        record = tasks.TaskRecord(id="ranked", kind=kind, title=title, params=params, state="succeeded")
        tasks.task_folder(record.id).mkdir(parents=True, exist_ok=True)
        result = ranking(str(params["data"]), found).model_dump(mode="json")
        files.write_json(tasks.task_folder(record.id) / "result.json", result)
        tasks.write_task(record)
        return record

    monkeypatch.setattr(tasks, "start", start)
    return found


def ranking(data: str, known: dict[str, DatasetRecord]) -> Candidates:
    near, far = (f"{known[name].id}@{known[name].version}" for name in ("near", "far"))
    measured = {"n": 48, "domain_auc": 0.55, "domain_auc_ci": (0.5, 0.6), "mmd": 0.001, "own": 0.7}
    return Candidates(
        data=data,
        n=48,
        of=48,
        folds=5,
        sources=(
            Candidate(source=near, name="near", together=0.78, gain=0.08, gain_ci=(0.02, 0.14), **measured),
            Candidate(source=far, name="far", note="Lacks the column “b”."),
        ),
        recommended=near,
    )


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.session_state["which-source"] = True
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception
    return app


def click(app: AppTest, label: str) -> AppTest:
    app = next(b for b in app.button if b.label == label).click().run()
    assert not app.exception
    return app


def test_the_recommended_source_is_told_and_taken_to_train(data: dict[str, DatasetRecord]) -> None:
    app = click(opened("data", dataset=data["here"].id, tab="Domain"), "Rank the sources")
    told = " ".join(m.value for m in app.markdown)
    assert "**near** is recommended" in told
    assert "+8.0 points (2.0 to 14.0)" in told
    table = next(d.value for d in app.dataframe if "With yours" in d.value)
    assert list(table["Note"]) == ["", "Lacks the column “b”."]
    app = click(app, "Train with it")
    assert app.multiselect(key="train-source").value == [f"{data['near'].id}@{data['near'].version}"]


def test_a_source_that_was_taken_out_on_train_does_not_come_back(data: dict[str, DatasetRecord]) -> None:
    app = opened("train", dataset=data["here"].id, source=data["far"].id)
    chosen = app.multiselect(key="train-source")
    assert chosen.value == [f"{data['far'].id}@{data['far'].version}"]
    app = chosen.set_value([]).run()
    assert app.multiselect(key="train-source").value == []
    app = click(click(app, "Rank the sources"), "Train with it")
    assert app.multiselect(key="train-source").value == [f"{data['near'].id}@{data['near'].version}"]


def test_one_other_dataset_is_no_question(workspace: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        pd.DataFrame({"a": [i * 0.7 % 5 for i in range(40)], "kind": ["yes", "no"] * 20}).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    one, _ = (import_data(tmp_path / f"{n}.csv", name=n, target="kind").dataset for n in ("one", "two"))
    app = opened("data", dataset=one.id, tab="Domain")
    assert not any(b.label == "Rank the sources" for b in app.button)
