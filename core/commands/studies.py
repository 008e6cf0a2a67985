"""Commands on many runs: searches and ensembles."""

import argparse
import time
from typing import TYPE_CHECKING

from core.commands.document import Document, read_json, validate_values
from core.errors import InputError
from core.methods.combinations import COMBINATIONS
from core.methods.learners import LEARNERS
from core.methods.strategies import STRATEGIES
from core.schemas import Kind, TrainingSpec

if TYPE_CHECKING:
    from core.studies.record import StudySpec

POLL = 0.5
# By their names for `--method`.
COMBINING = {combination.ensemble: combination.name for combination in COMBINATIONS.values()}
TRAINED: dict[str, dict[Kind, str]] = {
    strategy.ensemble: {"image": strategy.name, "table": learner.name}
    for strategy in STRATEGIES.values()
    for learner in LEARNERS.values()
    if strategy.ensemble and strategy.ensemble == learner.ensemble
}


def search(args: argparse.Namespace) -> Document:
    """Search for the best settings, as described by a StudySpec."""
    from core.studies import record as studies
    from core.studies import study

    made = study.create(_spec(args))
    study.start(made.id)
    while study.is_searching(made):
        time.sleep(POLL)
    record, trials = studies.get_study(made.id), studies.read_trials(made.id)
    best = studies.best_trial(record, trials)
    state = study.study_state(record)
    return {
        "study": record.id,
        "name": record.name,
        "state": state,
        "engine": record.engine,
        "best": best.model_dump(include={"number", "run", "values", "value"}) if best else None,
        "trials": [trial.model_dump(exclude_none=True) for trial in trials],
        "importance": record.importance,
        "note": record.note,
        "exit_code": int(state in ("failed", "interrupted")),
    }


def ensemble(args: argparse.Namespace) -> Document:
    """Combine runs into one, or train an ensemble on data, and stay until it is made."""
    from core.jobs import queue
    from core.store import runs

    run = queue.submit(_ensemble(args))
    while not run.ended:
        time.sleep(POLL)
        run = runs.get_run(run.id)
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state,
        "metrics": run.metrics,
        "notes": list(run.notes),
        "failure": run.failure.model_dump() if run.failure else None,
        "exit_code": int(run.state != "succeeded"),
    }


def _ensemble(args: argparse.Namespace) -> TrainingSpec:
    """The spec of the command; `InputError` where data and runs are both named, or neither is."""
    from core.schemas import DataRef
    from core.store import runs
    from core.store.datasets import get_dataset

    if bool(args.data) == bool(args.runs):
        raise InputError("An ensemble is trained on data or made of runs.", "Give DATA, or --runs RUN RUN.")
    if (args.method in COMBINING) != bool(args.runs):
        there = ", ".join(COMBINING if args.runs else TRAINED)
        what = "runs" if args.runs else "data"
        raise InputError(f"“{args.method}” makes no ensemble of {what}.", f"Choose one of: {there}.")
    named = {"name": args.name} if args.name else {}
    if args.runs:
        first = runs.get_run(args.runs[0])
        combined = {"data": first.spec.data, "strategy": COMBINING[args.method], "members": tuple(args.runs)}
        return validate_values(TrainingSpec, combined | named)
    values: Document = read_json(args.spec, "Give --spec the path of a TrainingSpec in JSON.") if args.spec else {}
    kind = get_dataset(DataRef.parse(args.data).dataset).kind
    method = {"learner" if kind == "table" else "strategy": TRAINED[args.method][kind]}
    return validate_values(TrainingSpec, values | {"data": args.data} | method | named)


def _spec(args: argparse.Namespace) -> "StudySpec":
    from core.studies.record import StudySpec

    hint = 'A StudySpec is {"space": {"l2": {"low": 0.1, "high": 100, "log": true}, "dropout": [0, 0.2]}, …}.'
    values = read_json(args.spec, hint)
    if isinstance(values, dict) and isinstance(values.get("base", {}), dict):
        values["base"] = values.get("base", {}) | {"data": args.data}
    return validate_values(StudySpec, values, hint)
