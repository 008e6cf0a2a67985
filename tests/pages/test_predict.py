"""The predict page: what it says before, what it shows of a finished task, and what is sent back to the dataset."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.files.decoding import Rendering
from core.data.importing import import_data
from core.data.versions import load_samples
from core.inference.predicting import pictures
from core.inference.predicting.record import CELLS, TABLE, Outcome
from core.jobs import local, tasks, warm
from core.schemas import DataRef, DatasetRecord, Failure, RunRecord
from core.store import files, runs
from tests.pages.test_evaluate import ROOT, finish, images, table, text

__all__ = ["images", "table"]


def with_model(dataset: DatasetRecord, **spec: object) -> RunRecord:
    run = finish(dataset, "fitted", **spec)
    (runs.run_folder(run.id) / "model.keras").touch()
    return run


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page("pages/predict.py")
    return app.run()


def predicted(run: RunRecord, dataset: DatasetRecord, tmp_path: Path, n: int = 3) -> str:
    """A predicting task that has ended, as its process would leave it: of the pictures the second is unlike."""
    task = tasks.TaskRecord(id="done", kind="predict", title="Prediction", params={"run": run.id})
    tasks.write_task(task)
    folder = tasks.task_folder(task.id)
    if dataset.kind == "image":
        rng = np.random.default_rng(3)
        for i in range(n):
            pixels = rng.integers(0, 255, (24, 30, 3), dtype="uint8")
            Image.fromarray(pixels).save(tmp_path / f"new_{i}.png")
        pictures.store_pictures([tmp_path / f"new_{i}.png" for i in range(n)], folder, Rendering())
    else:
        cells = pd.DataFrame({"width": np.arange(n) / 2, "colour": ["red", "blue", "red"][:n]})
        files.write_parquet(folder / CELLS, cells)
    p = np.tile([0.7, 0.2, 0.1], (n, 1))
    found = pd.DataFrame({"file": [f"new_{i}.png" for i in range(n)], "predicted": dataset.classes[0]})
    found = found.assign(confidence=0.7, unlike=np.arange(n) == 1, distance=1.0, nearest=[[]] * n)
    for i, name in enumerate(dataset.classes):
        found[f"p:{name}"] = found[f"calibrated:{name}"] = p[:, i]
    files.write_parquet(folder / TABLE, found)
    outcome = Outcome(
        run=run.id, kind=dataset.kind, classes=dataset.classes, n=n, temperature=1.5, threshold=0.9, quantile=0.95,
        skipped=({"path": "notes.pdf", "reason": "not an image file (.pdf)"},),
    )  # fmt: skip
    files.write_text(folder / "result.json", outcome.model_dump_json())
    tasks.write_task(task.model_copy(update={"state": "succeeded"}))
    return task.id


def test_without_a_model_it_leads_to_training(workspace: Path) -> None:
    app = open_page()
    assert "No run has a model yet" in text(app)
    assert [b.label for b in app.button if b.label == "Train"]


def test_an_empty_page_says_what_will_be_here(images: DatasetRecord) -> None:
    with_model(images)
    app = open_page()
    assert "three most probable of 3 classes" in text(app)
    assert app.file_uploader[0].label == "Pictures, or a ZIP of them"


def test_how_good_the_model_is_stands_with_its_interval(images: DatasetRecord) -> None:
    run = with_model(images)
    runs.update_run(run.id, metrics={"accuracy": 0.88, "accuracy_low": 0.85, "accuracy_high": 0.91})
    assert "accuracy on its test samples 0.88 (0.85–0.91)" in text(open_page())


def test_a_cross_validated_run_in_the_address_says_why_not(images: DatasetRecord) -> None:
    with_model(images)
    folds = finish(images, "crossed", folds=3)
    assert "was cross-validated" in text(open_page(run=folds.id))


def test_what_is_dropped_becomes_a_task(images: DatasetRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(tasks, "_launch", lambda task_id: (started.append(task_id), (1, 0.0))[1])
    run = with_model(images)
    app = open_page(run=run.id)
    data = io.BytesIO()
    Image.new("RGB", (30, 30)).save(data, "PNG")
    app.file_uploader[0].upload("one.png", data.getvalue(), "image/png").run()
    task = tasks.get_task(app.query_params["task"])
    assert started == [task.id]
    assert [Path(p).name for p in task.params["paths"]] == ["one.png"]
    assert all(Path(p).exists() for p in task.params["paths"])


def test_a_dataset_without_classes_is_predicted(
    images: DatasetRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_launch", lambda task_id: (1, 0.0))
    run = with_model(images)
    (tmp_path / "new").mkdir()
    Image.new("RGB", (30, 30)).save(tmp_path / "new" / "a.png")
    new = import_data(tmp_path / "new", unlabelled=True).dataset
    app = open_page(data=new.id)
    next(button for button in app.button if button.label == "Predict these").click().run()
    assert tasks.get_task(app.query_params["task"]).params == {"run": run.id, "data": f"{new.id}@{new.version}"}


def test_what_was_given_and_how_many_are_right_is_told(table: DatasetRecord, tmp_path: Path) -> None:
    run = with_model(table)
    task = predicted(run, table, tmp_path)
    found = tasks.result(task) | {"given": "new_rows.csv", "n_known": 3, "n_right": 2, "known_by": "kind"}
    files.write_json(tasks.task_folder(task) / "result.json", found)
    said = text(open_page(run=run.id, task=task)).replace("\\", "")
    assert "new_rows.csv · **3 rows:**" in said and "**2 of 3 right** by “kind” in the file: 0.7 (0.2–0.9)" in said


def test_each_picture_has_three_bars_and_what_is_wrong_is_named(images: DatasetRecord, tmp_path: Path) -> None:
    run = with_model(images)
    app = open_page(run=run.id, task=predicted(run, images, tmp_path))
    said = text(app)
    assert len(app.get("image")) == 3 and len(app.get("progress")) == 9
    assert "3 pictures" in said and "1 unlike the training data" in said
    assert "notes.pdf" in said
    assert "temperature of 1.50" in said and "95%" in said


def test_a_failed_task_is_a_sentence(images: DatasetRecord, tmp_path: Path) -> None:
    run = with_model(images)
    failure = Failure(kind="bad_input", message="There is no picture among what was given.")
    tasks.write_task(
        tasks.TaskRecord(id="f", kind="predict", title="P", params={"run": run.id}, state="failed", failure=failure)
    )
    assert "There is no picture among what was given" in text(open_page(run=run.id, task="f"))


def test_a_picture_is_sent_to_the_dataset_with_the_class_chosen(images: DatasetRecord, tmp_path: Path) -> None:
    run = with_model(images)
    app = open_page(run=run.id, task=predicted(run, images, tmp_path))
    app.selectbox(key="class-done-1").select("flower").run()
    assert "To be added: flower 1" in text(app)
    app.button(key="send").click().run()
    assert "in the dataset" in text(app)
    new = load_samples(DataRef(dataset=images.id)).query("import_number == 2")
    assert new["label"].tolist() == ["flower"]


def test_selected_rows_of_a_table_are_sent_with_the_class_chosen(table: DatasetRecord, tmp_path: Path) -> None:
    run = with_model(table, learner="network")
    app = open_page(run=run.id, task=predicted(run, table, tmp_path))
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    app.run()
    app.selectbox(key="all-done").select("z").run()
    next(b for b in app.button if b.label == "Give it to 2 selected ones").click().run()
    app.button(key="send").click().run()
    assert not app.exception
    new = load_samples(DataRef(dataset=table.id)).query("import_number == 2")
    assert new["label"].tolist() == ["z", "z"]


def test_why_shows_the_heat_of_the_class_that_a_picture_was_given(
    images: DatasetRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_launch", lambda task_id: (os.getpid(), local.creation_time(os.getpid())))
    monkeypatch.setattr(warm, "hand_over_run", lambda *_: None)
    run = with_model(images)
    app = open_page(run=run.id, task=predicted(run, images, tmp_path))
    asked = [b for b in app.button if b.label == "Why?"]
    assert len(asked) == 3
    asked[1].click().run()
    (task,) = tasks.active_tasks("explain")
    wanted = {"run": run.id, "classes": {"1": images.classes[0]}, "method": "gradient", "given": "done"}
    assert task.params == wanted
    Image.new("RGB", (24, 24)).save(tasks.task_folder(task.id) / "1.webp")
    files.write_json(tasks.task_folder(task.id) / "result.json", {"nearest": {}})
    tasks.write_task(task.model_copy(update={"state": "succeeded"}))
    app.run()
    assert f"Yellow: what speaks for **{images.classes[0]}**" in text(app)
    assert len(app.get("image")) == 4 and len([b for b in app.button if b.label == "Why?"]) == 2
