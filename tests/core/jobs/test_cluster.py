"""A Ray cluster: runs are what they are on one machine. Most is asked of a made-up dashboard, the rest of Ray."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from core.data.importing import import_data
from core.errors import ClusterError, InputError
from core.jobs import backends, cluster, queue
from core.schemas import ResolvedSpec, RunRecord, TrainingSpec, now
from core.store import runs
from tests.core.jobs.sleeping import until

GB = 2**30
WATCH = cluster._watch_job


# With a made-up dashboard ------------------------------------------------------------------------------------------


class Dashboard(ThreadingHTTPServer):
    """Answers as Ray's does: jobs by their name, and `nodes` with what each has."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.jobs: dict[str, dict[str, Any]] = {}
        self.submitted: list[dict[str, Any]] = []
        self.nodes = [{"CPU": 4.0, "memory": 16.0 * GB}]
        self.asked: list[str] = []
        self.tokens: list[str | None] = []
        self.status, self.delay, self.text = 200, 0.0, ""


class _Handler(BaseHTTPRequestHandler):
    server: Dashboard

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        if self.path.startswith("/api/v0/nodes"):
            found = [{"state": "ALIVE", "resources_total": node} for node in self.server.nodes]
            self.answer(
                {"data": {"result": {"result": [*found, {"state": "DEAD", "resources_total": {"GPU": 8.0}}]}}}
            )
        else:
            self.answer(self.server.jobs.get(name))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/stop"):
            job = self.server.jobs[self.path.split("/")[-2]]
            job["status"] = "STOPPED" if job["status"] == "RUNNING" else job["status"]
            self.answer({"stopped": True})
        elif self.server.status == 200:
            self.server.submitted.append(body)
            self.server.jobs[body["submission_id"]] = {"status": "PENDING", "driver_exit_code": None}
            self.answer({"submission_id": body["submission_id"]})
        else:
            self.answer({})

    def answer(self, document: Any) -> None:
        self.server.asked.append(self.path)
        self.server.tokens.append(self.headers["Authorization"])
        if self.server.delay:
            time.sleep(self.server.delay)
            return
        self.send_response(self.server.status if document is not None else 404)
        self.end_headers()
        self.wfile.write((self.server.text or json.dumps(document)).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    cluster._away.clear()
    monkeypatch.setattr(cluster, "KEPT_SECONDS", 0.01)
    monkeypatch.setattr(cluster, "_watch_job", lambda job, on_exit: None)  # its threads would outlive the test
    monkeypatch.setenv("GRAFT_THREADS", "2")
    with Dashboard() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        monkeypatch.setenv("RAY_ADDRESS", server.url)
        yield server
        server.shutdown()


def submit(dataset: str, **changes: Any) -> RunRecord:
    return queue.submit(TrainingSpec(data=dataset, **{"learner": "logistic_regression"} | changes))


def job_of(ray: Dashboard, run: RunRecord) -> dict[str, Any]:
    return ray.jobs[runs.get_run(run.id).job.rsplit("/", 1)[-1]]


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://head:8265/", "http://head:8265"),
        ("https://head/ray", "https://head/ray"),
        ("ray://head:10001", "http://head:8265"),
        ("10.0.0.4:6379", "http://10.0.0.4:8265"),
        ("[::1]:6379", "http://[::1]:8265"),
        ("auto", "http://127.0.0.1:8265"),
    ],
)
def test_an_address_in_any_of_ray_s_forms_leads_to_the_dashboard(address, url):
    assert cluster.dashboard_url(address) == url


def test_as_many_runs_are_handed_over_as_the_nodes_have_room_for(dataset, ray):
    ray.nodes = [{"CPU": 4.0, "memory": 16.0 * GB}, {"CPU": 8.0, "memory": 3.0 * GB}, {"memory": 8.0 * GB}]
    states = [submit(dataset.id, seed=seed).state for seed in range(5)]
    assert states == ["starting"] * 3 + ["queued"] * 2
    wanted = ray.submitted[0]
    assert (wanted["entrypoint_num_cpus"], wanted["entrypoint_num_gpus"]) == (2, 0)
    assert wanted["runtime_env"]["env_vars"]["OMP_NUM_THREADS"] == "2"
    assert wanted["runtime_env"]["env_vars"]["GRAFT_RAY_ADDRESS"] == ray.url


def test_a_run_on_several_gpus_wants_them_on_one_node(dataset, ray):
    ray.nodes = [{"CPU": 8.0, "GPU": 2.0, "memory": 64.0 * GB}] * 2
    run = submit(dataset.id, learner="network", epochs=2, device="gpu", gpus=2)
    assert run.state == "starting"
    assert (ray.submitted[0]["entrypoint_num_gpus"], ray.submitted[0]["entrypoint_num_cpus"]) == (2, 1)
    with pytest.raises(InputError, match="wants 3 GPUs, and the Ray cluster has 2"):
        submit(dataset.id, learner="network", epochs=2, device="gpu", gpus=3)


def test_a_run_that_waits_in_ray_s_own_queue_goes_on_starting(dataset, ray):
    run = submit(dataset.id)
    runs.update_run(run.id, started=now() - 10 * queue.CLAIM_LIMIT)
    queue.reconcile_runs()
    assert runs.get_run(run.id).state == "starting"


@pytest.mark.parametrize(
    ("found", "state", "kind", "said"),
    [
        ({"status": "FAILED", "driver_exit_code": -9}, "interrupted", "killed", "unexpectedly"),
        (
            {"status": "FAILED", "driver_exit_code": cluster.UNSEEN},
            "failed",
            "cluster",
            "does not see the run's folder",
        ),
        (None, "interrupted", "killed", "unexpectedly"),
    ],
)
def test_a_job_that_has_gone_says_why(dataset, ray, found, state, kind, said):
    run = submit(dataset.id)
    runs.update_run(run.id, state="running")
    name = runs.get_run(run.id).job.rsplit("/", 1)[-1]
    ray.jobs |= {name: found} if found else {}
    if found is None:
        del ray.jobs[name]
    until(lambda: queue.reconcile_runs() or runs.get_run(run.id).ended, 10)
    ended = runs.get_run(run.id)
    assert (ended.state, ended.failure.kind) == (state, kind)
    assert said in ended.failure.message


def test_a_job_that_ray_never_started_is_told_so(dataset, ray):
    run = submit(dataset.id)
    job_of(ray, run)["status"] = "FAILED"
    until(lambda: queue.reconcile_runs() or runs.get_run(run.id).ended, 10)
    assert runs.get_run(run.id).failure == cluster.NOT_STARTED
    assert queue.resume(run.id).state == "starting"
    assert len({body["submission_id"] for body in ray.submitted}) == 2


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_cancelling_stops_the_job_and_lets_the_next_in(dataset, ray, status):
    ray.nodes = [{"CPU": 2.0, "memory": 16.0 * GB}]
    first, second = submit(dataset.id), submit(dataset.id, seed=1)
    job_of(ray, first)["status"] = status
    assert second.state == "queued"
    assert queue.cancel(first.id).state == "cancelled"
    assert runs.get_run(second.id).state == "starting"
    assert any(path.endswith("/stop") for path in ray.asked)


@pytest.mark.parametrize(("states", "limit", "looks"), [(("RUNNING", "RUNNING", "STOPPED"), 60, 3), ((), 0.3, 1)])
def test_stopping_waits_until_the_job_runs_no_longer_but_not_for_ever(monkeypatch, states, limit, looks):
    coming, seen = iter(states), []

    def ask(url: str, body: dict[str, Any] | None = None) -> dict[str, str]:
        if body is None:
            seen.append(next(coming, "RUNNING"))
        return {"status": seen[-1]} if seen else {}

    monkeypatch.setattr(cluster, "request_json", ask)
    monkeypatch.setattr(cluster, "STOP_SECONDS", limit)
    record = RunRecord(
        id="r", name="r", dataset="a", version="b", spec=ResolvedSpec(data="a@b"), job="http://head/job"
    )
    cluster.RayBackend("http://head").stop(record)
    assert len(seen) == looks if states else len(seen) >= looks


def test_the_end_of_a_job_is_noticed_even_though_the_dashboard_was_away_meanwhile(dataset, ray, monkeypatch):
    run = submit(dataset.id)
    monkeypatch.setattr(cluster, "AWAY_SECONDS", 0.05)
    noticed = threading.Event()
    watch = threading.Thread(target=WATCH, args=(runs.get_run(run.id).job, noticed.set))
    watch.start()
    ray.status = 503
    time.sleep(0.1)
    assert not noticed.is_set()
    ray.status = 200
    assert not noticed.wait(0.1)
    job_of(ray, run)["status"] = "SUCCEEDED"
    assert noticed.wait(10)
    watch.join()


def test_without_an_answer_nothing_is_queued_and_a_page_asks_once(dataset, ray, monkeypatch):
    ray.delay = 1
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.2)
    for _ in range(5):
        with pytest.raises(ClusterError, match="does not answer"):
            submit(dataset.id)
    assert runs.list_runs() == []
    assert len(ray.asked) == 1


def test_a_run_at_work_outlives_a_dashboard_that_does_not_answer(dataset, ray, monkeypatch):
    run = submit(dataset.id)
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.2)
    ray.delay = 1
    queue.reconcile_runs()
    assert runs.get_run(run.id).state == "starting"
    with pytest.raises(ClusterError, match="does not answer"):
        queue.cancel(run.id)
    assert runs.get_run(run.id).active


def test_a_refused_run_waits_in_the_queue_and_starts_when_the_cluster_is_back(dataset, ray, monkeypatch):
    monkeypatch.setattr(queue, "RETRY_SECONDS", 0.1)
    real, refused = cluster.request_json, []

    def refuse_twice(url: str, body: Any = None) -> Any:
        if url.endswith("/api/jobs/") and len(refused) < 2:
            refused.append(url)
            raise ClusterError("no")
        return real(url, body)

    monkeypatch.setattr(cluster, "request_json", refuse_twice)
    run = submit(dataset.id)
    assert (run.state, run.device, run.started) == ("queued", "", None)
    until(lambda: runs.get_run(run.id).job, 10)
    assert runs.get_run(run.id).state == "starting"


@pytest.mark.parametrize(("text", "status", "said"), [("hello", 200, "no Ray dashboard"), ("", 401, "status 401")])
def test_another_server_or_a_locked_one_is_told_in_a_sentence(dataset, ray, text, status, said):
    ray.text, ray.status = text, status
    with pytest.raises(ClusterError, match=said):
        submit(dataset.id)


def test_a_token_is_shown_to_the_cluster_that_wants_one(ray, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    backends.current_backend().capacity()
    assert set(ray.tokens) == {"Bearer secret"}


# With Ray itself ---------------------------------------------------------------------------------------------------


def free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def head() -> Iterator[str]:
    """A Ray head with two CPUs of its own: the address of its dashboard."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # its sockets' paths must be short
    port, dashboard, agent, client = free_ports(4)
    command = [
        *(str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--disable-usage-stats"),
        *(f"--port={port}", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}"),
        *(f"--ray-client-server-port={client}", f"--temp-dir={folder}"),
        *("--num-cpus=2", "--object-store-memory=80000000"),
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    log = Path(folder) / "head.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    yield f"http://127.0.0.1:{dashboard}"
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=10)
    for each in left:
        each.kill()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def penguins(head: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("GRAFT_THREADS", "2")
        yield import_data("sample:penguins").dataset.id


@pytest.fixture(scope="module")
def undisturbed(penguins: str) -> RunRecord:
    """Trained on this machine, while the head comes up."""
    return ended(queue.submit(network(penguins)))


@pytest.fixture(scope="module")
def on_ray(head: str, undisturbed: RunRecord) -> Iterator[None]:
    cluster._away.clear()
    until(lambda: _has_room(head), 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", head)
        yield
        for thread in threading.enumerate():
            if thread.name.startswith("watch-"):
                thread.join(10)


def _has_room(head: str) -> bool:
    cluster._away.clear()
    try:
        return cluster.RayBackend(head).capacity().slots > 0
    except ClusterError:
        return False


def network(dataset: str, **changes: Any) -> TrainingSpec:
    return TrainingSpec(data=dataset, **{"learner": "network", "epochs": 40, "seed": 3} | changes)


def ended(run: RunRecord, true: Callable[[RunRecord], object] = lambda run: run.ended) -> RunRecord:
    deadline = time.monotonic() + 120
    while not (true(run) or run.ended):
        assert time.monotonic() < deadline, f"it stayed {run.state}: {runs.read_log(run.id)}"
        time.sleep(0.1)
        queue.reconcile_runs()
        run = runs.get_run(run.id)
    return run


def worker(run: RunRecord) -> psutil.Process:
    return next(p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[-1:] == [run.id])


def curves(run: RunRecord) -> list[tuple[Any, ...]]:
    return [(e.phase, e.epoch, e.epochs, e.values) for e in runs.read_events(run.id) if e.values]


def epochs(run: RunRecord) -> list[tuple[str, int]]:
    return [(phase, epoch) for phase, epoch, _, _ in curves(run)]


@pytest.mark.training
def test_a_cancelled_run_on_ray_ends_and_the_next_one_is_the_run_on_this_machine(penguins, undisturbed, on_ray):
    assert undisturbed.state == "succeeded", runs.read_log(undisturbed.id)
    first, second = queue.submit(network(penguins, epochs=400)), queue.submit(network(penguins))
    process = worker(ended(first, lambda r: r.epoch >= 1))
    assert runs.get_run(second.id).state == "queued"
    assert queue.cancel(first.id).state == "cancelled"
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert [e.phase for e in runs.read_events(first.id)].count("cancelled") == 1

    second = ended(second)
    assert second.state == "succeeded", runs.read_log(second.id)
    assert second.job and not undisturbed.job
    pd.testing.assert_frame_equal(runs.read_predictions(second.id), runs.read_predictions(undisturbed.id))
    assert second.metrics == undisturbed.metrics
    assert curves(second) == curves(undisturbed)
    told = [[e.phase for e in runs.read_events(run.id)] for run in (second, undisturbed)]
    assert told[0] == told[1]
    assert (runs.run_folder(second.id) / "log.txt").exists()


@pytest.mark.training
def test_a_run_killed_on_ray_resumes_to_the_end_of_an_undisturbed_one(penguins, undisturbed, on_ray):
    run = queue.submit(network(penguins))
    os.kill(worker(ended(run, lambda r: r.epoch >= 1)).pid, signal.SIGKILL)
    stopped = ended(run)
    assert (stopped.state, stopped.failure.kind) == ("interrupted", "killed")
    queue.resume(run.id)
    resumed = ended(run)
    assert resumed.state == "succeeded", runs.read_log(run.id)
    assert resumed.job != stopped.job
    pd.testing.assert_frame_equal(runs.read_predictions(run.id), runs.read_predictions(undisturbed.id))
    assert sorted(set(epochs(resumed))) == sorted(epochs(undisturbed))


@pytest.mark.training
def test_a_node_that_does_not_see_the_workspace_says_so(penguins, on_ray, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "run_folder", lambda run_id: tmp_path / "elsewhere" / run_id)
    run = ended(queue.submit(network(penguins)))
    assert (run.state, run.failure) == ("failed", cluster.BLIND)
