"""Workers as jobs on a Ray cluster, through the REST interface of Ray's dashboard.

Ray's own client would cost the web process 70 MB and a second, and the machine that submits an install of Ray. The
nodes must see Graft and the workspace at the paths they have here. Ray fails a job that has been pending for 15
minutes, and cannot cancel a pending one; so the queue submits only as many runs as the cluster has resources for, and
a job's resource requests keep Ray from overcommitting a node.
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
from core.jobs.devices import Capacity, gpu_indices
from core.jobs.warm import MEMORY
from core.schemas import Failure, RunRecord
from core.settings import ROOT, get_settings
from core.store.runs import run_folder

JOB = "GRAFT_JOB"  # the variable with the address of a worker's own job
DASHBOARD_PORT = 8265
ANSWER_SECONDS = 5.0
KEPT_SECONDS = 2.0  # how long an answer is cached
AWAY_SECONDS = 10.0  # how long pages do not retry a cluster that did not answer
STOP_SECONDS = 6.0  # Ray kills after three
UNSEEN = 66  # exit code of a job on a node without access to the workspace or Graft

KILLED = Failure(
    kind="killed",
    message="The worker process ended unexpectedly.",
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

_away: dict[str, float] = {}  # clusters that did not answer, and until when they are not retried


class RayBackend:
    """The cluster at an address as Ray knows it: `http://HOST:8265`, `ray://HOST:10001`, `HOST:6379` or `auto`."""

    warms = False

    def __init__(self, address: str) -> None:
        self.url = dashboard_url(address)

    def capacity(self) -> Capacity:
        """GPUs are counted through all nodes, but a run has those of one node."""
        nodes = self._nodes()
        gpus = [int(node.get("GPU", 0)) for node in nodes]
        cpus = self._cpus()
        return Capacity(
            gpus=tuple(range(sum(gpus))),
            together=max(gpus, default=0),
            slots=sum(int(min(node.get("CPU", 0) // cpus, node.get("memory", 0) // MEMORY)) for node in nodes),
            where="the Ray cluster",
        )

    def submit(self, run: RunRecord, on_exit: Callable[[], object]) -> dict[str, Any]:
        name = f"graft-{run.id}-{secrets.token_hex(3)}"  # a resumed run is another job
        job = f"{self.url}/api/jobs/{name}"
        gpus, cpus = len(gpu_indices(run.device)), self._cpus()
        own = {k: v for k, v in os.environ.items() if k.startswith("GRAFT_") or k == "KERAS_BACKEND"}
        variables = {JOB: job, "GRAFT_RAY_ADDRESS": self.url, "GRAFT_THREADS": str(cpus)}
        wanted = {
            "submission_id": name,
            "entrypoint": _job_command(run.id),
            "entrypoint_num_cpus": 1 if gpus else cpus,
            "entrypoint_num_gpus": gpus,
            "entrypoint_memory": MEMORY,
            "metadata": {"run": run.id, "name": run.name},
            "runtime_env": {"env_vars": own | local.worker_environment(cpus) | variables},
        }
        request_json(f"{self.url}/api/jobs/", wanted)
        threading.Thread(target=_watch_job, args=(job, on_exit), name=f"watch-{run.id}", daemon=True).start()
        return {"job": job}

    def failure(self, run: RunRecord) -> Failure | None:
        try:
            details = _cached_json(run.job)
        except ClusterError:  # it may still be running
            return None
        if _at_work(details):
            return None
        if details and details.get("driver_exit_code") == UNSEEN:
            return BLIND
        return NOT_STARTED if details and run.state == "starting" and details["status"] == "FAILED" else KILLED

    def stop(self, run: RunRecord) -> None:
        """A job that is still pending ends by itself when it starts, as its run has been cancelled."""
        request_json(f"{run.job}/stop", {})
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and (request_json(run.job) or {}).get("status") == "RUNNING":
            time.sleep(0.1)

    def _cpus(self) -> int:
        """CPUs of one run: as many as a worker may use, but no more than a node has."""
        largest = int(max((node.get("CPU", 0) for node in self._nodes()), default=0))
        return max(1, min(get_settings().threads, largest))

    def _nodes(self) -> list[dict[str, float]]:
        """What each living node has: `CPU`, `GPU`, and `memory` in bytes."""
        url = f"{self.url}/api/v0/nodes?detail=1&limit=10000"
        try:
            nodes = _cached_json(url)["data"]["result"]["result"]
            return [node["resources_total"] for node in nodes if node["state"] == "ALIVE"]
        except (KeyError, TypeError) as error:
            raise ClusterError(f"What answers at {self.url} is no Ray dashboard.", HINT) from error


def dashboard_url(address: str) -> str:
    """The URL of a cluster's dashboard, by default port 8265 of the head node."""
    if address.startswith(("http://", "https://")):
        return address.rstrip("/")
    host = "127.0.0.1" if address == "auto" else urlsplit(address if "//" in address else f"//{address}").hostname
    return f"http://{f'[{host}]' if ':' in (host or '') else host}:{DASHBOARD_PORT}"


def request_json(url: str, body: dict[str, Any] | None = None) -> Any:
    """The dashboard's JSON response to a GET, or to a POST of `body`; None for status 404.

    `ClusterError` when it does not answer within seconds, or refuses.
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
        raise _no_answer_error(root) from error
    except ValueError as error:
        raise ClusterError(f"What answers at {root} is no Ray dashboard.", HINT) from error


def _cached_json(url: str) -> Any:
    """The dashboard's response, cached for a moment; one that did not answer is not retried for a while."""
    root = _root(url)
    if time.monotonic() < _away.get(root, 0):
        raise _no_answer_error(root)
    return _remembered_json(url, int(time.monotonic() / KEPT_SECONDS))


@lru_cache(maxsize=256)
def _remembered_json(url: str, _moment: int) -> Any:
    return request_json(url)


def _root(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _no_answer_error(root: str) -> ClusterError:
    return ClusterError(f"The Ray cluster at {root} does not answer.", HINT)


def _at_work(job: Any) -> bool:
    return bool(job) and job.get("status") in ("PENDING", "RUNNING")


def _watch_job(job: str, on_exit: Callable[[], object]) -> None:
    while True:
        time.sleep(KEPT_SECONDS)
        try:
            if not _at_work(_cached_json(job)):
                break
        except ClusterError:
            continue
    on_exit()


def _job_command(run_id: str) -> str:
    """The shell command of a job; the worker's output goes to the run's log."""
    folder, python = shlex.quote(str(run_folder(run_id).resolve())), shlex.quote(sys.executable)
    return (
        f"cd {shlex.quote(str(ROOT))} && test -d {folder} && test -x {python} || exit {UNSEEN}; "
        f"exec {python} -m core.training.worker {run_id} >> {folder}/log.txt 2>&1"
    )
