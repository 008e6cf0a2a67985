"""Controlling a study: create, start, stop and resume it, and its state; imports no Optuna."""

from core.errors import InputError
from core.jobs import tasks
from core.methods import plan
from core.schemas import DataRef
from core.store.datasets import get_dataset
from core.studies import record as studies
from core.studies.record import StudyRecord, StudySpec, StudyState
from core.studies.space import check_space, trial_spec

TRIALS = 20  # where neither trials nor minutes are given


def create(spec: StudySpec) -> StudyRecord:
    """Check a search and store it; nothing is started.

    Raises:
        InputError, NotFoundError, WeightsError: the base cannot be trained, or the space is invalid.
    """
    kind = get_dataset(DataRef.parse(spec.base.data).dataset).kind
    check_space(spec, kind)
    version = plan.version_for(spec.base)
    plan.resolve(trial_spec(spec, {}, kind), version)
    base = spec.base.model_copy(update={"data": f"{version.dataset}@{version.id}", "name": None})
    endless = spec.sampler != "grid" and spec.trials is None and spec.minutes is None
    spec = spec.model_copy(update={"base": base, "trials": TRIALS if endless else spec.trials})
    return studies.create_study(spec, dataset=version.dataset, version=version.id)


def start(study_id: str) -> StudyRecord:
    """Start the search in a process of its own."""
    record = studies.get_study(study_id)
    if is_searching(record):
        raise InputError(f"Study “{record.name}” is running already.", "There is nothing to start.")
    (studies.study_folder(record.id) / "stop").unlink(missing_ok=True)
    record = studies.write_study(record.model_copy(update={"state": "running", "note": ""}))
    tasks.start("search", record.name, study=record.id)
    return record


def stop(study_id: str) -> StudyRecord:
    """Ask the search to end: queued and running trials are cancelled, finished ones stay."""
    record = studies.get_study(study_id)
    if not is_searching(record):
        raise InputError(f"Study “{record.name}” is not running.", "There is nothing to stop.")
    (studies.study_folder(record.id) / "stop").touch()
    return record


def resume(study_id: str, more: int = 0) -> StudyRecord:
    """Resume a study that was stopped, interrupted or has ended, with `more` trials than before."""
    record = studies.get_study(study_id)
    spec = record.spec
    if more and spec.trials is not None:
        spec = spec.model_copy(update={"trials": spec.trials + more})
        studies.write_study(record.model_copy(update={"spec": spec}))
    return start(record.id)


def is_searching(record: StudyRecord) -> bool:
    """Whether a process is searching."""
    return any(task.params.get("study") == record.id for task in tasks.active_tasks("search"))


def study_state(record: StudyRecord) -> StudyState | str:
    """The study's state; `interrupted` if it was running and its process has ended."""
    return "interrupted" if record.state == "running" and not is_searching(record) else record.state
