"""The process of one task: `python -m core.jobs.task_worker TASK_ID`."""

import logging
import sys
import time
from pkgutil import resolve_name
from typing import Any

from core.jobs import tasks
from core.jobs.ending import Cancelled, cancel_on_terminate, diagnose
from core.store import files

log = logging.getLogger("graft.task")
WRITE_EVERY = 0.3


def work(task_id: str) -> None:
    """Do the task and end it in a state with a reason."""
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


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    work(sys.argv[1])
