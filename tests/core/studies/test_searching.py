"""The search with workers that end at once: what it asks, keeps, ends early, and how it goes on."""

import json
import time

import pytest

from core.errors import InputError
from core.jobs import local, tasks
from core.methods.presets import PRESETS
from core.schemas import ACTIVE, Event, TrainingSpec, now
from core.store import runs
from core.store.run_search import RunQuery, find_runs
from core.studies import searching, study
from core.studies.record import Range, StudyRecord, StudySpec, best_trial, get_study, read_trials, study_folder

PENALTY = Range(low=1e-3, high=1e3, log=True)


def made(dataset: str, **values: object) -> StudyRecord:
    given = {"space": {"l2": PENALTY}, "trials": 12} | values
    return study.create(StudySpec.model_validate({"base": TrainingSpec(data=dataset), **given}))


@pytest.mark.parametrize(("sampler", "engine"), [("tpe", "TPESampler"), ("random", "RandomSampler")])
def test_a_search_makes_as_many_trials_as_it_may_and_says_what_drew_them(dataset, trained, sampler, engine):
    done = trained()
    found = searching.search(made(dataset.id, sampler=sampler).id)
    trials = read_trials(found.id)
    assert found.state == "ended" and engine in found.engine
    assert [t.run for t in trials] == done and len(done) == 12
    best = best_trial(found, trials)
    assert best and best.value == min(t.value for t in trials)
    first = runs.get_run(trials[0].run).spec
    assert first.l2 == PRESETS["table"]["quick"]["l2"], "the preset's own value is tried first"


def test_the_bayesian_search_comes_nearer_to_the_best_than_random_numbers_do(dataset, trained):
    """Uniform over six orders of magnitude, the expected loss is 3²/3 = 3."""
    trained()
    found = searching.search(made(dataset.id, trials=30).id)
    values = [t.value for t in read_trials(found.id)]
    assert sum(values[15:]) / 15 < 0.6 * 3.0
    assert found.importance == {"l2": 1.0}


def test_a_grid_tries_every_point_once_and_ends(dataset, trained):
    trained()
    space = {"l2": [0.1, 1.0, 10.0], "dropout": [0.0, 0.5]}
    found = searching.search(made(dataset.id, space=space, sampler="grid", trials=None).id)
    tried = [(t.values["l2"], t.values["dropout"]) for t in read_trials(found.id)]
    assert sorted(tried) == sorted((a, b) for a in space["l2"] for b in space["dropout"])
    assert found.state == "ended"


def test_settings_that_were_tried_are_not_trained_again(dataset, trained):
    done = trained()
    found = searching.search(made(dataset.id, space={"dropout": [0.0, 0.5]}, sampler="random", trials=8).id)
    trials = read_trials(found.id)
    assert len(trials) == 8 and len(done) == 2
    assert {t.run for t in trials} == set(done) and sum(t.same_as is not None for t in trials) == 6
    assert all(t.value is not None for t in trials)


def test_accuracy_is_searched_upwards(dataset, trained):
    trained()
    found = searching.search(made(dataset.id, objective="validation_accuracy").id)
    trials = read_trials(found.id)
    assert best_trial(found, trials).value == max(t.value for t in trials)


def test_a_trial_that_fails_costs_only_itself(dataset, trained):
    trained(lambda run: 1000.0 if run.spec.dropout == 0.5 else 0.2)
    found = searching.search(made(dataset.id, space={"dropout": [0.0, 0.5, 0.7]}, sampler="grid", trials=None).id)
    trials = {t.values["dropout"]: t for t in read_trials(found.id)}
    assert found.state == "ended"
    assert trials[0.5].state == "failed" and trials[0.5].reason == "The loss is no number."
    assert best_trial(found, list(trials.values())).values["dropout"] != 0.5


def test_where_all_fail_the_search_gives_up_and_says_why(dataset, trained):
    done = trained(lambda run: 1000.0)
    found = searching.search(made(dataset.id, trials=50).id)
    assert (found.state, found.note, len(done)) == ("failed", "The loss is no number.", searching.FIRST_FAILURES)


def test_a_curve_worse_than_the_median_is_ended_early_and_its_best_epoch_kept(dataset, monkeypatch):
    """A worker that trains as long as nobody asks it to finish, an epoch at each look of the search."""
    at_work: list[str] = []

    def start(run_id, on_exit):
        at_work.append(run_id)
        return local.os.getpid(), local.creation_time(local.os.getpid())

    def epoch(_seconds: float) -> None:
        run = runs.get_run(at_work[-1])
        if run.ended:
            return
        runs.update_run(run.id, expect=["starting"], state="running")
        told = len(runs.read_events(run.id))
        loss = searching.math_loss(run)
        if told >= 20 or (runs.run_folder(run.id) / "finish").exists():
            metrics = {"validation_loss": loss, "validation_accuracy": 0.5}
            runs.update_run(run.id, expect=ACTIVE, state="succeeded", metrics=metrics, finished=now())
        else:
            runs.append_event(run.id, Event(phase="network", epoch=told + 1, values={"val_loss": loss}))

    monkeypatch.setattr(local, "start_worker", start)
    monkeypatch.setattr(searching.time, "sleep", epoch)
    monkeypatch.setattr(searching, "math_loss", lambda run: abs(run.spec.l2 - 1), raising=False)
    space = {"l2": [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 50.0]}
    found = searching.search(made(dataset.id, space=space, sampler="grid", trials=None, at_once=1).id)
    trials = {t.values["l2"]: t for t in read_trials(found.id)}
    lengths = {l2: len(runs.read_events(t.run)) for l2, t in trials.items()}
    pruned = {l2 for l2, t in trials.items() if t.state == "pruned"}
    after = [t.values["l2"] for t in sorted(trials.values(), key=lambda t: t.number)][searching.STARTUP :]
    assert pruned <= set(after) and all(lengths[l2] < 20 for l2 in pruned)
    assert all(lengths[l2] == 20 for l2 in trials if l2 not in pruned)
    assert all(t.value is not None for t in trials.values()), "a pruned trial is a run that can be looked at"


def test_a_search_that_was_stopped_goes_on_where_it_was(dataset, trained):
    trained()
    record = made(dataset.id, trials=4)
    (study_folder(record.id) / "stop").touch()
    assert searching.search(record.id).state == "stopped"
    assert read_trials(record.id) == []
    (study_folder(record.id) / "stop").unlink()
    assert searching.search(record.id).state == "ended"
    first = read_trials(record.id)
    more = get_study(record.id)
    study.studies.write_study(more.model_copy(update={"spec": more.spec.model_copy(update={"trials": 7})}))
    searching.search(record.id)
    trials = read_trials(record.id)
    assert trials[:4] == first and [t.number for t in trials] == list(range(7))
    assert len({t.values["l2"] for t in trials}) == 7, "a sampler that begins anew would repeat itself"


def test_a_trial_whose_search_was_killed_is_taken_over(dataset, monkeypatch, trained):
    """The process dies while a run is at work; the run ends by itself; the next process tells its value."""

    class Killed(BaseException):
        pass

    def die(_seconds: float) -> None:
        raise Killed

    me = local.os.getpid()
    record = made(dataset.id, trials=3, at_once=1)
    with monkeypatch.context() as patched:
        patched.setattr(local, "start_worker", lambda run_id, on_exit: (me, local.creation_time(me)))
        patched.setattr(searching.time, "sleep", die)
        with pytest.raises(Killed):
            searching.search(record.id)
    assert study.study_state(get_study(record.id)) == "interrupted"
    (orphan,) = read_trials(record.id)
    runs.update_run(orphan.run, state="succeeded", metrics={"validation_loss": 0.125}, finished=now())
    trained()
    searching.search(record.id)
    trials = read_trials(record.id)
    assert (trials[0].run, trials[0].value, trials[0].state) == (orphan.run, 0.125, "complete")
    assert len(trials) == 3


def test_a_run_that_was_killed_is_resumed_once(dataset, monkeypatch):
    started: list[str] = []

    def start(run_id, on_exit):
        started.append(run_id)
        runs.update_run(run_id, expect=ACTIVE, state="interrupted")
        return 0, 0.0

    monkeypatch.setattr(local, "start_worker", start)
    found = searching.search(made(dataset.id, trials=1).id)
    (trial,) = read_trials(found.id)
    assert len(started) == 2 and trial.state == "failed" and "interrupted" in trial.reason


def test_time_that_is_up_ends_the_search(dataset, trained, monkeypatch):
    trained()
    record = made(dataset.id, trials=None, minutes=1.0)
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(searching.time, "monotonic", lambda: float(next(clock)))
    found = searching.search(record.id)
    assert found.state == "ended" and 0 < len(read_trials(found.id)) < 20


def test_trials_are_found_by_their_study_alone(dataset, trained):
    trained()
    found = searching.search(made(dataset.id, trials=3).id)
    assert find_runs(RunQuery())[1] == 0
    assert find_runs(RunQuery(study=found.id))[1] == 3
    assert {run.study for run in runs.list_runs()} == {found.id}


def test_several_at_once_where_there_are_places(dataset, monkeypatch):
    monkeypatch.setenv("GRAFT_SLOTS", "3")
    me = local.os.getpid()
    monkeypatch.setattr(local, "start_worker", lambda run_id, on_exit: (me, local.creation_time(me)))
    most = []

    def look(_seconds: float) -> None:
        open_ = [r for r in runs.list_runs() if not r.ended]
        most.append(len(open_))
        runs.update_run(open_[-1].id, state="succeeded", metrics={"validation_loss": 1.0}, finished=now())

    monkeypatch.setattr(searching.time, "sleep", look)
    searching.search(made(dataset.id, trials=7).id)
    assert max(most) == 3


@pytest.mark.training
def test_a_real_search_from_beginning_to_end(dataset):
    """In a process of its own, with real workers; a second start beside it is refused."""
    record = made(
        dataset.id, space={"learner": ["logistic_regression", "random_forest"]}, sampler="grid", trials=None
    )
    study.start(record.id)
    with pytest.raises(InputError, match="running already"):
        study.start(record.id)
    deadline = time.monotonic() + 120
    while study.is_searching(record):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    trials = read_trials(record.id)
    assert [t.state for t in trials] == ["complete", "complete"], [t.reason for t in trials]
    assert study.study_state(get_study(record.id)) == "ended"
    with pytest.raises(InputError, match="is not running"):
        study.stop(record.id)
    assert json.loads((study_folder(record.id) / "trials.json").read_text())[0]["run"] == trials[0].run
    assert tasks.active_tasks("search") == []
