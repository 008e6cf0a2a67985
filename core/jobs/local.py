"""Workers on this machine: one operating-system process each, which outlives the process that started it."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from core.settings import ROOT, get_settings
from core.store.runs import run_folder


def start_worker(run_id: str, on_exit: Callable[[], object]) -> tuple[int, float]:
    """Start the worker of a run in a session of its own, its output going to the run's log.

    `on_exit` is called in a thread when the worker has ended while this process still lives; reaping it there
    also keeps the worker from staying behind as a zombie.

    Returns:
        The process id and its creation time, which together name the process even after the id was reused.
    """
    process = launch_module("core.training.worker", run_id, run_folder(run_id) / "log.txt")
    reap_child(process, on_exit)
    return process.pid, creation_time(process.pid)


def reap_child(process: "subprocess.Popen[bytes]", on_exit: Callable[[], object]) -> None:
    """Wait for a child in a thread, so that it does not stay behind as a zombie, and call `on_exit` then."""

    def wait() -> None:
        process.wait()
        on_exit()

    threading.Thread(target=wait, name=f"reap-{process.pid}", daemon=True).start()


def launch_module(module: str, argument: str, log: Path) -> "subprocess.Popen[bytes]":
    """Start `python -m module argument` in a session of its own, its output appended to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, argument],
            cwd=ROOT,
            env=os.environ | worker_environment(get_settings().threads),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # on Windows a group, so that Ctrl+C in the server's window does not reach it
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )


def worker_environment(threads: int) -> dict[str, str]:
    """The environment variables of a background process with this number of CPU threads."""
    return {
        "GRAFT_HOME": str(get_settings().home.resolve()),  # a relative path would mean another folder there
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        # The worker sees one run's device only; runs that it dispatches at its end may have all that Graft may use.
        "GRAFT_DEVICES": get_settings().devices,
        # GPU memory is allocated as needed, not all at once.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


def creation_time(pid: int) -> float:
    """When a process was created, in seconds since boot; 0 when it has ended.

    Not wall-clock time, which changes for an old process when the clock is set.
    """
    try:
        return float(psutil.Process(pid).create_time() - psutil.boot_time())
    except psutil.NoSuchProcess:
        return 0.0


def is_alive(pid: int | None, pid_created: float | None) -> bool:
    """Whether the process with this id *and* this creation time is running. An id alone may have been reused."""
    if pid is None or pid_created is None:
        return False
    try:
        # The boot time is known to the second, and may be read as the next one in between.
        return abs(creation_time(pid) - pid_created) < 2 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop_process(pid: int, pid_created: float, grace: float = 2.0) -> None:
    """Ask a worker to end, and end it after `grace` seconds."""
    if not is_alive(pid, pid_created):
        return
    try:
        process = psutil.Process(pid)
        process.terminate()
        try:
            process.wait(timeout=grace)
        except psutil.TimeoutExpired:
            process.kill()
            # Not even a kill ends a process in uninterruptible disk wait, so this does not wait for ever.
            with suppress(psutil.TimeoutExpired):
                process.wait(timeout=1)
    except psutil.NoSuchProcess:
        return
