"""A study: a search over what can be set in a run. Its trials are ordinary runs.

`studies/ID` holds `study.json` (the record), `trials.json` (a row a trial, written anew after each), `journal.log`
(Optuna's own, from which a search goes on) and, when it was asked to stop, `stop`. Pages read the first two.
"""

import json
import secrets
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from core.errors import NotFoundError
from core.schemas import Frozen, TrainingSpec, now
from core.settings import get_settings
from core.store import files

Sampler = Literal["tpe", "random", "grid"]
Objective = Literal["validation_loss", "validation_accuracy"]
StudyState = Literal["running", "ended", "stopped", "failed"]
TrialState = Literal["running", "complete", "pruned", "failed"]
Value = str | int | float | bool | None

OBJECTIVES: dict[Objective, str] = {
    "validation_loss": "Validation loss",
    "validation_accuracy": "Validation accuracy",
}
SAMPLERS: dict[Sampler, str] = {"tpe": "Bayesian (TPE)", "random": "Random", "grid": "Grid"}


class Range(Frozen):
    """Numbers from `low` to `high`; with `log`, equally likely in every order of magnitude. A grid takes `points`."""

    low: float
    high: float
    log: bool = False
    points: Annotated[int, Field(ge=2, le=50)] = 3

    @model_validator(mode="after")
    def _has_points(self) -> "Range":
        if not self.low < self.high:
            raise ValueError("low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range begins above 0")
        return self


def _form(values: Any) -> str:
    return "range" if isinstance(values, dict | Range) else "values"


Searched = Annotated[
    Annotated[tuple[Value, ...], Tag("values")] | Annotated[Range, Tag("range")], Discriminator(_form)
]


class StudySpec(Frozen):
    """What to search, and how long.

    `base` is what all trials share, their data among it. `space` maps a field of `TrainingSpec` to a list of values
    or a `Range`; an augmentation goes by its name, `off` for none. A field that a trial's strategy or learner does
    not read is left out of that trial. The search ends after `trials` or `minutes`, whichever comes first; a grid
    without either when it is exhausted. With `prune`, a trial whose curve is worse than the median of those before
    (Golovin et al. 2017) is ended early. `at_once` is the number of trials in the queue at a time.
    """

    base: TrainingSpec
    space: dict[str, Searched]
    name: str = "Search"
    sampler: Sampler = "tpe"
    objective: Objective = "validation_loss"
    trials: Annotated[int, Field(ge=1, le=1000)] | None = None
    minutes: Annotated[float, Field(gt=0, le=10_000)] | None = None
    at_once: Annotated[int, Field(ge=1, le=64)] | None = None
    prune: bool = True
    seed: int = 0


class Trial(Frozen):
    """One trial of a study. `run` is empty where none could be made; `value` is the objective's, none of a failure.

    `same_as` is the number of an earlier trial with the very same settings, whose run this one shares.
    """

    number: int
    run: str = ""
    state: TrialState = "running"
    values: dict[str, Value] = {}
    value: float | None = None
    same_as: int | None = None
    reason: str = ""


class StudyRecord(Frozen):
    """`studies/ID/study.json`. `engine` says which sampler and pruner ran.

    `importance` maps the fields searched to their share of the objective's variance (fANOVA, Hutter et al. 2014).
    """

    id: str
    name: str
    dataset: str
    version: str
    spec: StudySpec
    state: StudyState = "running"
    created: datetime = Field(default_factory=now)
    seconds: float = 0.0
    engine: str = ""
    note: str = ""
    importance: dict[str, float] = {}


def study_folder(study_id: str) -> Path:
    return get_settings().home / "studies" / study_id


def create_study(spec: StudySpec, *, dataset: str, version: str) -> StudyRecord:
    record = StudyRecord(id=secrets.token_hex(4), name=spec.name, dataset=dataset, version=version, spec=spec)
    write_study(record)
    return record


def write_study(record: StudyRecord) -> StudyRecord:
    files.write_text(study_folder(record.id) / "study.json", record.model_dump_json(indent=1))
    return record


def get_study(study: str) -> StudyRecord:
    """The study with this id, or the only one of this name."""
    named = [record for record in list_studies() if study in (record.id, record.name)]
    if len(named) != 1:
        raise NotFoundError(
            f"There is no study “{study}”." if not named else f"{len(named)} studies are named “{study}”.",
            "The Runs page lists them." if not named else "Use the study's id instead.",
        )
    return named[0]


def list_studies() -> list[StudyRecord]:
    """All studies, newest first."""
    paths = get_settings().home.glob("studies/*/study.json")
    return sorted(files.read_records(paths, StudyRecord), key=lambda record: record.created, reverse=True)


def read_trials(study_id: str) -> list[Trial]:
    """The trials so far, in the order in which they were made."""
    path = study_folder(study_id) / "trials.json"
    if not path.exists():
        return []
    return [Trial.model_validate(row) for row in json.loads(path.read_text(encoding="utf-8"))]


def write_trials(study_id: str, trials: list[Trial]) -> None:
    rows: list[dict[str, Any]] = [trial.model_dump(exclude_defaults=True) for trial in trials]
    files.write_json(study_folder(study_id) / "trials.json", rows)


def best_trial(study: StudyRecord, trials: list[Trial]) -> Trial | None:
    """The trial with the best value of the objective, the earliest of equals; none while none is complete."""
    judged = [t for t in trials if t.value is not None and t.state == "complete"]
    sign = 1 if study.spec.objective == "validation_loss" else -1
    return min(judged, key=lambda t: sign * (t.value or 0.0), default=None)
