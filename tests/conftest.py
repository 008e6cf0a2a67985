"""What every test shares: a workspace of its own."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ["GRAFT_WARM_MINUTES"] = "0"  # a page that is only looked at starts no process


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace in a temporary folder, named by `GRAFT_HOME` for this process and those it starts."""
    home = tmp_path / "workspace"
    home.mkdir()
    monkeypatch.setenv("GRAFT_HOME", str(home))
    return home


@pytest.fixture
def at_once() -> Callable[..., None]:
    """A function that calls `work(number, *args)` in `n` processes, all let go at the same moment."""

    def run(work: Callable[..., object], *args: object, n: int = 8) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["core.jobs.queue", "pytest"])
        barrier = context.Barrier(n)
        processes = [
            context.Process(target=_wait_and_work, args=(barrier, dict(os.environ), work, i, *args)) for i in range(n)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0] * n

    return run


def _wait_and_work(
    barrier: Any, environment: dict[str, str], work: Callable[..., object], number: int, *args: object
) -> None:
    os.environ.update(environment)  # a fork server keeps the environment it was started in
    barrier.wait(60)
    work(number, *args)
