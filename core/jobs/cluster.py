"""Workers on a Ray cluster: a job each, by the REST interface of Ray's dashboard.

Ray's own client would cost the web process 70 MB and a second, and the machine that submits an install of Ray. The
nodes must see Graft and the workspace at the paths they have here. Ray gives up a job that has waited for a place for
15 minutes, and does not let go of one that waits; so the queue hands over only as many runs as the cluster has room
for, and a job's needs keep Ray from putting two in one place.
"""

import http.client
import json
import os
import secrets
import shlex
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from core.errors import ClusterError
from core.jobs import local
from core.jobs.devices import Room, indices
from core.jobs.warm import MEMORY
from core.schemas import Failure, RunRecord
from core.settings import get_settings
from core.store.runs import run_folder

JOB = "GRAFT_JOB"  # the variable that tells a worker the address of its own job
DASHBOARD_PORT = 8265
ANSWER_SECONDS = 5.0
KEPT_SECONDS = 2.0  # how long an answer is used
AWAY_SECONDS = 10.0  # for how long pages do not ask again a cluster that did not answer
STOP_SECONDS = 6.0  # Ray kills after three
UNSEEN = 66  # exit code of a job whose node sees no workspace or no Graft

KILLED = Failure(
    kind="killed",
    message="The worker process ended without a word.",
    hint="The system may have run out of memory or was restarted. Start the run again.",
)
BLIND = Failure(
    kind="cluster",
    message="A node of the Ray cluster does not see the run's folder, or Graft itself.",
    hint="Put GRAFT_HOME and Graft on a file system that all nodes share, under the same paths.",
)
NOT_STARTED = Failure(
    kind="cluster",
    message="Ray did not start the run: no node had room for it, or its node failed.",
    hint="Look at the nodes on Ray's dashboard, then start the run again.",
)
HINT = "Start the cluster, correct RAY_ADDRESS, or unset it to train on this machine."

_away: dict[str, float] = {}  # clusters that did not answer, and until when they are left alone


class Cluster:
    """The cluster at an address as Ray knows it: `http://HOST:8265`, `ray://HOST:10001`, `HOST:6379` or `auto`."""

    warms = False

    def __init__(self, address: str) -> None:
        self.url = dashboard(address)

    def room(self) -> Room:
        """GPUs are counted through all nodes, but a run has those of one node."""
        nodes = self._nodes()
        gpus = [int(node.get("GPU", 0)) for node in nodes]
        cpus = self._cpus()
        return Room(
            gpus=tuple(range(sum(gpus))),
            together=max(gpus, default=0),
            slots=sum(int(min(node.get("CPU", 0) // cpus, node.get("memory", 0) // MEMORY)) for node in nodes),
            where="the Ray cluster",
        )

    def submit(self, run: RunRecord, on_exit: Callable[[], object]) -> dict[str, Any]:
        name = f"graft-{run.id}-{secrets.token_hex(3)}"  # a resumed run is another job
        job = f"{self.url}/api/jobs/{name}"
        gpus, cpus = len(indices(run.device)), self._cpus()
        own = {k: v for k, v in os.environ.items() if k.startswith("GRAFT_") or k == "KERAS_BACKEND"}
        told = {JOB: job, "GRAFT_RAY_ADDRESS": self.url, "GRAFT_THREADS": str(cpus)}
        wanted = {
            "submission_id": name,
            "entrypoint": _command(run.id),
            "entrypoint_num_cpus": 1 if gpus else cpus,
            "entrypoint_num_gpus": gpus,
            "entrypoint_memory": MEMORY,
            "metadata": {"run": run.id, "name": run.name},
            "runtime_env": {"env_vars": own | local.environment(cpus) | told},
        }
        ask(f"{self.url}/api/jobs/", wanted)
        threading.Thread(target=_watch, args=(job, on_exit), name=f"watch-{run.id}", daemon=True).start()
        return {"job": job}

    def loss(self, run: RunRecord) -> Failure | None:
        try:
            found = _look(run.job)
        except ClusterError:  # it may well be at work
            return None
        if _at_work(found):
            return None
        if found and found.get("driver_exit_code") == UNSEEN:
            return BLIND
        return NOT_STARTED if found and run.state == "starting" and found["status"] == "FAILED" else KILLED

    def stop(self, run: RunRecord) -> None:
        """A job that still waits for a place ends by itself as soon as it gets one: its run has been cancelled."""
        ask(f"{run.job}/stop", {})
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and (ask(run.job) or {}).get("status") == "RUNNING":
            time.sleep(0.1)

    def _cpus(self) -> int:
        """CPUs of one run: as many as a worker may use, but no more than a node has."""
        largest = int(max((node.get("CPU", 0) for node in self._nodes()), default=0))
        return max(1, min(get_settings().threads, largest))

    def _nodes(self) -> list[dict[str, float]]:
        """What each living node has: `CPU`, `GPU`, and `memory` in bytes."""
        url = f"{self.url}/api/v0/nodes?detail=1&limit=10000"
        try:
            found = _look(url)["data"]["result"]["result"]
            return [node["resources_total"] for node in found if node["state"] == "ALIVE"]
        except (KeyError, TypeError) as error:
            raise ClusterError(f"What answers at {self.url} is no Ray dashboard.", HINT) from error


def dashboard(address: str) -> str:
    """The address of a cluster's dashboard, which Ray serves at port 8265 of the head unless told otherwise."""
    if address.startswith(("http://", "https://")):
        return address.rstrip("/")
    host = "127.0.0.1" if address == "auto" else urlsplit(address if "//" in address else f"//{address}").hostname
    return f"http://{f'[{host}]' if ':' in (host or '') else host}:{DASHBOARD_PORT}"


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    """What the dashboard answers, POSTing `body` if there is one; None for what it does not know.

    `ClusterError` where it does not answer within seconds, or refuses.
    """
    root = _root(url)
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token := os.environ.get("RAY_AUTH_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == http.client.NOT_FOUND:
            return None
        hint = "Its dashboard's log says why; a cluster that wants a token takes it from RAY_AUTH_TOKEN."
        raise ClusterError(f"The Ray cluster at {root} refused with status {error.code}.", hint) from error
    except (OSError, http.client.HTTPException) as error:
        _away[root] = time.monotonic() + AWAY_SECONDS
        raise _no_answer(root) from error
    except ValueError as error:
        raise ClusterError(f"What answers at {root} is no Ray dashboard.", HINT) from error


def _look(url: str) -> Any:
    """What the dashboard answers, or did a moment ago; one that gave no answer is left alone for a while."""
    root = _root(url)
    if time.monotonic() < _away.get(root, 0):
        raise _no_answer(root)
    return _kept(url, int(time.monotonic() / KEPT_SECONDS))


@lru_cache(maxsize=256)
def _kept(url: str, _moment: int) -> Any:
    return ask(url)


def _root(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _no_answer(root: str) -> ClusterError:
    return ClusterError(f"The Ray cluster at {root} does not answer.", HINT)


def _at_work(job: Any) -> bool:
    return bool(job) and job.get("status") in ("PENDING", "RUNNING")


def _watch(job: str, on_exit: Callable[[], object]) -> None:
    while True:
        time.sleep(KEPT_SECONDS)
        try:
            if not _at_work(_look(job)):
                break
        except ClusterError:
            continue
    on_exit()


def _command(run_id: str) -> str:
    """The shell command of a job; what the worker says goes to the run's log, as everywhere."""
    folder, python = shlex.quote(str(run_folder(run_id).resolve())), shlex.quote(sys.executable)
    return (
        f"cd {shlex.quote(str(local.ROOT))} && test -d {folder} && test -x {python} || exit {UNSEEN}; "
        f"exec {python} -m core.training.worker {run_id} >> {folder}/log.txt 2>&1"
    )
