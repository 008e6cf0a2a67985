"""A workspace of version 0.1 opens: its data, runs and studies, every page, what runs predict, what was exported.

`tests/workspaces/make_version_0_1.py` says how it was made.
"""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.__main__ import main
from core.advice.domain.record import Distance
from core.data.findings.saved import load_check
from core.data.versions import load_rows, load_samples
from core.inference.predicting.record import read_prediction
from core.jobs import tasks
from core.schemas import DataRef, TrainingSpec
from core.store import datasets, runs
from core.studies import record as studies

pytestmark = pytest.mark.training  # predicting loads Keras, and all that is opened takes minutes

ROOT = Path(__file__).parents[1]
ARCHIVE = ROOT / "tests" / "workspaces" / "version_0_1.zip"
EXPECTED: dict[str, Any] = json.loads(zipfile.ZipFile(ARCHIVE).read("expected.json"))
RUNS: dict[str, dict[str, Any]] = {run["name"]: run for run in EXPECTED["runs"]}
PREDICTING = [name for name, run in RUNS.items() if "predictions" in run]
EVALUATED = [name for name, run in RUNS.items() if "evaluation" in run]
DATASETS = ("shapes", "on-paper", "leaves", "abroad")
IMAGE_TABS = ("Overview", "Findings", "Review", "Clean", "Split", "Map", "Augment", "Domain", "Versions")


def one_of(names: Iterable[str]) -> list[Any]:
    """The first of these in `make test`, the others, ten seconds each, in `make soak`."""
    return [name if place == 0 else pytest.param(name, marks=pytest.mark.soak) for place, name in enumerate(names)]


@dataclass(frozen=True)
class Old:
    """The unpacked archive."""

    folder: Path

    @cached_property
    def pictures(self) -> list[str]:
        return sorted(str(path) for path in (self.folder / "inputs" / "pictures").iterdir())

    @property
    def rows(self) -> Path:
        return self.folder / "inputs" / "rows.csv"

    @property
    def exports(self) -> Path:
        return self.folder / "exports"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    folder = tmp_path_factory.mktemp("version-0.1")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_HOME", str(folder / "workspace"))
        yield Old(folder)


def command(*words: object) -> dict[str, Any]:
    """What a command of today prints."""
    out = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        code = main([*(str(word) for word in words), "--json"])
    assert code == 0, out.getvalue()
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def open_page(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
    assert app.title
    return app


def test_every_dataset_and_version_loads(old: Old) -> None:
    found = {dataset.id: dataset for dataset in datasets.list_datasets()}
    assert set(found) == set(DATASETS)
    n_versions = {name: len(datasets.list_versions(name)) for name in found}
    assert n_versions == {"shapes": 2, "on-paper": 1, "leaves": 4, "abroad": 1}
    for dataset in found.values():
        for version in datasets.list_versions(dataset.id):
            ref = DataRef(dataset=dataset.id, version=version.id)
            samples = load_samples(ref)
            assert len(samples) == version.n
            assert set(samples["label"]) == set(version.classes)
            load_rows(ref, cells=dataset.kind == "table")
    relabelled, first = datasets.list_versions("shapes")
    assert [step.kind for step in relabelled.recipe.steps] == ["drop_duplicates", "relabel"]
    assert first.recipe.steps == ()


def test_checks_are_read(old: Old) -> None:
    checked = [v.dataset for d in DATASETS for v in datasets.list_versions(d) if load_check(v) is not None]
    assert sorted(checked) == ["leaves", "shapes"]


def test_every_run_is_listed_as_it_was(old: Old) -> None:
    listed = {run.name: run for run in runs.list_runs()}
    assert {name: run.state for name, run in listed.items()} == {name: run["state"] for name, run in RUNS.items()}
    for name, run in listed.items():
        assert run.metrics == pytest.approx(RUNS[name]["metrics"])
        stored = (runs.run_folder(run.id) / "spec.json").read_text(encoding="utf-8")
        spec = TrainingSpec.model_validate_json(stored)
        assert spec.data == run.spec.data
        for field in ("strategy", "learner", "backbone"):
            assert (getattr(spec, field) or "") == (getattr(run.spec, field) or "")
    assert listed["Probe"].starred
    assert listed["Probe"].tags == ("keep", "first look")
    failed, stopped = listed["Rate far too high"], listed["Stopped"]
    assert failed.failure is not None
    assert failed.failure.kind == "not_a_number"
    assert stopped.state == "cancelled"


def test_runs_are_found_again_without_the_database(old: Old) -> None:
    before = {run.id: run for run in runs.list_runs()}
    assert runs.reindex() == len(before)
    assert {run.id: run for run in runs.list_runs()} == before


@pytest.mark.parametrize("name", EVALUATED)
def test_a_run_is_evaluated_as_it_was(old: Old, name: str) -> None:
    was, now = RUNS[name]["evaluation"], command("evaluate", RUNS[name]["run"])
    assert set(was) <= set(now)
    for metric in ("accuracy", "macro_f1", "balanced_accuracy", "mcc", "kappa", "ece", "n_test"):
        assert now[metric] == pytest.approx(was[metric], abs=1e-9), metric
    assert now["confusion"] == was["confusion"]
    for metric, (low, high) in was["ci"].items():
        if "folds" in was:  # today's intervals allow for the dependence of folds
            assert now["ci"][metric][0] < low and now["ci"][metric][1] > high
        else:
            assert now["ci"][metric] == pytest.approx([low, high])


@pytest.mark.parametrize("name", PREDICTING)
def test_a_run_predicts_what_it_did(old: Old, name: str) -> None:
    run = RUNS[name]
    inputs = old.pictures if run["predictions"][0]["file"].endswith(".png") else [str(old.rows)]
    now = command("predict", run["run"], *inputs)["predictions"]
    assert [p["file"] for p in now] == [p["file"] for p in run["predictions"]]
    for before, after in zip(run["predictions"], now, strict=True):
        assert after["probabilities"] == pytest.approx(before["probabilities"], abs=1e-5)


def test_every_kind_of_run_is_there() -> None:
    """What the archive is for: all that a run can leave behind."""
    specs = [run["strategy"] for run in RUNS.values()]
    assert {"linear_probe", "two_stage", "deep_alignment", "voting", "weight_averaging"} <= set(specs)
    assert {"instance_weighting", "feature_alignment", "tradaboost", "bayesian_head"} <= set(specs)
    learners = {"logistic_regression", "random_forest", "gradient_boosting", "network", "stacking", "bagging"}
    assert learners <= {run["backbone"] for run in RUNS.values()}
    assert {run["state"] for run in RUNS.values()} == {"succeeded", "failed", "cancelled"}


def test_the_study_is_there_with_its_trials(old: Old) -> None:
    (study,) = studies.list_studies()
    assert (study.name, study.state) == ("Two learners", "ended")
    trials = studies.read_trials(study.id)
    assert [trial.state for trial in trials] == ["complete", "complete"]
    assert all(runs.get_run(trial.run).study == study.id for trial in trials)


def test_results_of_tasks_are_read(old: Old) -> None:
    found: dict[str, list[str]] = {}
    for path in sorted((old.folder / "workspace" / "tasks").glob("*/task.json")):
        record = tasks.get_task(path.parent.name)
        found.setdefault(record.kind, []).append(record.id)
        assert record.state == "succeeded"
    distance = Distance.model_validate(tasks.result(found["distance"][0]))
    assert (distance.kind, distance.shared) == ("table", distance.shared)
    assert len(found["predict"]) == 2
    for task in found["predict"]:
        outcome, table = read_prediction(task)
        assert len(table) == outcome.n > 0


def test_backbones_of_your_own_are_listed(old: Old) -> None:
    listed = {backbone["name"]: backbone for backbone in command("backbones")["backbones"]}
    assert listed["own:three-convolutions"]["title"] == "Three convolutions"
    assert f"run:{RUNS['Probe']['run']}" in listed


@pytest.mark.parametrize("page", ["home", "data", "train", "runs", "evaluate", "predict"])
def test_every_page_opens(old: Old, page: str) -> None:
    open_page(page)


@pytest.mark.parametrize("dataset", one_of(reversed(DATASETS)))
def test_the_pages_of_a_dataset_open(old: Old, dataset: str) -> None:
    for tab in IMAGE_TABS:
        open_page("data", dataset=dataset, tab=tab)
    open_page("train", dataset=dataset)


@pytest.mark.parametrize("name", one_of(RUNS))
def test_the_pages_of_a_run_open(old: Old, name: str) -> None:
    run = RUNS[name]["run"]
    open_page("train", run=run)
    open_page("train", again=run)
    open_page("runs", chosen=run)
    open_page("evaluate", runs=run)
    if name in PREDICTING:
        open_page("predict", run=run)


@pytest.mark.parametrize(
    "name", one_of(["Two stages", "Probe in folds", "Stack", "Aligned by subspace", "Voting of 3 runs"])
)
def test_the_tabs_of_a_run_open(old: Old, name: str) -> None:
    for tab in ("Curves", "Calibration", "Thresholds", "Mistakes", "Slices", "Transfer", "Folds", "Export"):
        open_page("evaluate", runs=RUNS[name]["run"], tab=tab)


def test_runs_open_side_by_side(old: Old) -> None:
    together = ",".join(RUNS[name]["run"] for name in ("Logistic regression", "Forest", "Network"))
    for tab in ("Scores", "Settings", "Disagreements"):
        open_page("evaluate", runs=together, tab=tab)


def test_runs_are_exported(old: Old, tmp_path: Path) -> None:
    bundle = command("export", "Forest", "--format", "bundle", "--out", tmp_path / "forest.zip")
    assert bundle["agreement"] == 1.0
    report = command("export", "Probe", "--format", "report", "--out", tmp_path / "probe.html")
    assert "Probe" in Path(report["path"]).read_text(encoding="utf-8")


@pytest.mark.parametrize(("file", "name"), [("stack.zip", "Stack"), ("many-steps.zip", "Many steps")])
def test_a_bundle_that_was_exported_then_still_predicts(old: Old, tmp_path: Path, file: str, name: str) -> None:
    with zipfile.ZipFile(old.exports / file) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "predict.py"), str(old.rows)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    predicted = pd.read_csv(StringIO(done.stdout))
    wanted = pd.DataFrame([p["probabilities"] for p in RUNS[name]["predictions"]])
    np.testing.assert_allclose(predicted[wanted.columns], wanted, atol=1e-5)


def test_a_run_that_was_exported_then_is_taken_in(old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_HOME", str(tmp_path / "another"))
    taken = command("import-run", old.exports / "probe.zip")
    assert taken["name"] == "Probe"
    was = RUNS["Probe"]["evaluation"]
    assert command("evaluate", taken["run"])["confusion"] == was["confusion"]
    now = command("predict", taken["run"], *old.pictures)["predictions"]
    for before, after in zip(RUNS["Probe"]["predictions"], now, strict=True):
        assert after["probabilities"] == pytest.approx(before["probabilities"], abs=1e-5)


def test_the_archive_names_no_place_on_the_machine_that_made_it() -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        for member in archive.namelist():
            if Path(member).suffix in (".json", ".jsonl", ".txt", ".log", ".db"):
                held = archive.read(member)
                assert b'"/' not in held.replace(b'"//', b""), member
                assert b"/home/" not in held, member
                assert b"/tmp/" not in held, member
