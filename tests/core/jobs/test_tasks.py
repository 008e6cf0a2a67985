"""Background tasks: their progress, their result, and every way in which one can end."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import DiskError, InputError, NotFoundError
from core.jobs import tasks

pytestmark = pytest.mark.training
HERE = "tests.core.jobs.test_tasks"


def double(params: dict[str, Any], folder: Path, progress: Callable[..., None]) -> dict[str, Any]:
    progress(1, 1, "numbers")
    (folder / "left.txt").write_text("here")
    return {"twice": 2 * params["n"]}


def wait_for_ever(_params: dict[str, Any], _folder: Path, progress: Callable[..., None]) -> None:
    progress(2, 2, "waiting")
    time.sleep(60)


def refuse(_params: dict[str, Any], _folder: Path, _progress: Callable[..., None]) -> None:
    raise DiskError("There is no room.", "Make some.")


def die(_params: dict[str, Any], _folder: Path, _progress: Callable[..., None]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def start(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tasks.TaskRecord]:
    """Start one of this file's functions as a task, in a real process that knows the same registry."""
    registry = {f.__name__: f"{HERE}:{f.__name__}" for f in (double, wait_for_ever, refuse, die)}
    monkeypatch.setattr(tasks, "TASKS", registry)
    launch = tasks.local.launch_module

    def with_registry(module: str, argument: str, log: Path) -> Any:
        boot = workspace / f"boot_{argument}.py"
        boot.write_text(
            f"from core.jobs import task_worker, tasks\ntasks.TASKS = {registry!r}\n"
            f"task_worker.run_task({argument!r})\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(workspace))
        return launch(f"boot_{argument}", argument, log)

    monkeypatch.setattr(tasks.local, "launch_module", with_registry)
    return lambda kind, **params: tasks.start(kind, kind, **params)


def until(task_id: str, condition: Callable[[tasks.TaskRecord], bool]) -> tasks.TaskRecord:
    for _ in range(400):
        record = tasks.get_task(task_id)
        if condition(record):
            return record
        time.sleep(0.05)
    raise AssertionError(f"it stayed {record.state}: {(tasks.task_folder(task_id) / 'log.txt').read_text()}")


def test_a_task_gives_its_result_and_keeps_its_files(start: Callable[..., tasks.TaskRecord]) -> None:
    record = until(start("double", n=21).id, lambda r: r.ended)
    assert (record.state, record.done, record.text) == ("succeeded", 1, "numbers")
    assert tasks.result(record.id) == {"twice": 42}
    assert (tasks.task_folder(record.id) / "left.txt").read_text() == "here"
    assert tasks.active_tasks() == []


def test_a_cancelled_task_stops(start: Callable[..., tasks.TaskRecord]) -> None:
    task = start("wait_for_ever")
    until(task.id, lambda r: r.state == "running" and r.done == 2)
    assert [t.id for t in tasks.active_tasks()] == [task.id]
    assert tasks.cancel(task.id).state == "cancelled"
    assert tasks.active_tasks() == []
    assert tasks.cancel(task.id).state == "cancelled"


def test_a_refusal_is_told_in_its_own_words(start: Callable[..., tasks.TaskRecord]) -> None:
    record = until(start("refuse").id, lambda r: r.ended)
    assert record.failure is not None
    assert (record.state, record.failure.kind, record.failure.hint) == ("failed", "disk_full", "Make some.")


def test_a_killed_task_is_found_interrupted(start: Callable[..., tasks.TaskRecord]) -> None:
    record = until(start("die").id, lambda r: r.ended)
    assert record.failure is not None
    assert (record.state, record.failure.kind) == ("interrupted", "killed")
    assert record.failure.hint.endswith(" Start it again.")


def test_unknown_kinds_and_ids_are_refused(start: Callable[..., tasks.TaskRecord]) -> None:
    with pytest.raises(InputError, match="no task “dance”"):
        start("dance")
    with pytest.raises(NotFoundError):
        tasks.get_task("abc")


def test_old_tasks_are_swept_and_those_at_work_stay(start: Callable[..., tasks.TaskRecord]) -> None:
    old, working = start("double", n=1), start("wait_for_ever")
    until(old.id, lambda r: r.ended)
    until(working.id, lambda r: r.state == "running")
    for task in (old, working):
        os.utime(tasks.task_folder(task.id) / "task.json", (0, 0))
    start("double", n=2)
    with pytest.raises(NotFoundError):
        tasks.get_task(old.id)
    assert tasks.cancel(working.id).state == "cancelled"
