"""What is told to an address when a run ends, and that nothing there can do harm."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.errors import InputError
from core.jobs import webhook
from core.schemas import Failure, ResolvedSpec, RunRecord
from core.settings import get_settings
from core.store import runs


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[tuple[str, object]]]]:
    """Listens, answers with a status or hangs, and gives the (content type, document) of every request."""
    servers: list[ThreadingHTTPServer] = []
    release = threading.Event()

    def listen(status: int = 200, hang: bool = False) -> list[tuple[str, object]]:
        got: list[tuple[str, object]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append((self.headers["Content-Type"], json.loads(body)))
                if hang:
                    release.wait(60)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        monkeypatch.setenv("GRAFT_WEBHOOK", f"http://127.0.0.1:{servers[-1].server_port}/secret")
        return got

    yield listen
    release.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def run(workspace: object) -> RunRecord:
    made = runs.create_run(
        ResolvedSpec(data="birds@abc"), name="örn", dataset="birds", version="abc", test_hash="t", n=9
    )
    ended = runs.update_run(made.id, state="succeeded", metrics={"accuracy": 0.9})
    assert ended is not None
    return ended


@pytest.fixture(autouse=True)
def at_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "graft.webhook")


def test_one_document_says_how_the_run_ended(receiver, run, caplog):
    got = receiver()
    webhook.send_webhook(run.id)
    told = {"run": run.id, "name": "örn", "state": "succeeded", "dataset": "birds", "version": "abc"}
    assert got == [("application/json", told | {"metrics": {"accuracy": 0.9}, "failure": None})]
    assert "answered 200" in caplog.text


def test_a_failure_is_told_with_its_remedy(receiver, run):
    got = receiver()
    failure = Failure(kind="disk_full", message="The disk is full.", hint="Delete something.")
    runs.update_run(run.id, state="failed", failure=failure)
    webhook.send_webhook(run.id)
    assert got[0][1]["failure"] == failure.model_dump()


@pytest.mark.parametrize("status", [404, 500])
def test_a_receiver_that_refuses_is_logged_without_its_address(receiver, run, caplog, status):
    receiver(status)
    webhook.send_webhook(run.id)
    assert str(status) in caplog.text
    assert "secret" not in caplog.text
    assert runs.get_run(run.id) == run


def test_nobody_there_is_logged(run, monkeypatch, caplog):
    with socket.socket() as taken:  # bound and not listening: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GRAFT_WEBHOOK", f"http://127.0.0.1:{taken.getsockname()[1]}/")
        webhook.send_webhook(run.id)
    assert "could not be reached" in caplog.text
    assert runs.get_run(run.id) == run


def test_a_receiver_that_hangs_is_not_waited_for(receiver, run, monkeypatch, caplog):
    got = receiver(hang=True)
    monkeypatch.setattr(webhook, "SECONDS", 0.3)
    webhook.send_webhook(run.id)
    assert len(got) == 1
    assert "did not answer" in caplog.text or "timed out" in caplog.text
    assert runs.get_run(run.id) == run


@pytest.mark.parametrize("state", ["queued", "starting", "running"])
def test_a_run_that_has_not_ended_is_not_told(receiver, run, state):
    got = receiver()
    runs.update_run(run.id, state=state)
    webhook.send_webhook(run.id)
    assert got == []


@pytest.mark.parametrize("address", ["ftp://a/b", "file:///etc/passwd", "example.org"])
def test_only_http_is_an_address(monkeypatch, address):
    monkeypatch.setenv("GRAFT_WEBHOOK", address)
    with pytest.raises(InputError, match="GRAFT_WEBHOOK"):
        get_settings()
