"""Where workers run: as processes of this machine, or on a Ray cluster where `RAY_ADDRESS` names one.

The queue only uses `Backend`. `current_backend` is the one for new runs, `backend_of` that of a given run.
"""

from collections.abc import Callable
from typing import Any, Protocol

from core.jobs import devices, local, warm
from core.jobs.cluster import KILLED, RayBackend
from core.jobs.devices import Capacity
from core.schemas import Failure, RunRecord
from core.settings import get_settings

__all__ = ["KILLED", "Backend", "backend_of", "current_backend"]


class Backend(Protocol):
    """Starts and stops workers of runs, `python -m core.training.worker RUN_ID`."""

    warms: bool  # whether a worker may be started ahead of its run

    def capacity(self) -> Capacity:
        """The devices for all runs together."""

    def submit(self, run: RunRecord, on_exit: Callable[[], object]) -> dict[str, Any]:
        """Start the worker; returns the fields of the run's record that identify it.

        `on_exit` is called in a thread when it has ended while this process still lives. `OSError` when it cannot be
        started, `ClusterError` when the cluster does not answer.
        """

    def failure(self, run: RunRecord) -> Failure | None:
        """Why the worker has ended; None while it is running, or when its state is unknown."""

    def stop(self, run: RunRecord) -> None:
        """Ask the worker to end, and end it after a few seconds."""


class LocalBackend:
    """One process per run, possibly a warm one that has already imported its libraries."""

    warms = True

    def capacity(self) -> Capacity:
        return devices.local_capacity()

    def submit(self, run: RunRecord, on_exit: Callable[[], object]) -> dict[str, Any]:
        pid, pid_created = warm.hand_over_run(run.id) or local.start_worker(run.id, on_exit=on_exit)
        return {"pid": pid, "pid_created": pid_created}

    def failure(self, run: RunRecord) -> Failure | None:
        return None if local.is_alive(run.pid, run.pid_created) else KILLED

    def stop(self, run: RunRecord) -> None:
        if run.pid is not None and run.pid_created is not None:
            local.stop_process(run.pid, run.pid_created)


def current_backend() -> Backend:
    address = get_settings().ray_address
    return RayBackend(address) if address else LocalBackend()


def backend_of(run: RunRecord) -> Backend:
    """The backend of a running run, regardless of the current settings."""
    return RayBackend(run.job.partition("/api/jobs/")[0]) if run.job else LocalBackend()
