"""Where workers run: as processes of this machine, or on a Ray cluster where `RAY_ADDRESS` names one.

The queue knows a `Backend` alone. `chosen` is the one for new runs, `holding` the one that has a given run.
"""

from collections.abc import Callable
from typing import Any, Protocol

from core.jobs import devices, local, warm
from core.jobs.cluster import KILLED, Cluster
from core.jobs.devices import Room
from core.schemas import Failure, RunRecord
from core.settings import get_settings

__all__ = ["KILLED", "Backend", "chosen", "holding"]


class Backend(Protocol):
    """Whatever starts and stops the worker of a run, `python -m core.training.worker RUN_ID`."""

    warms: bool  # whether a worker may be started ahead of its run

    def room(self) -> Room:
        """What runs may have, all together."""

    def submit(self, run: RunRecord, on_exit: Callable[[], object]) -> dict[str, Any]:
        """Start the worker; the fields of the run's record by which it is found again.

        `on_exit` is called in a thread when it has ended while this process still lives. `OSError` where it cannot be
        started, `ClusterError` where nobody answers.
        """

    def loss(self, run: RunRecord) -> Failure | None:
        """Why the worker has gone; None while it is at work, or nobody can tell."""

    def stop(self, run: RunRecord) -> None:
        """Ask the worker to end, and end it after a few seconds."""


class ThisMachine:
    """A process each, one of them perhaps past its imports already."""

    warms = True

    def room(self) -> Room:
        return devices.room()

    def submit(self, run: RunRecord, on_exit: Callable[[], object]) -> dict[str, Any]:
        pid, pid_created = warm.hand_over(run.id) or local.start(run.id, on_exit=on_exit)
        return {"pid": pid, "pid_created": pid_created}

    def loss(self, run: RunRecord) -> Failure | None:
        return None if local.alive(run.pid, run.pid_created) else KILLED

    def stop(self, run: RunRecord) -> None:
        if run.pid is not None and run.pid_created is not None:
            local.stop(run.pid, run.pid_created)


def chosen() -> Backend:
    address = get_settings().ray_address
    return Cluster(address) if address else ThisMachine()


def holding(run: RunRecord) -> Backend:
    """The back end of a run at work, whatever the settings say by now."""
    return Cluster(run.job.partition("/api/jobs/")[0]) if run.job else ThisMachine()
