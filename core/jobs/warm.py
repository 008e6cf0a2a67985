"""A worker that is already past its imports and waits for the next run.

Importing the libraries takes longer than many a run. So one process imports them ahead of time and waits at a named
pipe, `GRAFT_HOME/warm/PID-CREATED.ready`. Whoever hands a run over first renames the pipe, which only one can, and
then writes the run's id into it. The process takes that one run and ends with it, so that nothing is carried over
from one run to the next.

Processes of the tasks that load a model (`core.jobs.tasks.STAYING`) wait in the same way, in `warm/tasks/`, after
they have done one: the next picture is predicted without importing or loading anything.

Where the system has no named pipes, as on Windows, nothing waits: every run and task starts a process of its own.
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

STARTING_SECONDS = 60  # after which a start that was never finished is forgotten
CAN_WAIT = hasattr(os, "mkfifo")
LOOK_SECONDS = 5.0  # how often a waiting worker looks whether it is still wanted
MEMORY = 2 * 2**30  # bytes that must be free: the libraries take about 0.6 GB, a run as much again


def folder() -> Path:
    return get_settings().home / "warm"


def task_folder() -> Path:
    return folder() / "tasks"


def keep_ready(on_exit: Callable[[], object]) -> None:
    """See to it that a worker is waiting or on its way, unless that is switched off or memory is short.

    It ends with the process that called this, or after `settings.warm_minutes`; `on_exit` is called then.
    """
    if not CAN_WAIT or not get_settings().warm_minutes or psutil.virtual_memory().available < MEMORY or _ready():
        return
    folder().mkdir(parents=True, exist_ok=True)
    starting = folder() / "starting"
    try:
        os.close(os.open(starting, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        with suppress(FileNotFoundError):
            if time.time() - starting.stat().st_mtime > STARTING_SECONDS:
                starting.unlink()
        return
    me = os.getpid()
    waiting_for = f"{me}-{local.created(me)}"
    process = local.launch("core.training.worker", f"--warm={waiting_for}", folder() / "log.txt")
    local.reap(process, on_exit)


def hand_over(run_id: str, place: Path | None = None) -> tuple[int, float] | None:
    """Give a run to a waiting worker; its process id and creation time, or None where none is waiting.

    With `place` it is a task that is given, to the processes that wait there.
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
    """Wait, as a worker, until a run is handed over: its id; None when nobody needs this worker any more.

    `wanted_by` is the process, `PID-CREATED`, with which this one ends; `place` is where it can be found, `folder()`
    unless told.
    """
    if not CAN_WAIT:
        return None
    pid, place = os.getpid(), place or folder()
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{pid}-{local.created(pid)}.ready"
    hidden = path.with_suffix(".new")
    os.mkfifo(hidden)
    # Open for writing as well: else the pipe would seem to end when the first writer goes.
    pipe = os.open(hidden, os.O_RDWR | os.O_NONBLOCK)
    hidden.rename(path)
    (folder() / "starting").unlink(missing_ok=True)
    deadline = time.monotonic() + 60 * get_settings().warm_minutes
    parent = _process(Path(wanted_by))
    while True:
        if select.select([pipe], [], [], LOOK_SECONDS)[0]:
            return os.read(pipe, 100).decode()
        if time.monotonic() > deadline or not local.alive(*parent):
            try:
                path.unlink()
            except FileNotFoundError:  # taken this very moment
                continue
            return None


def _ready(place: Path | None = None) -> list[Path]:
    """The pipes of workers that wait; what dead ones have left is cleared away."""
    found = []
    for path in (place or folder()).glob("*.ready"):
        if local.alive(*_process(path)):
            found.append(path)
        else:
            path.unlink(missing_ok=True)
    return found


def _process(path: Path) -> tuple[int, float]:
    """Process id and creation time out of a pipe's name."""
    name = path.name.removesuffix(".ready").removesuffix(".taken")
    pid, _, created = name.partition("-")
    return int(pid), float(created)
