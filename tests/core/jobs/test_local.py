"""A worker is a process of its own, known by id and time of birth."""

import os
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from core.jobs import local
from core.schemas import ResolvedSpec
from core.store import runs


@pytest.fixture
def run_id(workspace: Path, real_processes: None) -> str:
    spec = ResolvedSpec(data="rows@abc")
    return runs.create_run(spec, name="a", dataset="rows", version="abc", test_hash="t", n=1).id


@pytest.fixture
def fake_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the interpreter, a shell script that tells how it was called."""
    script = tmp_path / "python"
    script.write_text(
        '#!/bin/sh\necho "$@"\necho "home=$GRAFT_HOME threads=$OMP_NUM_THREADS in=$PWD"\nps -o sid= $$\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(local.sys, "executable", str(script))


def start(run_id: str) -> tuple[str, int]:
    ended = threading.Event()
    pid, pid_created = local.start_worker(run_id, on_exit=ended.set)
    assert ended.wait(30)
    assert not local.is_alive(pid, pid_created)
    return runs.read_log(run_id), pid


def test_output_goes_to_the_runs_log_and_the_end_is_told(run_id, fake_python):
    log, _ = start(run_id)
    assert log.startswith(f"-m core.training.worker {run_id}\n")


def test_a_worker_gets_its_threads_and_a_session_of_its_own(run_id, fake_python, monkeypatch):
    monkeypatch.setenv("GRAFT_THREADS", "3")
    log, pid = start(run_id)
    assert "threads=3" in log
    assert int(log.splitlines()[-1]) == pid != os.getsid(0)


def test_a_relative_workspace_means_the_same_folder_to_the_worker(run_id, workspace, fake_python, monkeypatch):
    monkeypatch.chdir(workspace.parent)
    monkeypatch.setenv("GRAFT_HOME", workspace.name)
    log, _ = start(run_id)
    assert f"home={workspace} " in log
    assert f"in={local.ROOT}" in log


def test_alive_means_this_very_process():
    process = subprocess.Popen(["sleep", "60"])
    born = local.creation_time(process.pid)
    assert local.is_alive(process.pid, born)
    assert not local.is_alive(process.pid, born - 100)
    assert not local.is_alive(None, None)
    process.kill()
    psutil.Process(process.pid)  # still there, as a zombie, until somebody asks how it ended
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert not local.is_alive(process.pid, born)
    process.wait()
    assert not local.is_alive(process.pid, born)
    assert local.creation_time(process.pid) == 0


def test_stopping_leaves_a_stranger_with_the_same_id_alone():
    process = subprocess.Popen(["sleep", "60"])
    try:
        local.stop_process(process.pid, local.creation_time(process.pid) - 100)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
