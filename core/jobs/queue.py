"""The queue of runs: submit, dispatch in order of arrival, cancel, and recover after a crash.

There is no daemon. The process that submits a run dispatches, and every worker dispatches again when it ends.
`dispatch` may be called concurrently from any number of processes.
"""

import logging
import threading
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, func, select

from core.errors import ClusterError, InputError
from core.jobs import backends, devices, warm
from core.methods import plan
from core.schemas import ACTIVE, Event, Failure, RunRecord, RunState, TrainingSpec, now
from core.store import files, runs
from core.store.database import runs as table
from core.store.database import transaction

log = logging.getLogger(__name__)

# A claimed run without a process after this long belonged to a process that died in between.
CLAIM_LIMIT = timedelta(seconds=30)
CANCELLING = "cancelling"
RETRY_SECONDS = 30.0  # after which a cluster that did not answer is retried
_retry = threading.Timer(0, lambda: None)


def submit(spec: TrainingSpec, study: str = "") -> RunRecord:
    """Check a spec, fill it from its preset, put the run into the queue and start it if there is a free slot.

    `study` is the search whose trial it is.

    Raises:
        InputError, NotFoundError, WeightsError: the spec cannot be trained, or not here; nothing was queued.
        ClusterError: it is to train on a cluster, and that does not answer; nothing was queued.
    """
    record = enqueue(spec, study)
    dispatch()
    return runs.get_run(record.id)


def enqueue(spec: TrainingSpec, study: str = "") -> RunRecord:
    """The first half of `submit`, with the same errors: the run is queued but not dispatched."""
    version = plan.version_for(spec)
    resolved = plan.resolve(spec, version)
    devices.choose_device(
        resolved, backends.current_backend().capacity(), []
    )  # raises if it can never be trained here
    return runs.create_run(
        resolved,
        name=spec.name or plan.run_title(resolved),
        dataset=version.dataset,
        version=version.id,
        n=version.n,
        test_hash=plan.hash_of_test_samples(resolved, version),
        study=study,
    )


def dispatch() -> None:
    """Start queued runs, oldest first, while there are free devices.

    When a cluster does not answer they stay in the queue, and it is retried after a while.
    """
    reconcile_runs()
    try:
        _start_queued()
    except ClusterError as error:
        log.warning("The queue is waiting: %s", error)
        _dispatch_later()


def _start_queued() -> None:
    backend = backends.current_backend()
    while (claimed := _claim(backend)) is not None:
        try:
            worker = backend.submit(claimed, on_exit=dispatch)
        except ClusterError:
            runs.update_run(claimed.id, expect=["starting"], state="queued", started=None, device="")
            raise
        except OSError as error:
            hint = "Close other programs if memory is short, then start the run again."
            failure = Failure(kind="internal", message=f"No worker could be started: {error}.", hint=hint)
            _end_run(claimed.id, "failed", failure)
            continue
        runs.update_run(claimed.id, expect=["starting"], **worker)


def _dispatch_later() -> None:
    global _retry
    if not _retry.is_alive() or _retry is threading.current_thread():
        _retry = threading.Timer(RETRY_SECONDS, dispatch)
        _retry.daemon = True
        _retry.start()


def warm_up_worker(during_runs: bool = False) -> None:
    """Start a warm worker ahead of training. Not while a run needs the machine, unless `during_runs` says that
    another run will follow.
    """
    if backends.current_backend().warms and (during_runs or not runs.list_runs(states=ACTIVE)):
        warm.keep_worker_ready(on_exit=dispatch)


def _claim(backend: backends.Backend) -> RunRecord | None:
    """Mark the oldest queued run that has a free device as starting, in one transaction with reading the others.

    A run that waits for a device is overtaken only by runs for the other kind of device, so that one for several GPUs
    is not starved.
    """
    if not runs.list_runs(states=["queued"]):
        return None
    room = backend.capacity()
    with transaction() as connection:
        at_work = _records(connection, ACTIVE)
        waited_for: set[bool] = set()
        for run in _records(connection, ["queued"]):
            try:
                device = devices.choose_device(run.spec, room, at_work)
            except InputError as error:  # a GPU was removed since the run was submitted
                failure = Failure(kind="bad_input", message=error.message, hint=error.hint)
                runs.update_run_within(connection, run.id, state="failed", failure=failure, finished=now())
                runs.append_event(run.id, Event(phase="failed"))
                continue
            on_gpu = devices.gpus_needed(run.spec, len(room.gpus)) > 0
            if device and on_gpu not in waited_for:
                return runs.update_run_within(connection, run.id, state="starting", started=now(), device=device)
            waited_for.add(on_gpu)
    return None


def _records(connection: Connection, states: Collection[RunState]) -> list[RunRecord]:
    """Runs in these states, oldest first."""
    query = select(table.c.record).where(table.c.state.in_(states)).order_by(table.c.created)
    return [RunRecord.model_validate_json(row.record) for row in connection.execute(query)]


def reconcile_runs() -> None:
    """Mark runs whose worker has ended as interrupted, or as failed if it never started."""
    for record in runs.list_runs(states=ACTIVE):
        failure = _failure_of(record)
        if failure is None:
            continue
        # Read again: it may have succeeded or been cancelled since it was listed.
        record = runs.get_run(record.id)
        if record.phase == CANCELLING:
            _end_run(record.id, "cancelled")
        elif record.active:
            _end_run(record.id, "interrupted" if failure.kind == "killed" else "failed", failure)


def _failure_of(record: RunRecord) -> Failure | None:
    """Why the run has no worker; None while it has one or may still get one."""
    if record.job or record.pid is not None:
        return backends.backend_of(record).failure(record)
    # A start in the future means that the clock was set back.
    given_up = record.started is not None and abs(now() - record.started) > CLAIM_LIMIT
    return backends.KILLED if given_up else None


def cancel(run: str) -> RunRecord:
    """Take a run out of the queue, or terminate its worker, killing it after 3 seconds.

    `ClusterError` when its cluster does not answer; then nothing is changed.
    """
    record = runs.get_run(run)
    if record.ended:
        raise InputError(f"Run “{record.name}” has already {record.state}.", "There is nothing to cancel.")
    if runs.update_run(record.id, expect=["queued"], state="cancelled", finished=now()):
        return runs.get_run(record.id)
    # Recorded before the worker is stopped, so that other processes do not take its end for a crash.
    record = runs.update_run(record.id, expect=ACTIVE, phase=CANCELLING) or runs.get_run(record.id)
    backends.backend_of(record).stop(record)
    _end_run(record.id, "cancelled")
    dispatch()
    return runs.get_run(record.id)


def resume(run: str) -> RunRecord:
    """Put a run that was interrupted, cancelled or failed back into the queue; it continues at its checkpoint."""
    record = runs.get_run(run)
    changed = runs.update_run(
        record.id,
        expect=["interrupted", "cancelled", "failed"],
        state="queued",
        phase="",
        failure=None,
        started=None,
        finished=None,
        pid=None,
        pid_created=None,
        job="",
        device="",
    )
    if changed is None:
        raise InputError(f"Run “{record.name}” is {record.state}.", "Only a run that ended without success can.")
    (runs.run_folder(record.id) / "finish").unlink(missing_ok=True)
    runs.append_event(record.id, Event(phase="resumed"))
    dispatch()
    return runs.get_run(record.id)


def finish_early(run: str) -> RunRecord:
    """Ask a running run to end after this epoch and keep its best one."""
    record = runs.get_run(run)
    if not record.active:
        raise InputError(f"Run “{record.name}” is {record.state}.", "Only a run at work can be finished early.")
    files.write_text(runs.run_folder(record.id) / "finish", "")
    return record


def _end_run(run_id: str, state: str, failure: Failure | None = None) -> None:
    changed = runs.update_run(run_id, expect=ACTIVE, state=state, phase="", failure=failure, finished=now())
    if changed:
        runs.append_event(run_id, Event(phase=state))


def queue_position(record: RunRecord) -> int:
    """How many runs are ahead of a queued run, including running ones."""
    with transaction() as connection:
        ahead = select(func.count()).where(
            table.c.state.in_(ACTIVE) | ((table.c.state == "queued") & (table.c.created < record.created))
        )
        return int(connection.execute(ahead).scalar_one())
