"""Commands on what is made of many runs: searches and ensembles."""

import argparse
import time
from typing import TYPE_CHECKING

from core.commands.document import Document, read_json, validated

if TYPE_CHECKING:
    from core.studies.record import StudySpec

POLL = 0.5


def search(args: argparse.Namespace) -> Document:
    """Search for the best settings; what is searched and how long stands in a StudySpec."""
    from core.studies import record as studies
    from core.studies import study

    made = study.create(_spec(args))
    study.start(made.id)
    while study.at_work(made):
        time.sleep(POLL)
    found, trials = studies.get_study(made.id), studies.read_trials(made.id)
    best = studies.best_trial(found, trials)
    state = study.state_of(found)
    return {
        "study": found.id,
        "name": found.name,
        "state": state,
        "engine": found.engine,
        "best": best.model_dump(include={"number", "run", "values", "value"}) if best else None,
        "trials": [trial.model_dump(exclude_none=True) for trial in trials],
        "importance": found.importance,
        "note": found.note,
        "exit_code": int(state in ("failed", "interrupted")),
    }


def _spec(args: argparse.Namespace) -> "StudySpec":
    from core.studies.record import StudySpec

    hint = 'A StudySpec is {"space": {"l2": {"low": 0.1, "high": 100, "log": true}, "dropout": [0, 0.2]}, …}.'
    values = read_json(args.spec, hint)
    if isinstance(values, dict) and isinstance(values.get("base", {}), dict):
        values["base"] = values.get("base", {}) | {"data": args.data}
    return validated(StudySpec, values, hint)
