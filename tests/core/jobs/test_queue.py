"""The queue with workers that only sleep: order, slots, cancelling, and what a crash leaves."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from core.data.versions import make_version
from core.errors import GraftError, InputError
from core.jobs import local, queue
from core.schemas import RunRecord, Split, TrainingSpec, now
from core.store import runs
from core.store.datasets import delete_dataset, delete_version
from tests.core.jobs.sleeping import FOREVER, Sleepers, all_ended, until


def submit(dataset: str, seed: int = 0) -> RunRecord:
    return queue.submit(TrainingSpec(data=dataset, learner="logistic_regression", seed=seed))


def most_at_once(diary: Path) -> int:
    now_open, most = 0, 0
    for line in diary.read_text().splitlines():
        now_open += 1 if line.startswith("begin") else -1
        most = max(most, now_open)
    return most


@pytest.mark.parametrize("slots", [1, 2])
def test_runs_start_in_order_of_arrival_and_share_the_slots(dataset, sleepers, monkeypatch, slots):
    monkeypatch.setenv("GRAFT_SLOTS", str(slots))
    used = sleepers()
    ids = [submit(dataset.id, seed).id for seed in range(6)]
    until(all_ended)
    assert sorted(used.begun()) == sorted(ids)
    assert [run.id for run in sorted(runs.list_runs(), key=lambda run: run.started)] == ids
    assert most_at_once(used.diary) <= slots
    assert {run.state for run in runs.list_runs()} == {"succeeded"}


def _submit_five(number: int, dataset: str, diary: Path) -> None:
    local.start_worker = Sleepers(diary).start
    for i in range(5):
        submit(dataset, seed=number * 10 + i)

    def is_empty() -> bool:
        queue.dispatch()
        return len(runs.list_runs()) == 20 and all_ended()

    until(is_empty)


def test_twenty_runs_from_four_processes_each_run_once_one_after_the_other(dataset, tmp_path, at_once):
    diary = tmp_path / "diary"
    at_once(_submit_five, dataset.id, diary, n=4)
    arrived = [run.id for run in reversed(runs.list_runs())]
    assert Sleepers(diary).begun() == arrived
    assert len(arrived) == 20
    assert most_at_once(diary) == 1
    assert {run.state for run in runs.list_runs()} == {"succeeded"}


def test_a_spec_that_cannot_be_trained_is_not_queued(dataset, sleepers):
    sleepers()
    with pytest.raises(GraftError):
        submit("nothing")
    assert runs.list_runs() == []


def test_a_queued_run_says_how_many_are_ahead(dataset, sleepers):
    sleepers(FOREVER)
    places = [queue.queue_position(submit(dataset.id, seed)) for seed in range(3)][1:]
    assert places == [1, 2]


def test_a_cancelled_queued_run_never_starts(dataset, sleepers):
    used = sleepers(FOREVER)
    first, second, third = (submit(dataset.id, seed) for seed in range(3))
    assert queue.cancel(second.id).state == "cancelled"
    used.worked = 0.02
    queue.cancel(first.id)
    until(all_ended)
    assert used.begun() == [first.id, third.id]
    states = [runs.get_run(run.id).state for run in (first, second, third)]
    assert states == ["cancelled", "cancelled", "succeeded"]


@pytest.mark.parametrize("trap", ["", 'trap "" TERM; '])
def test_cancelling_ends_the_process_even_if_it_will_not_listen(dataset, sleepers, tmp_path, trap):
    sleepers(FOREVER, f"{trap}touch {tmp_path / 'ready'}; exec sleep 60")
    run = submit(dataset.id)
    until((tmp_path / "ready").exists)
    assert queue.cancel(run.id).state == "cancelled"
    assert not local.is_alive(run.pid, run.pid_created)
    assert runs.read_events(run.id)[-1].phase == "cancelled"
    assert runs.get_run(run.id).finished is not None


def test_what_has_ended_cannot_be_cancelled(dataset, sleepers):
    sleepers()
    run = submit(dataset.id)
    until(all_ended)
    with pytest.raises(InputError, match="already succeeded"):
        queue.cancel(run.id)
    assert runs.get_run(run.id).state == "succeeded"


@pytest.mark.parametrize("reap", [True, False])
def test_a_killed_worker_is_told_as_interrupted_and_the_next_run_starts(dataset, sleepers, reap):
    used = sleepers(FOREVER, reap=reap)
    first, second = submit(dataset.id), submit(dataset.id, 1)
    assert second.state == "queued"
    os.kill(first.pid, signal.SIGKILL)

    def moved() -> bool:
        if not reap:
            queue.dispatch()  # nobody noticed the end: whoever comes next does
        return used.begun() == [first.id, second.id]  # a run is claimed a moment before its worker is started

    until(moved)
    lost = runs.get_run(first.id)
    assert (lost.state, lost.failure.kind) == ("interrupted", "killed")
    assert lost.failure.message and lost.failure.hint
    assert runs.get_run(second.id).state == "starting"


def test_a_run_at_work_is_asked_to_finish_and_one_that_has_ended_is_not(dataset, sleepers):
    sleepers(FOREVER)
    run = submit(dataset.id)
    asked = runs.run_folder(run.id) / "finish"
    assert queue.finish_early(run.id).id == run.id
    assert asked.exists()
    asked.unlink()
    queue.cancel(run.id)
    with pytest.raises(InputError, match=f"“{run.name}” is cancelled"):
        queue.finish_early(run.id)
    assert not asked.exists()


def test_a_process_id_that_another_process_took_over_does_not_count(dataset, sleepers):
    sleepers(FOREVER)
    run = submit(dataset.id)
    mine = psutil.Process()
    runs.update_run(run.id, pid=mine.pid, pid_created=local.creation_time(mine.pid))
    queue.reconcile_runs()
    assert runs.get_run(run.id).state == "starting"
    runs.update_run(run.id, pid_created=local.creation_time(mine.pid) - 100)
    queue.reconcile_runs()
    assert runs.get_run(run.id).state == "interrupted"


def test_a_run_claimed_by_somebody_who_died_is_given_up_after_a_while_only(dataset, sleepers):
    sleepers(FOREVER)
    run = submit(dataset.id)
    os.kill(run.pid, signal.SIGKILL)
    until(lambda: runs.get_run(run.id).ended)
    runs.update_run(run.id, state="starting", pid=None, pid_created=None, started=now())
    queue.reconcile_runs()
    assert runs.get_run(run.id).state == "starting"
    runs.update_run(run.id, started=now() - queue.CLAIM_LIMIT - timedelta(seconds=1))
    queue.reconcile_runs()
    assert runs.get_run(run.id).state == "interrupted"


def test_a_worker_that_cannot_be_started_fails_its_run_and_not_the_queue(dataset, monkeypatch):
    def refuse(_run_id: str, on_exit: object) -> tuple[int, float]:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(local, "start_worker", refuse)
    states = [submit(dataset.id, seed) for seed in range(2)]
    assert [run.state for run in states] == ["failed", "failed"]
    assert "Cannot allocate memory" in states[0].failure.message


def test_runs_keep_their_order_when_the_clock_is_set_back(dataset, sleepers, monkeypatch):
    used = sleepers(FOREVER)
    ids = [submit(dataset.id).id]
    for hours in (0, 1, 2):
        monkeypatch.setattr(runs, "now", lambda hours=hours: now() - timedelta(hours=hours))
        ids.append(submit(dataset.id).id)
    assert [queue.queue_position(runs.get_run(run)) for run in ids[1:]] == [1, 2, 3]
    used.worked = 0.02
    queue.cancel(ids[0])
    until(all_ended)
    assert used.begun() == ids


def test_a_worker_lives_on_when_the_clock_is_set(dataset, sleepers, monkeypatch):
    sleepers(FOREVER)
    run = submit(dataset.id)
    boot_time = psutil._psplatform.boot_time
    for shift in (-3600, 3600):
        # The kernel tells when it booted by the time of day less the time that it is up.
        monkeypatch.setattr("psutil._psplatform.boot_time", lambda shift=shift: boot_time() + shift)
        monkeypatch.setattr("core.jobs.queue.now", lambda shift=shift: now() + timedelta(seconds=shift))
        queue.reconcile_runs()
        assert runs.get_run(run.id).state == "starting"


def test_a_claim_from_before_the_clock_was_set_back_is_given_up_too(dataset, sleepers, monkeypatch):
    sleepers(FOREVER)
    run = submit(dataset.id)
    runs.update_run(run.id, pid=None, pid_created=None, started=now() + timedelta(hours=1))
    queue.reconcile_runs()
    assert runs.get_run(run.id).state == "interrupted"


def test_a_run_does_not_last_less_than_nothing(dataset, sleepers):
    sleepers(FOREVER)
    run = submit(dataset.id)
    ended = runs.update_run(run.id, state="succeeded", started=now(), finished=now() - timedelta(hours=1))
    assert ended.duration == 0


def test_a_dataset_is_not_deleted_under_a_run(dataset, sleepers):
    sleepers(FOREVER)
    first, waiting = submit(dataset.id), submit(dataset.id)
    with pytest.raises(InputError, match=f"“{first.name}” is at work on “rows”"):
        delete_dataset(dataset.id)
    queue.cancel(waiting.id)
    assert runs.get_run(first.id).active
    queue.cancel(first.id)
    delete_dataset(dataset.id)
    assert runs.get_run(first.id).state == "cancelled"


def test_a_version_is_not_deleted_under_a_run_and_another_is(dataset, sleepers):
    sleepers(FOREVER)
    made = make_version(dataset.id, split=Split(seed=1))
    submit(f"{dataset.id}@{dataset.version}")
    with pytest.raises(InputError, match="is at work"):
        delete_version(dataset.id, dataset.version)
    delete_version(dataset.id, made.id)
