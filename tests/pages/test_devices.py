"""Devices on screen: the picker where there is a choice, the chip, the meters of a run, and how an end is told."""

import os
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.data.importing import import_data
from core.errors import ClusterError
from core.jobs import cluster, local
from core.schemas import DatasetRecord, Event, Failure, TrainingSpec, now
from core.store import runs
from core.ui.shell.sidebar import FOLLOWED

ROOT = Path(__file__).parents[2]


@pytest.fixture
def table(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetRecord:
    """Things to train on, and workers that never get beyond their start."""
    monkeypatch.setattr(
        local, "start_worker", lambda run_id, on_exit: (os.getpid(), local.creation_time(os.getpid()))
    )
    frame = pd.DataFrame({"width": [i * i % 17 for i in range(60)], "kind": ["x", "y", "z"] * 20})
    frame.to_csv(tmp_path / "things.csv", index=False)
    return import_data(tmp_path / "things.csv", name="things", target="kind").dataset


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, float]]:
    """What each node of a Ray cluster has that is in use instead of this machine."""
    there: list[dict[str, float]] = []

    def ask(url: str, body: object = None) -> object:
        if "/nodes" in url:
            return {"data": {"result": {"result": [{"state": "ALIVE", "resources_total": node} for node in there]}}}
        return {"status": "PENDING"}

    monkeypatch.setenv("RAY_ADDRESS", "http://head:8265")
    monkeypatch.setattr(cluster, "request_json", ask)
    monkeypatch.setattr(cluster, "_cached_json", ask)
    monkeypatch.setattr(cluster, "_watch_job", lambda job, on_exit: None)
    return there


def open_page(page: str = "train") -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
    return app


def start(app: AppTest) -> TrainingSpec:
    next(b for b in app.button if b.label == "Start").click().run()
    assert not app.exception, app.exception
    return runs.list_runs()[0].spec


def captions(app: AppTest) -> str:
    return "\n".join(str(c.value) for c in app.caption).replace("\u00a0", " ")


def test_without_a_gpu_no_device_is_asked_for(table, machine):
    machine(None)
    app = open_page()
    assert "train-device" not in [s.key for s in app.get("segmented_control")]
    assert start(app).device is None
    assert "GPU" not in captions(app)
    assert "– rows/s · CPU – of" in captions(app)


def test_one_gpu_or_the_processor(table, machine):
    machine(1)
    app = open_page()
    assert "train-gpus" not in [n.key for n in app.number_input]
    picker = next(s for s in app.get("segmented_control") if s.key == "train-device")
    picker.set_value("cpu").run()
    spec = start(app)
    assert (spec.device, spec.gpus) == ("cpu", 0)


def test_several_gpus_and_what_they_do(table, machine):
    machine(2)
    app = open_page()
    assert "NVIDIA Made-up" in captions(app) and "GPU 1: –, 0 of 80 GB" in captions(app)
    app.number_input(key="train-gpus").set_value(2).run()
    spec = start(app)
    assert (spec.device, spec.gpus) == ("gpu", 2)
    assert "GPU 0: 7 %, 0 of 80 GB · GPU 1: –" in captions(app)
    app.radio(key="train-learner").set_value("random_forest").run()
    assert not app.exception
    assert "train-gpus" not in [n.key for n in app.number_input]


def test_a_run_at_work_shows_its_speed_and_rate(table, machine):
    machine(None)
    app = open_page()
    start(app)
    (run,) = runs.list_runs()
    runs.update_run(run.id, phase="network", epoch=2, epochs=60)
    for epoch in (1, 2):
        values = {"loss": 1.0, "accuracy": 0.5, "learning_rate": 0.003}
        runs.append_event(run.id, Event(phase="network", epoch=epoch, epochs=60, values=values))
    app.run()
    assert not app.exception
    assert "– rows/s" not in captions(app) and "rows/s" in captions(app)
    assert len(app.main.get("vega_lite_chart") or app.main.get("arrow_vega_lite_chart")) == 3


GOOD = {"metrics": {"accuracy": 0.88, "accuracy_low": 0.85, "accuracy_high": 0.91, "n_test": 9.0}}
FULL = {"failure": Failure(kind="disk_full", message="The disk is full.")}


def open_home(followed: set[str]) -> AppTest:
    """The home page, with the frame around it, of a visitor who has watched these runs."""
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.session_state[FOLLOWED] = followed
    app.run()
    assert not app.exception, app.exception
    return app


@pytest.mark.parametrize(
    ("state", "changes", "told"), [("succeeded", GOOD, "0.88 (0.85–0.91)"), ("failed", FULL, "The disk is full")]
)
def test_the_end_of_a_watched_run_is_told_once_on_another_page(table, state, changes, told):
    train = open_page()
    start(train)
    (run,) = runs.list_runs()
    assert train.session_state[FOLLOWED] == {run.id}
    assert not open_home({run.id}).toast
    runs.update_run(run.id, state=state, started=now(), finished=now(), **changes)
    home = open_home({run.id})
    assert [state in t.value and told in t.value for t in home.toast] == [True]
    assert home.session_state[FOLLOWED] == set()


def test_the_end_of_a_run_that_nobody_here_watched_is_not_told(table):
    start(open_page())
    (run,) = runs.list_runs()
    runs.update_run(run.id, state="cancelled", finished=now())
    assert not open_home(set()).toast


def test_a_cluster_takes_the_machine_s_place_on_screen(table, machine, nodes):
    machine(3)
    nodes += [{"CPU": 8.0, "GPU": 2.0, "memory": 2.0**37}] * 2
    app = open_page()
    assert next(n for n in app.number_input if n.key == "train-gpus").max == 2
    assert start(app).device == "gpu"
    assert runs.list_runs()[0].job.startswith("http://head:8265/api/jobs/")
    said = captions(open_page())  # a fresh one: after a switch of pages AppTest leaves the entry point out
    assert "Ray cluster" in said and "4 GPUs" in said and "on the Ray cluster" in said
    assert "cores" not in said and "GPU 0" not in said


def test_a_cluster_out_of_reach_is_told_and_the_pages_stay(table, nodes, monkeypatch):
    def away(url: str, body: object = None) -> object:
        raise ClusterError("It does not answer.", "Start it.")

    monkeypatch.setattr(cluster, "_cached_json", away)
    app = open_page()
    assert "It does not answer." in captions(app).replace("\\", "")
    next(b for b in app.button if b.label == "Start").click().run()
    assert not app.exception
    assert "It does not answer" in app.error[0].value
    assert runs.list_runs() == []
