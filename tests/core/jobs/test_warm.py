"""The waiting worker: one at most, taken by one, ends with whoever wanted it, and trains like any other."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.data.importing import import_data, import_sample
from core.jobs import local, queue, warm
from core.schemas import RunRecord, TrainingSpec
from core.store import runs


@pytest.fixture
def warm_workspace(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("GRAFT_WARM_MINUTES", "5")
    monkeypatch.setenv("GRAFT_THREADS", "2")
    yield workspace
    for path in (workspace / "warm").glob("*.ready"):
        local.stop_process(*warm._process(path))


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def ended(run: RunRecord) -> bool:
    return runs.get_run(run.id).ended


WAITER = "import sys; from core.jobs import local, warm; import os;print(warm.wait_for_run(sys.argv[1]), flush=True)"


def waiter(parent: str | None = None) -> "subprocess.Popen[str]":
    """A process that waits as a worker does and says what it was handed."""
    warm.warm_folder().mkdir(parents=True, exist_ok=True)
    me = os.getpid()
    parent = parent or f"{me}-{local.creation_time(me)}"
    process = subprocess.Popen([sys.executable, "-c", WAITER, parent], stdout=subprocess.PIPE, text=True)
    until(lambda: any(str(process.pid) in path.name for path in warm._ready()))
    return process


def test_a_run_goes_to_one_waiting_worker_and_the_next_to_nobody(warm_workspace: Path) -> None:
    process = waiter()
    assert warm.hand_over_run("run-1") == (process.pid, pytest.approx(local.creation_time(process.pid), abs=0.1))
    assert warm.hand_over_run("run-2") is None
    assert process.communicate(timeout=20)[0].strip() == "run-1"


def test_a_dead_worker_is_passed_over(warm_workspace: Path) -> None:
    process = waiter()
    process.kill()
    process.wait()
    assert warm.hand_over_run("run-1") is None
    assert not list(warm.warm_folder().glob("*.ready"))


def test_many_at_once_hand_over_one_run(warm_workspace: Path, at_once: Callable[..., None], tmp_path: Path) -> None:
    process = waiter()
    at_once(_hand, tmp_path)
    winners = [path.name for path in tmp_path.glob("won-*")]
    assert len(winners) == 1
    assert process.communicate(timeout=20)[0].strip() == winners[0].removeprefix("won-")


def _hand(number: int, folder: Path) -> None:
    if warm.hand_over_run(f"run-{number}"):
        (folder / f"won-run-{number}").touch()


def test_a_worker_ends_with_the_process_that_wanted_it(warm_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = subprocess.Popen(["sleep", "60"])
    process = waiter(f"{parent.pid}-{local.creation_time(parent.pid)}")
    parent.kill()
    parent.wait()
    assert process.communicate(timeout=20)[0].strip() == "None"
    assert not list(warm.warm_folder().glob("*"))


def test_a_worker_ends_although_its_workspace_is_gone(warm_workspace: Path) -> None:
    parent = subprocess.Popen(["sleep", "60"])
    process = waiter(f"{parent.pid}-{local.creation_time(parent.pid)}")
    shutil.rmtree(warm.warm_folder())
    parent.kill()
    parent.wait()
    assert process.communicate(timeout=40)[0].strip() == "None"


def test_none_is_started_where_that_is_switched_off(workspace: Path) -> None:
    warm.keep_worker_ready(lambda: None)
    assert not warm.warm_folder().exists()


@pytest.mark.training
@pytest.mark.usefixtures("real_processes")
def test_a_run_by_a_waiting_worker_is_the_run_that_a_fresh_one_gives(warm_workspace: Path) -> None:
    dataset = import_sample("penguins").dataset
    for _ in range(3):
        queue.warm_up_worker()  # asked for again and again, as a page does
    until(warm._ready)
    assert len(warm._ready()) == 1
    waiting = warm._process(warm._ready()[0])[0]
    by_warm = queue.submit(TrainingSpec(data=dataset.id, epochs=4, seed=3))
    until(lambda: ended(by_warm))
    fresh = queue.submit(TrainingSpec(data=dataset.id, epochs=4, seed=3))
    until(lambda: ended(fresh))
    first, second = runs.get_run(by_warm.id), runs.get_run(fresh.id)
    assert first.state == second.state == "succeeded"
    assert first.pid == waiting != second.pid
    assert "epoch 4/4" in runs.read_log(first.id)
    a, b = (runs.read_predictions(run.id).filter(like="p:").to_numpy() for run in (first, second))
    np.testing.assert_array_equal(a, b)


@pytest.mark.training
@pytest.mark.usefixtures("real_processes")
def test_a_run_by_a_waiting_worker_is_cancelled_like_any_other(warm_workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(4000)))
    dataset = import_data(path, target="kind", name="rows").dataset
    queue.warm_up_worker()
    until(warm._ready)
    run = queue.submit(TrainingSpec(data=dataset.id, epochs=1000, seed=3))
    until(lambda: runs.get_run(run.id).state == "running")
    pid = runs.get_run(run.id).pid
    assert queue.cancel(run.id).state == "cancelled"
    assert not local.is_alive(pid, runs.get_run(run.id).pid_created)
