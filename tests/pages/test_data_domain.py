"""The Domain tab: a comparison is started, told in words, and leads on to Train with the source chosen."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.advice.domain.comparing import distance_task
from core.advice.domain.record import Expectation
from core.data.importing import import_data
from core.jobs import tasks
from core.schemas import DatasetRecord, ResolvedSpec
from core.store import files, runs

ROOT = Path(__file__).parents[2]


def open_tab(dataset: DatasetRecord) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"], app.query_params["tab"] = dataset.id, "Domain"
    app.switch_page("pages/data.py")
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def make_table(workspace: Path, tmp_path: Path) -> Any:
    def make(name: str, shift: float, seed: int, target: str | None = "kind") -> DatasetRecord:
        rng = np.random.default_rng(seed)
        a = rng.normal(size=60) + shift
        table = pd.DataFrame({"a": a, "b": rng.normal(size=60), "kind": np.where(a > shift, "yes", "no")})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        return import_data(tmp_path / f"{name}.csv", name=name, target=target, unlabelled=target is None).dataset

    return make


@pytest.fixture
def at_once_done(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Tasks that are done when they are started, in this process; their params."""
    started: list[dict[str, Any]] = []

    def start(kind: str, title: str, **params: Any) -> tasks.TaskRecord:
        started.append(params)
        record = tasks.TaskRecord(id=f"task{len(started)}", kind=kind, title=title, params=params, state="succeeded")
        folder = tasks.task_folder(record.id)
        folder.mkdir(parents=True)
        files.write_json(folder / "result.json", distance_task(params, folder, lambda *_: None))
        tasks.write_task(record)
        return record

    monkeypatch.setattr(tasks, "start", start)
    return started


def compare(app: AppTest) -> AppTest:
    app = next(b for b in app.button if b.label == "Compare").click().run()
    assert not app.exception
    return app


def test_a_shift_is_told_in_words_and_by_its_column(make_table: Any, at_once_done: list[dict[str, Any]]) -> None:
    source, target = make_table("there", 0, 0), make_table("here", 2, 1)
    app = open_tab(target)
    assert not app.metric
    app = compare(app)
    assert at_once_done[0]["source"].startswith(source.id)
    assert at_once_done[0]["target"].startswith(target.id)
    assert [m.label for m in app.metric][:2] == ["Domain AUC", "MMD²"]
    assert any("a classifier tells the two apart in" in m.value for m in app.markdown)
    assert any("Most of all they differ in a" in m.value for m in app.markdown)
    assert any(b.label == "Train with there as source" for b in app.button)


def test_what_alone_has_labels_is_the_source(make_table: Any, at_once_done: list[dict[str, Any]]) -> None:
    here, wild = make_table("here", 0, 0), make_table("wild", 0, 1, None)
    app = compare(open_tab(here))
    assert at_once_done[0]["source"].startswith(here.id)
    assert at_once_done[0]["target"].startswith(wild.id)
    assert not any("as source" in b.label for b in app.button)


def test_another_data_set_is_another_comparison(make_table: Any, at_once_done: list[dict[str, Any]]) -> None:
    make_table("one", 0, 0), make_table("two", 0, 1)
    app = compare(open_tab(make_table("here", 0, 2)))
    assert app.metric
    box = next(b for b in app.selectbox if b.label == "Other dataset")
    app = box.select("one" if box.value == "two" else "two").run()
    assert not app.metric


def test_what_a_run_is_expected_to_reach_stands_beside_what_it_reaches(
    make_table: Any, at_once_done: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = make_table("there", 0, 0), make_table("here", 2, 1)
    run = runs.create_run(
        ResolvedSpec(data=source.id), name="probe", dataset=source.id, version=source.version, test_hash="h", n=60
    )
    runs.update_run(run.id, state="succeeded", metrics={"accuracy": 0.9})
    (runs.run_folder(run.id) / "model.joblib").touch()
    told = Expectation(
        run=run.id,
        name="probe",
        n_held_out=30,
        on_held_out=0.9,
        n=60,
        accuracy=0.71,
        accuracy_ci=(0.6, 0.8),
        actual=0.68,
        actual_ci=(0.55, 0.79),
    )
    monkeypatch.setattr("core.advice.domain.comparing.expected_accuracy", lambda *_: told)
    app = compare(open_tab(target))
    assert at_once_done[0]["run"] == run.id
    (said,) = [m.value for m in app.markdown if m.value.startswith("Expected of")]
    assert "**71%** right (60% to 80%)" in said
    assert "68% (55% to 79%)" in said
    assert any("agree on" in m.value for m in app.markdown)
