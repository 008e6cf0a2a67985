"""The process of one task, `python -m core.jobs.task_worker TASK_ID`, or of several that load a model."""

import logging
import os
import sys
import time
from pkgutil import resolve_name
from typing import Any

from core.cancellation import Cancelled, cancel_on_terminate
from core.jobs import local, tasks, warm
from core.jobs.failures import diagnose
from core.settings import get_settings
from core.store import files

log = logging.getLogger("graft.task")
WRITE_EVERY = 0.3


def run_task(task_id: str) -> bool:
    """Run the task and record its final state. Returns whether this process can run another one."""
    cancel_on_terminate()
    record = tasks.get_task(task_id).model_copy(update={"state": "running"})
    tasks.write_task(record)
    written = time.monotonic()

    def progress(done: int, total: int, text: str = "") -> None:
        nonlocal record, written
        record = record.model_copy(update={"done": done, "total": total, "text": text})
        if time.monotonic() - written > WRITE_EVERY or done == total:
            written = time.monotonic()
            tasks.write_task(record)

    ended: dict[str, Any]
    try:
        function = resolve_name(tasks.TASKS[record.kind])
        result = function(record.params, tasks.task_folder(task_id), progress)
        files.write_json(tasks.task_folder(task_id) / "result.json", result)
        ended = {"state": "succeeded"}
    except Cancelled:
        ended = {"state": "cancelled"}
    except Exception as error:  # the process ends here, so every error must be recorded
        log.exception("the task failed")
        ended = {"state": "failed", "failure": diagnose(error)}
    tasks.write_task(record.model_copy(update=ended))
    return record.kind in tasks.KEEP_PROCESS and ended["state"] != "cancelled" and bool(get_settings().warm_minutes)


def wait_for_task(wanted_by: str) -> str | None:
    """Wait for the next task that loads a model; None after a timeout or when this process was cancelled."""
    try:
        task_id = warm.wait_for_run(wanted_by, warm.task_folder())
    except Cancelled:
        return None
    if task_id:
        with (tasks.task_folder(task_id) / "log.txt").open("ab") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
    return task_id


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    parent = os.getppid()
    wanted_by = f"{parent}-{local.creation_time(parent)}"
    task: str | None = sys.argv[1]
    while task and run_task(task):
        task = wait_for_task(wanted_by)
