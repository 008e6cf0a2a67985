"""A run again with changes: the train page as that run was made, and what is changed stays changed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.augmentation import AUGMENTATIONS
from core.data.importing import import_data
from core.data.versions import make_version
from core.jobs import queue
from core.schemas import DatasetRecord, RunRecord, Split, TrainingSpec
from core.store import runs
from core.store.datasets import delete_dataset
from tests.support import prepared

ROOT = Path(__file__).parents[2]


def import_pictures(folder: Path) -> DatasetRecord:
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (folder / "pictures" / name).mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(0, 255, (24, 24, 3), dtype="uint8")
            Image.fromarray(pixels).save(folder / "pictures" / name / f"{i}.png")
    return import_data(folder / "pictures", name="pictures").dataset


@pytest.fixture
def pictures(workspace: Path) -> DatasetRecord:
    return prepared.dataset(import_pictures)


def import_table(folder: Path) -> DatasetRecord:
    frame = pd.DataFrame({"width": np.random.default_rng(0).normal(size=60), "kind": ["x", "y", "z"] * 20})
    frame.to_csv(folder / "things.csv", index=False)
    return import_data(folder / "things.csv", name="things", target="kind").dataset


@pytest.fixture
def table(workspace: Path) -> DatasetRecord:
    return prepared.dataset(import_table)


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.queue.dispatch", lambda: None)


def ended(spec: TrainingSpec) -> RunRecord:
    made = queue.enqueue(spec)
    metrics = {"accuracy": 0.88, "accuracy_low": 0.85, "accuracy_high": 0.91, "n_test": 100.0}
    found = runs.update_run(made.id, state="succeeded", metrics=metrics)
    assert found is not None
    return found


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page("pages/train.py")
    app.run()
    assert not app.exception, app.exception
    return app


def start(app: AppTest) -> TrainingSpec:
    before = {run.id for run in runs.list_runs()}
    next(b for b in app.button if b.label == "Start").click().run()
    assert not app.exception, app.exception
    (new,) = [run for run in runs.list_runs() if run.id not in before]
    return new.spec


IMAGES = [
    {},
    {"preset": "balanced", "backbone": "efficientnet_lite1", "unfreeze": 3, "fine_tune_learning_rate": 1e-4},
    {"l2": 7, "seed": 5, "name": "mine", "folds": 2, "class_weights": "none"},
    {"strategy": "two_stage", "dropout": 0.0, "schedule": "one_cycle", "loss": "focal", "averaging": "ema"},
    {"strategy": "from_scratch", "optimizer": "sgd", "learning_rate": 0.5, "epochs": 7},
    {"augmentation": AUGMENTATIONS["light"], "views": 2},
    {"augmentation": AUGMENTATIONS["light"].model_copy(update={"name": "custom", "mixup": 0.3, "rotation": 33.0})},
]
TABLES = [{}, {"learner": "random_forest", "trees": 33}, {"batch_size": 16, "label_smoothing": 0.1, "l2": 3.0}]


@pytest.mark.parametrize("settings", IMAGES, ids=lambda s: "-".join(s))
def test_a_run_on_images_again_is_the_same(pictures, settings):
    run = ended(TrainingSpec(data=pictures.id, **settings))
    assert start(open_page(again=run.id)) == run.spec


@pytest.mark.parametrize("settings", TABLES, ids=lambda s: "-".join(s))
def test_a_run_on_a_table_again_is_the_same(pictures, table, settings):
    run = ended(TrainingSpec(data=table.id, **settings))
    assert start(open_page(again=run.id)) == run.spec


def test_the_version_is_that_of_the_run(pictures):
    run = ended(TrainingSpec(data=pictures.id))
    make_version(pictures.id, split=Split(seed=1))
    assert start(open_page(again=run.id)).data == run.spec.data


def test_devices_come_back(pictures, machine):
    machine(2)
    run = ended(TrainingSpec(data=pictures.id, device="gpu", gpus=2))
    assert start(open_page(again=run.id)) == run.spec


def test_what_is_changed_after_that_stands(pictures):
    run = ended(TrainingSpec(data=pictures.id, l2=7))
    app = open_page(again=run.id)
    app.number_input(key="option-l2").set_value(9).run()
    app.radio(key="train-strategy").set_value("two_stage").run()
    spec = start(app)
    assert (spec.l2, spec.strategy) == (9, "two_stage")


def test_data_that_are_gone_are_said_to_be(pictures, table):
    run = ended(TrainingSpec(data=table.id))
    delete_dataset(table.id)
    app = open_page(again=run.id)
    assert any(table.id in e.value or table.name in e.value for e in app.error)
    assert start(app).data.startswith(pictures.id)


def test_the_runs_page_and_the_panel_lead_there_again_and_again(pictures):
    run = ended(TrainingSpec(data=pictures.id, l2=7))
    app = open_page(run=run.id)
    for _ in range(2):
        app.button(key=f"again-{run.id}").click().run()
        assert app.query_params["again"] in (run.id, [run.id])
        assert app.number_input(key="option-l2").value == 7
        app.number_input(key="option-l2").set_value(9).run()
        app.query_params.clear()
        app.query_params["chosen"] = run.id
        app.switch_page("pages/runs.py").run()
        assert not app.exception, app.exception
