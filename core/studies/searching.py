"""The search loop: ask Optuna for settings, submit them as a run, and tell Optuna the result.

It is a task in a process of its own, which may end at any time: a later one resumes from the journal and the runs.
"""

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from core.errors import GraftError, NotFoundError
from core.jobs import backends, queue
from core.methods import plan
from core.methods.learners import get_learner
from core.schemas import Kind, ResolvedSpec, RunRecord
from core.store import runs
from core.store.datasets import get_dataset
from core.studies import record as studies
from core.studies import space
from core.studies.record import StudyRecord, StudySpec, Trial

POLL = 0.2
FIRST_FAILURES = 5  # after so many trials, all failed, the search gives up
STARTUP = 6  # trials that the Bayesian sampler draws at random at first
STATES: dict[TrialState, studies.TrialState] = {
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


class Grid(optuna.samplers.GridSampler):
    """Optuna's grid sampler without stopping `optimize`, which is not used: the search checks the grid itself."""

    def after_trial(self, *_: Any) -> None:
        pass


@dataclass
class Search:
    """A search in one process. `begun` is `time.monotonic()`; `before` are the seconds of earlier processes."""

    record: StudyRecord
    study: optuna.Study
    kind: Kind
    at_once: int
    begun: float
    before: float

    @property
    def spec(self) -> StudySpec:
        return self.record.spec

    def run(self) -> None:
        """Search until the budget is spent and every trial has ended, or until asked to stop."""
        while True:
            self._settle()
            stopped = (studies.study_folder(self.record.id) / "stop").exists()
            over = stopped or self._time_is_up()
            at_work = self._trials(TrialState.RUNNING)
            if over:
                for trial in at_work:
                    _end_trial_run(trial, stopped)
            while not over and len(at_work) < self.at_once and self._has_room():
                self._ask()
                at_work = self._trials(TrialState.RUNNING)
            self._write()
            if not at_work:
                if over or not self._has_room():
                    break
                continue
            time.sleep(POLL)
        failed = self._first_failure()
        state: studies.StudyState = "failed" if failed else "stopped" if stopped else "ended"
        self.record = self.record.model_copy(
            update={"state": state, "note": failed, "importance": self._importance()}
        )
        self._write()

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=states or None)

    def _time_is_up(self) -> bool:
        return self.spec.minutes is not None and self._seconds() > 60 * self.spec.minutes

    def _seconds(self) -> float:
        return self.before + time.monotonic() - self.begun

    def _has_room(self) -> bool:
        asked = [t for t in self._trials() if t.state != TrialState.WAITING]
        if isinstance(self.study.sampler, Grid) and (not asked or self.study.sampler.is_exhausted(self.study)):
            return not asked
        return (self.spec.trials is None or len(asked) < self.spec.trials) and not self._first_failure()

    def _first_failure(self) -> str:
        """Why the first trial failed, if all did and there were enough to give up; otherwise empty."""
        ended = [t for t in self._trials() if t.state.is_finished()]
        if len(ended) < FIRST_FAILURES and (self.spec.trials is None or len(ended) < self.spec.trials):
            return ""
        if any(t.state != TrialState.FAIL for t in ended) or not ended:
            return ""
        return str(ended[0].user_attrs.get("reason", ""))

    def _ask(self) -> None:
        trial = self.study.ask()
        try:
            asked = space.trial_spec(self.spec, space.draw_values(trial, self.spec, self.kind), self.kind)
            same = self._same_as(plan.resolve(asked, plan.version_for(asked)))
            if same is not None:
                trial.set_user_attr("same_as", same.number)
                trial.set_user_attr("run", same.user_attrs["run"])
                return
            name = f"{self.record.name} · {trial.number + 1}"
            run = queue.submit(asked.model_copy(update={"name": name}), study=self.record.id)
            trial.set_user_attr("run", run.id)
            queue.warm_up_worker(during_runs=True)
        except GraftError as error:
            self._fail(trial, str(error))

    def _same_as(self, wanted: ResolvedSpec) -> FrozenTrial | None:
        """An earlier trial with the same settings, whose run exists and did not fail."""
        for trial in self._trials(TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED):
            if "run" not in trial.user_attrs or "same_as" in trial.user_attrs:
                continue
            run = _run(trial)
            if run and run.spec.model_copy(update={"name": wanted.name}) == wanted:
                return trial
        return None

    def _settle(self) -> None:
        """Tell Optuna the results of the trials that ended; prune those with unpromising curves."""
        for frozen in self._trials(TrialState.RUNNING):
            trial = optuna.Trial(self.study, frozen._trial_id)
            run = _run(frozen)
            if run is None:
                self._fail(trial, "Its run was deleted, or was never made.")
            elif run.state == "succeeded":
                self._tell(trial, run)
            elif run.state == "interrupted" and "resumed" not in frozen.user_attrs:
                trial.set_user_attr("resumed", True)
                queue.resume(run.id)
            elif run.ended:
                self._fail(trial, run.failure.message if run.failure else f"It was {run.state}.")
            elif self.spec.prune and "same_as" not in frozen.user_attrs:
                self._report(trial, run)
                if "pruned" not in frozen.user_attrs and run.active and trial.should_prune():
                    trial.set_user_attr("pruned", True)
                    queue.finish_early(run.id)

    def _tell(self, trial: optuna.Trial, run: RunRecord) -> None:
        value = run.metrics.get(self.spec.objective)
        if value is None:
            self._fail(trial, f"Its run has no {studies.OBJECTIVES[self.spec.objective].lower()}.")
            return
        trial.set_user_attr("value", value)
        if self.spec.prune:
            self._report(trial, run)
        if "pruned" in trial.user_attrs:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, value)

    def _report(self, trial: optuna.Trial, run: RunRecord) -> None:
        """Report the objective's curve over the epochs, counted through all phases, so that curves are comparable.

        The penalties that are tried for a head are no epochs, and what they cost is nothing to save.
        """
        if run.spec.folds or (run.spec.learner and not get_learner(run.spec.learner).prunable):
            return
        field = self.spec.objective.replace("validation_", "val_")
        steps = (e.values for e in runs.read_events(run.id))
        curve = [values[field] for values in steps if field in values and "l2" not in values]
        known = len(self.study._storage.get_trial(trial._trial_id).intermediate_values)
        for step, value in enumerate(curve[known:], start=known):
            trial.report(value, step)

    def _fail(self, trial: optuna.Trial, reason: str) -> None:
        trial.set_user_attr("reason", reason)
        self.study.tell(trial, state=TrialState.FAIL)

    def _write(self) -> None:
        """Write the files that pages read, if they have changed."""
        rows = [_trial_row(t) for t in self._trials() if t.state != TrialState.WAITING]
        record = self.record.model_copy(update={"seconds": round(self._seconds(), 1)})
        if rows != studies.read_trials(self.record.id) or record.state != "running":
            studies.write_trials(self.record.id, rows)
            studies.write_study(record)

    def _importance(self) -> dict[str, float]:
        done = self._trials(TrialState.COMPLETE)
        if len(done) < 4 or len({t.value for t in done}) < 2:
            return {}
        return optuna.importance.get_param_importances(
            self.study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=self.spec.seed)
        )


def search(study_id: str) -> StudyRecord:
    """Run or resume a study until it has finished; returns its record."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    record = studies.get_study(study_id)
    kind = get_dataset(record.dataset).kind
    folder = studies.study_folder(record.id)
    study = optuna.create_study(
        study_name=record.id,
        storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))),
        direction="minimize" if record.spec.objective == "validation_loss" else "maximize",
        load_if_exists=True,
    )
    # A resumed sampler with the same seed would draw the first trials again.
    study.sampler = _sampler(record.spec, record.spec.seed + len(study.get_trials(deepcopy=False)))
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=3)
    if not study.get_trials(deepcopy=False) and record.spec.sampler != "grid":
        usual = space.usual_values(record.spec, kind)
        if usual:
            study.enqueue_trial(usual)
    record = record.model_copy(
        update={
            "state": "running",
            "engine": f"Optuna {optuna.__version__}, {type(study.sampler).__name__.replace('Grid', 'GridSampler')}"
            + (f", {type(study.pruner).__name__}" if record.spec.prune else ""),
        }
    )
    studies.write_study(record)
    at_once = record.spec.at_once or _count_places()
    work = Search(record, study, kind, at_once, time.monotonic(), record.seconds)
    try:
        work.run()
    except GraftError as error:  # the cluster is gone or the disk full: trials are kept, and the study can be resumed
        studies.write_study(work.record.model_copy(update={"state": "failed", "note": str(error)}))
        raise
    return work.record


def search_task(params: dict[str, Any], _folder: Path, _progress: Any) -> dict[str, Any]:
    """The task `search`: `params` names the study."""
    return {"state": search(params["study"]).state}


def _count_places() -> int:
    room = backends.current_backend().capacity()
    return max(1, len(room.gpus) or room.slots)


def _sampler(spec: StudySpec, seed: int) -> optuna.samplers.BaseSampler:
    if spec.sampler == "grid":
        return Grid(space.grid_values(spec), seed=spec.seed)
    if spec.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    # Settings of only some strategies make the space conditional; `group` models each subspace separately.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True, group=True)


def _run(trial: FrozenTrial) -> RunRecord | None:
    try:
        return runs.get_run(trial.user_attrs.get("run", ""))
    except NotFoundError:
        return None


def _end_trial_run(trial: FrozenTrial, stopped: bool) -> None:
    """Cancel the trial's run, or, when only the time is up, have it end with its best epoch."""
    run = _run(trial)
    if run is None or run.ended:
        return
    if stopped or run.state == "queued":
        queue.cancel(run.id)
    elif run.state == "running":
        queue.finish_early(run.id)


def _trial_row(trial: FrozenTrial) -> Trial:
    facts = trial.user_attrs
    return Trial(
        number=trial.number,
        run=facts.get("run", ""),
        state=STATES[trial.state],
        values=trial.params,
        value=facts.get("value"),
        same_as=facts.get("same_as"),
        reason=facts.get("reason", ""),
    )
