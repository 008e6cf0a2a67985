"""Short background work other than runs: an import, a check, a preview.

A task is a folder `tasks/ID` in the workspace: `task.json` (its record, with progress), `process.json`, `log.txt`,
and the `result.json` and files that it leaves. Its process is started immediately, without a queue. To add a kind,
write its function and name it in `TASKS`.
"""

import json
import secrets
import shutil
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from core.errors import InputError, NotFoundError
from core.jobs import local, warm
from core.schemas import FINISHED, Failure, Frozen, RunState, now
from core.settings import get_settings
from core.store import files

# Kind → the function that does it: `(params, folder, progress) -> result`, a JSON object. Resolved in the task's own
# process, so that a function may import what the web process must not.
TASKS: dict[str, str] = {
    "import": "core.data.import_task:import_task",
    "version": "core.data.versions:version_task",
    "check": "core.training.check:check_task",
    "download": "core.data.download:download_task",
    "preview": "core.training.images.preview:preview_task",
    "weights": "core.models.downloads:download_task",
    "backbone": "core.training.backbone_file:import_backbone_task",
    "augmented_set": "core.training.images.augmented_set:augmented_set_task",
    "feature_scores": "core.training.images.feature_scores:score_task",
    "learning_rate": "core.training.learning_rate_test:range_test_task",
    "label_safety": "core.training.images.label_safety:label_safety_task",
    "predict": "core.inference.predicting.predict:predict_task",
    "explain": "core.inference.explaining.explain:explain_task",
    "export": "core.export.exporting:export_task",
    "run": "core.export.run_archive:import_run_task",
    "search": "core.studies.searching:search_task",
    "matters": "core.inference.explaining.importance:importance_task",
    "distance": "core.advice.domain.comparing:distance_task",
    "candidates": "core.advice.domain.candidates:candidates_task",
    "remedies": "core.advice.domain.remedies:remedies_task",
    "rank": "core.advice.transferability.backbone_ranking:rank_task",
    "learning_curve": "core.advice.transferability.learning_curve:learning_curve_task",
}

# Kinds that load a model: their process waits for the next such task, which then need not load it again.
KEEP_PROCESS = ("predict", "explain", "matters")

KEPT_SECONDS = 24 * 3600
START_SECONDS = 30


class TaskRecord(Frozen):
    """`tasks/ID/task.json`. `done` of `total` steps; `text` says of what."""

    id: str
    kind: str
    title: str
    params: dict[str, Any]
    state: RunState = "starting"
    done: int = 0
    total: int = 0
    text: str = ""
    created: datetime = Field(default_factory=now)
    failure: Failure | None = None

    @property
    def ended(self) -> bool:
        return self.state in FINISHED


def task_folder(task_id: str) -> Path:
    return get_settings().home / "tasks" / task_id


def start(kind: str, title: str, **params: Any) -> TaskRecord:
    """Start a task in a process of its own. `params` must be JSON."""
    if kind not in TASKS:
        raise InputError(f"There is no task “{kind}”.", f"The tasks are {', '.join(TASKS)}.")
    _sweep()
    record = TaskRecord(id=secrets.token_hex(4), kind=kind, title=title, params=params)
    write_task(record)
    pid, created = (kind in KEEP_PROCESS and warm.hand_over_run(record.id, warm.task_folder())) or _launch(record.id)
    files.write_json(task_folder(record.id) / "process.json", {"pid": pid, "created": created})
    return record


def _launch(task_id: str) -> tuple[int, float]:
    process = local.launch_module("core.jobs.task_worker", task_id, task_folder(task_id) / "log.txt")
    threading.Thread(target=process.wait, name=f"reap-{task_id}", daemon=True).start()
    return process.pid, local.creation_time(process.pid)


def write_task(record: TaskRecord) -> None:
    files.write_text(task_folder(record.id) / "task.json", record.model_dump_json(indent=1))


def get_task(task_id: str) -> TaskRecord:
    """The current record of a task; one whose process ended unexpectedly is `interrupted`."""
    record = _read(task_id)
    if record.ended or _alive(record):
        return record
    record = _read(task_id)  # it may have ended between the two reads
    if record.ended:
        return record
    failure = Failure(
        kind="killed",
        message=f"“{record.title}” ended unexpectedly.",
        hint="The system may have run out of memory or was restarted. Start it again.",
    )
    record = record.model_copy(update={"state": "interrupted", "failure": failure})
    write_task(record)
    return record


def _read(task_id: str) -> TaskRecord:
    path = task_folder(task_id) / "task.json"
    if not path.exists():
        raise NotFoundError(f"There is no task “{task_id}”.", "It may have been removed; start it again.")
    return TaskRecord.model_validate_json(path.read_text(encoding="utf-8"))


def _process(task_id: str) -> tuple[int, float] | None:
    path = task_folder(task_id) / "process.json"
    if not path.exists():
        return None
    process = json.loads(path.read_text(encoding="utf-8"))
    return process["pid"], process["created"]


def _alive(record: TaskRecord) -> bool:
    process = _process(record.id)
    if process is None:
        return abs((now() - record.created).total_seconds()) < START_SECONDS
    return local.is_alive(*process)


def cancel(task_id: str) -> TaskRecord:
    """Stop a task: terminate its process, then kill it. One that has ended is left unchanged."""
    process = _process(task_id)
    if process is not None and not _read(task_id).ended:
        local.stop_process(*process)
        record = _read(task_id)
        if not record.ended:
            write_task(record.model_copy(update={"state": "cancelled"}))
    return _read(task_id)


def result(task_id: str) -> Any:
    """The result of a task that succeeded."""
    return json.loads((task_folder(task_id) / "result.json").read_text(encoding="utf-8"))


def active_tasks(kind: str | None = None) -> list[TaskRecord]:
    """Tasks that have not ended, oldest first."""
    active = []
    for path in get_settings().home.glob("tasks/*/task.json"):
        record = get_task(path.parent.name)
        if not record.ended and kind in (None, record.kind):
            active.append(record)
    return sorted(active, key=lambda record: record.created)


def _sweep() -> None:
    """Remove tasks that ended long ago: only the page that started them needs their results."""
    for path in get_settings().home.glob("tasks/*/task.json"):
        if time.time() - path.stat().st_mtime > KEPT_SECONDS and get_task(path.parent.name).ended:
            shutil.rmtree(path.parent, ignore_errors=True)
