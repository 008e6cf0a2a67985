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


def work(task_id: str) -> bool:
    """Do the task and end it in a state with a reason. Whether this process is fit to do another."""
    cancel_on_terminate()
    record = tasks.get(task_id).model_copy(update={"state": "running"})
    tasks.write(record)
    written = time.monotonic()

    def progress(done: int, total: int, text: str = "") -> None:
        nonlocal record, written
        record = record.model_copy(update={"done": done, "total": total, "text": text})
        if time.monotonic() - written > WRITE_EVERY or done == total:
            written = time.monotonic()
            tasks.write(record)

    ended: dict[str, Any]
    try:
        function = resolve_name(tasks.TASKS[record.kind])
        result = function(record.params, tasks.folder_of(task_id), progress)
        files.write_json(tasks.folder_of(task_id) / "result.json", result)
        ended = {"state": "succeeded"}
    except Cancelled:
        ended = {"state": "cancelled"}
    except Exception as error:  # the process ends here: whatever it was must be told, not lost
        log.exception("the task failed")
        ended = {"state": "failed", "failure": diagnose(error)}
    tasks.write(record.model_copy(update=ended))
    return record.kind in tasks.STAYING and ended["state"] != "cancelled" and bool(get_settings().warm_minutes)


def wait(wanted_by: str) -> str | None:
    """Wait for the next task that loads a model; None when none came, or this process was told to end."""
    try:
        task_id = warm.wait_for_run(wanted_by, warm.task_folder())
    except Cancelled:
        return None
    if task_id:
        with (tasks.folder_of(task_id) / "log.txt").open("ab") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
    return task_id


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    parent = os.getppid()
    wanted_by = f"{parent}-{local.created(parent)}"
    task: str | None = sys.argv[1]
    while task and work(task):
        task = wait(wanted_by)
