"""The page of all runs: what it shows, what it filters, and what it does with those chosen."""

import time
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.data.importing import import_data
from core.export.exporting import export_run
from core.jobs import queue, tasks
from core.schemas import DataRef, DatasetRecord, Event, Failure, ResolvedSpec, RunRecord, now
from core.settings import get_settings
from core.store import runs
from core.store.datasets import delete_dataset, get_version
from tests.support import prepared

ROOT = Path(__file__).parents[2]


def import_dataset(folder: Path) -> DatasetRecord:
    path = folder / "rows.csv"
    path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(20)))
    return import_data(path, target="kind", name="Rows").dataset


@pytest.fixture
def dataset(workspace: Path) -> DatasetRecord:
    return prepared.dataset(import_dataset)


def make(dataset: str, name: str, state: str = "succeeded", **changes: object) -> RunRecord:
    spec = ResolvedSpec(data=f"{dataset}@abc", learner="network", epochs=3, seed=5)
    run = runs.create_run(spec, name=name, dataset=dataset, version="abc", test_hash="t", n=20)
    if state == "succeeded":
        for epoch in range(1, 4):
            values = {"val_accuracy": 0.25 * epoch}
            runs.append_event(run.id, Event(phase="network", epoch=epoch, epochs=3, values=values))
        changes |= {"metrics": {"accuracy": 0.88, "accuracy_low": 0.85, "accuracy_high": 0.91, "n_test": 100.0}}
    start = now() - timedelta(seconds=60)
    ended = state not in ("queued", "starting", "running")
    done = runs.update_run(
        run.id, state=state, started=start, finished=start + timedelta(seconds=40) if ended else None, **changes
    )
    assert done is not None
    return done


def open_page(*chosen: RunRecord, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    if chosen:
        query["chosen"] = ",".join(run.id for run in chosen)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page("pages/runs.py")
    return app.run()


def text(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [*app.subheader, *app.markdown, *app.caption, *app.error]
    return "\n".join(str(p.value) for p in parts).replace("\\", "")


def names(app: AppTest) -> list[str]:
    assert not app.exception, app.exception
    return list(app.dataframe[0].value["Name"])


def labels(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    return app.run()


def choose(app: AppTest, *rows: int) -> AppTest:
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()


def test_an_empty_workspace_leads_to_training(workspace):
    app = open_page()
    assert "No run yet" in text(app)
    assert press(app, "Train").title[0].value == "Train"


def test_a_row_tells_what_a_run_was_and_how_it_went(dataset):
    run = make(dataset.id, "a | *b*")
    row = open_page().dataframe[0].value.iloc[0]
    assert (row["Name"], row["Dataset"], row["Model"]) == ("a | *b*", "Rows", "Keras network")
    assert (row["Accuracy"], row["State"], row["Took"]) == ("0.88 (0.85–0.91)", "succeeded", "40 s")
    assert list(row["Curve"]) == [0.25, 0.5, 0.75]
    assert row["On disk"] and runs.run_size(run.id) > 0


@pytest.mark.parametrize("state", ["queued", "starting", "running", "failed", "cancelled", "interrupted"])
def test_a_run_without_a_result_has_a_row_too(dataset, state, monkeypatch):
    monkeypatch.setattr(queue, "reconcile_runs", lambda: None)
    run = make(dataset.id, "a", state, epoch=2, epochs=9)
    row = open_page(run).dataframe[0].value.iloc[0]
    assert row["State"].startswith(state)
    assert row["Accuracy"] == ""


def test_the_newest_run_stands_first(dataset):
    for name in "abc":
        make(dataset.id, name)
    assert names(open_page()) == ["c", "b", "a"]


def test_filters_stand_in_the_address(dataset):
    make(dataset.id, "mine")
    make("elsewhere", "theirs")
    make(dataset.id, "broken", "failed")
    app = open_page()
    dataset_box = app.selectbox[0]
    dataset_box.select(dataset.id).run()
    assert names(app) == ["broken", "mine"]
    assert app.query_params["dataset"] in (dataset.id, [dataset.id])
    app.selectbox[1].select("failed").run()
    assert names(app) == ["broken"]
    assert names(open_page(dataset=dataset.id, state="failed")) == ["broken"]
    app.selectbox[0].set_value(None).run()
    assert "dataset" not in app.query_params
    assert names(open_page(dataset="nothing", state="heroic")) == ["broken", "theirs", "mine"]
    assert "No run matches" in text(open_page(dataset="elsewhere", state="failed"))


def test_runs_of_a_deleted_dataset_stay_and_say_so(dataset):
    run = make(dataset.id, "orphan")
    delete_dataset(dataset.id)
    app = open_page(run)
    assert app.dataframe[0].value["Dataset"].tolist() == ["rows (deleted)"]
    assert "orphan" in text(app)


def test_one_chosen_run_shows_its_detail_and_leads_to_its_evaluation(dataset):
    make(dataset.id, "other")
    environment = {"libraries": {"keras": "9.9.9"}, "hardware": {"cores": 2, "gpus": []}}
    run = make(dataset.id, "a_*b*", notes=("Stage one was kept.",), seconds={"fit": 3.21}, environment=environment)
    (runs.run_folder(run.id) / "log.txt").write_text("first line\nlast line\n")
    app = choose(open_page(), 0)
    assert "Stage one was kept." in text(app)
    assert app.subheader[0].value.replace("\\", "") == "a_*b*"
    facts = {k: v for frame in app.dataframe[1:] for k, v in frame.value.itertuples(index=False)}
    assert facts["seed"] == "5" and facts["learner"] == "network"
    assert facts["fit"] == "3.2 s"
    assert (facts["keras"], facts["cores"], facts["gpus"]) == ("9.9.9", "2", "none")
    assert "last line" in app.code[0].value
    assert "Compare" not in labels(app)
    press(app, "Evaluate")
    assert app.title[0].value == "Evaluate"
    assert app.query_params["runs"] in (run.id, [run.id])


def test_a_failed_run_tells_why_and_what_to_do(dataset):
    failure = Failure(kind="out_of_memory", message="The machine ran out of memory.", hint="Use a smaller batch.")
    app = open_page(make(dataset.id, "poor", "failed", failure=failure))
    assert "The machine ran out of memory." in text(app) and "Use a smaller batch." in text(app)
    assert "Evaluate" not in labels(app)


def test_two_chosen_runs_can_be_compared(dataset):
    a, b = make(dataset.id, "a"), make(dataset.id, "b")
    app = open_page(a, b)
    assert not {"Evaluate", "Save"} & labels(app)
    press(app, "Compare")
    assert app.title[0].value == "Evaluate"
    assert set(str(app.query_params["runs"]).strip("[]'").split(",")) == {a.id, b.id}


def test_a_run_that_failed_is_left_out_of_a_comparison(dataset):
    assert "Compare" not in labels(open_page(make(dataset.id, "a"), make(dataset.id, "b", "failed")))


def test_a_choice_follows_its_runs_when_the_list_changes(dataset):
    run = make(dataset.id, "chosen")
    app = open_page(run)
    make(dataset.id, "new")
    app.run()
    assert names(app) == ["new", "chosen"]
    assert app.subheader[0].value == "chosen"


def test_renaming_is_refused_or_done(dataset):
    run = make(dataset.id, "old")
    make(dataset.id, "taken")
    app = open_page(run)
    app.text_input(key=f"rename-{run.id}").set_value("taken").run()
    press(app, "Save")
    assert "already a run “taken”" in text(app)
    app.text_input(key=f"rename-{run.id}").set_value("new").run()
    press(app, "Save")
    assert runs.get_run(run.id).name == "new"
    assert names(app) == ["taken", "new"]
    assert app.subheader[0].value == "new"


def test_deleting_goes_to_the_bin_first_and_can_be_undone(dataset):
    doomed, also, kept = (make(dataset.id, name) for name in ("doomed", "also", "kept"))
    app = press(open_page(doomed, also), "Move to the bin")
    assert names(app) == ["kept"]
    assert [run.id for run in runs.list_runs()] == [kept.id]
    assert runs.run_folder(doomed.id).exists()
    app = open_page(bin="true")
    assert "2 runs" in text(app) and "cannot be undone" in text(app)
    app.button(key=f"restore-{doomed.id}").click().run()
    assert {run.name for run in runs.list_runs()} == {"doomed", "kept"}
    app = press(open_page(bin="true"), "Delete for good")
    assert not app.exception
    assert not runs.run_folder(also.id).exists() and runs.run_folder(doomed.id).exists()
    assert set(names(open_page())) == {"doomed", "kept"}


def test_a_bin_with_all_runs_in_it_can_be_opened(dataset):
    run = make(dataset.id, "only")
    runs.bin_run(run.id)
    app = open_page()
    assert "No run yet" in text(app)
    assert [toggle.label for toggle in app.toggle] == ["Show the bin"]


def test_words_of_ones_own_are_kept_and_found(dataset):
    run, other = make(dataset.id, "first"), make(dataset.id, "second")
    app = open_page(run)
    app.multiselect(key=f"tags-{run.id}").set_value(["good lighting"])
    app.text_area(key=f"note-{run.id}").set_value("Taken on *Monday*.")
    press(app, "Save")
    found = runs.get_run(run.id)
    assert (found.tags, found.note) == (("good lighting",), "Taken on *Monday*.")
    assert names(open_page(words="LIGHT monday")) == ["first"]
    assert names(open_page(words="second")) == ["second"]
    assert "No run matches" in text(open_page(words="100%"))
    assert other.tags == ()


def test_stars_are_given_taken_and_filtered_by(dataset):
    run, _ = make(dataset.id, "first"), make(dataset.id, "second")
    press(open_page(run), "Star")
    assert names(open_page(starred="true")) == ["first"]
    press(open_page(run), "Unstar")
    assert not runs.get_run(run.id).starred


def test_a_long_list_is_paged_and_sorted_in_the_database(dataset, monkeypatch):
    monkeypatch.setattr("core.ui.runs.table.curve_and_size", lambda run_id: ([], 0))
    spec = ResolvedSpec(data=f"{dataset.id}@abc", learner="network")
    for i in range(55):
        run = runs.create_run(spec, name=f"run {i:02}", dataset=dataset.id, version="abc", test_hash="t", n=20)
        metrics = {"accuracy": i / 100, "accuracy_low": 0.0, "accuracy_high": 1.0}
        runs.update_run(run.id, state="succeeded", metrics=metrics)
    app = open_page(order="best")
    assert len(names(app)) == 50 and names(app)[0] == "run 54"
    assert names(open_page(order="best", page="2")) == [f"run {i:02}" for i in (4, 3, 2, 1, 0)]
    assert names(open_page(order="name"))[:2] == ["run 00", "run 01"]


def test_a_queued_run_can_be_watched_or_cancelled(dataset, monkeypatch):
    monkeypatch.setattr(queue, "dispatch", lambda: None)
    run = make(dataset.id, "waiting", "queued")
    app = open_page(run)
    assert {"Watch", "Cancel"} <= labels(app)
    press(app, "Cancel")
    assert runs.get_run(run.id).state == "cancelled"
    assert "Cancel" not in labels(app)


def test_a_worker_that_has_gone_is_noticed(dataset):
    make(dataset.id, "lost", "running", pid=2**22 + 1, pid_created=1.0)
    assert open_page().dataframe[0].value["State"].tolist() == ["interrupted"]


def test_a_run_judged_on_other_samples_than_the_newest_version_is_marked(dataset):
    newest = get_version(DataRef(dataset=dataset.id)).test_hash
    for name, test_hash in (("old", "other"), ("new", newest), ("folds", f"{newest}-folds5")):
        spec = ResolvedSpec(data=f"{dataset.id}@abc", learner="network")
        runs.create_run(spec, name=name, dataset=dataset.id, version="abc", test_hash=test_hash, n=20)
    shown = open_page(order="name").dataframe[0].value
    assert dict(zip(shown["Name"], shown["Test set"], strict=True)) == {
        "folds": "",
        "new": "",
        "old": "other test set",
    }


def drop(app: AppTest, content: bytes) -> AppTest:
    """Drop a file on “Bring a run” and wait for its task."""
    app.get("file_uploader")[0].upload("run.zip", content)
    app.run()
    if app.error or app.success:  # the task ended while the page was drawn, which tells of it once
        return app
    (task,) = tasks.task_folder("").glob("*")
    end = time.monotonic() + 60
    while not tasks.get_task(task.name).ended and time.monotonic() < end:
        time.sleep(0.2)
    return app.run()


@pytest.mark.training
def test_a_run_is_brought_in_where_there_is_none(dataset, tmp_path, monkeypatch):
    run = make(dataset.id, "travelled")
    rows = {"id": ["a", "b"], "label": ["a", "b"], "predicted": ["a", "b"], "p:a": [0.9, 0.1], "p:b": [0.1, 0.9]}
    table = pd.DataFrame(rows).assign(path="x", part="test", fold=0)
    table.to_parquet(runs.run_folder(run.id) / "predictions.parquet")
    (runs.run_folder(run.id) / "metrics.json").write_text("{}")
    export_run(run.id, "run", tmp_path / "run.zip")
    content = (tmp_path / "run.zip").read_bytes()
    monkeypatch.setenv("GRAFT_HOME", str(tmp_path / "other"))
    app = drop(open_page(), content)
    assert [s.value.replace("\\", "") for s in app.success] == ["“travelled” was imported."]
    assert names(app) == ["travelled"]
    assert not list(get_settings().cache.glob("uploads/*"))


@pytest.mark.training
def test_a_file_that_is_no_run_gets_a_sentence(workspace):
    app = drop(open_page(), b"PK nothing")
    assert "not a ZIP archive" in text(app)
    assert runs.list_runs() == []
