"""Warm workers: processes that have imported their libraries and wait for the next run.

Importing the libraries takes longer than many runs. So one process imports them ahead of time and waits on a named
pipe, `GRAFT_HOME/warm/PID-CREATED.ready`. The process that hands over a run first renames the pipe, which only one
can, and then writes the run's id into it. A warm worker runs only that one run, so that no state carries over.

Processes of tasks that load a model (`core.jobs.tasks.KEEP_PROCESS`) wait in the same way, in `warm/tasks/`, after
their task: the next image is predicted without importing or loading anything.

Without named pipes, as on Windows, no process waits: every run and task starts a process of its own.
"""

import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from core.jobs import local
from core.settings import get_settings

STARTING_SECONDS = 60  # after which a start that was never finished is ignored
CAN_WAIT = hasattr(os, "mkfifo")
LOOK_SECONDS = 5.0  # how often a waiting worker checks whether it is still needed
MEMORY = 2 * 2**30  # bytes that must be free: the libraries take about 0.6 GB, a run as much again


def warm_folder() -> Path:
    return get_settings().home / "warm"


def task_folder() -> Path:
    return warm_folder() / "tasks"


def keep_worker_ready(on_exit: Callable[[], object]) -> None:
    """Ensure that a warm worker is waiting or starting, unless that is switched off or memory is short.

    It ends with the process that called this, or after `settings.warm_minutes`; `on_exit` is called then.
    """
    if not CAN_WAIT or not get_settings().warm_minutes or psutil.virtual_memory().available < MEMORY or _ready():
        return
    warm_folder().mkdir(parents=True, exist_ok=True)
    starting = warm_folder() / "starting"
    try:
        os.close(os.open(starting, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        with suppress(FileNotFoundError):
            if time.time() - starting.stat().st_mtime > STARTING_SECONDS:
                starting.unlink()
        return
    me = os.getpid()
    waiting_for = f"{me}-{local.creation_time(me)}"
    process = local.launch_module("core.training.worker", f"--warm={waiting_for}", warm_folder() / "log.txt")
    local.reap_child(process, on_exit)


def hand_over_run(run_id: str, place: Path | None = None) -> tuple[int, float] | None:
    """Give a run to a waiting worker; its process id and creation time, or None where none is waiting.

    With `place` it is a task, handed over to the processes that wait there.
    """
    for path in _ready(place):
        pid, created = _process(path)
        taken = path.with_suffix(".taken")
        with suppress(FileNotFoundError):
            path.rename(taken)
            try:
                # Without a reader at the other end this fails at once.
                pipe = os.open(taken, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                continue
            finally:
                taken.unlink()
            with os.fdopen(pipe, "w") as writer:
                writer.write(run_id)
            return pid, created
    return None


def wait_for_run(wanted_by: str, place: Path | None = None) -> str | None:
    """Wait, as a worker, until a run is handed over: its id; None when this worker is no longer needed.

    `wanted_by` is the process, `PID-CREATED`, with which this one ends; `place` is the pipe's folder, by default
    `warm_folder()`.
    """
    if not CAN_WAIT:
        return None
    pid, place = os.getpid(), place or warm_folder()
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{pid}-{local.creation_time(pid)}.ready"
    hidden = path.with_suffix(".new")
    os.mkfifo(hidden)
    # Open for writing as well: otherwise the pipe would be at its end when the first writer closes it.
    pipe = os.open(hidden, os.O_RDWR | os.O_NONBLOCK)
    hidden.rename(path)
    (warm_folder() / "starting").unlink(missing_ok=True)
    deadline = time.monotonic() + 60 * get_settings().warm_minutes
    parent = _process(Path(wanted_by))
    while True:
        if select.select([pipe], [], [], LOOK_SECONDS)[0]:
            return os.read(pipe, 100).decode()
        if time.monotonic() > deadline or not local.is_alive(*parent):
            try:
                path.unlink()
            except FileNotFoundError:  # taken at this moment, or the whole workspace is gone
                if select.select([pipe], [], [], LOOK_SECONDS)[0]:
                    return os.read(pipe, 100).decode()
            return None


def _ready(place: Path | None = None) -> list[Path]:
    """The pipes of waiting workers; those of dead ones are removed."""
    pipes = []
    for path in (place or warm_folder()).glob("*.ready"):
        if local.is_alive(*_process(path)):
            pipes.append(path)
        else:
            path.unlink(missing_ok=True)
    return pipes


def _process(path: Path) -> tuple[int, float]:
    """Process id and creation time out of a pipe's name."""
    name = path.name.removesuffix(".ready").removesuffix(".taken")
    pid, _, created = name.partition("-")
    return int(pid), float(created)
