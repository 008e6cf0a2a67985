"""What every test shares: a workspace of its own."""

import multiprocessing
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.support import forking, lanes, temporary  # isort: split

from core.jobs import devices, local

temporary.use_memory()
forking.use()
hypothesis.settings.register_profile("untimed", deadline=None)  # how long an example takes says nothing of it
hypothesis.settings.load_profile("untimed")
os.environ["GRAFT_WARM_MINUTES"] = "0"  # a page that is only looked at starts no process


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Quick tests shall not even load what slow ones need."""
    unwanted = lanes.leaves_out_training(config.option.markexpr) and lanes.marked_as_a_whole(collection_path)
    return unwanted or None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    lanes.before(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    yield
    lanes.after(item)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace in a temporary folder, named by `GRAFT_HOME` for this process and those it starts."""
    home = tmp_path / "workspace"
    home.mkdir()
    monkeypatch.setenv("GRAFT_HOME", str(home))
    return home


@pytest.fixture
def real_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start workers as Graft does, where the start itself is what is tested."""
    monkeypatch.setattr(local, "launch_module", forking.start_process)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that gives this process and those it starts `n` made-up GPUs; None for no driver."""

    def use(n: int | None, script: str = "") -> None:
        devices._query_driver.cache_clear()
        monkeypatch.setenv("GRAFT_DEVICES", "all")
        folder = tmp_path / "driver"
        folder.mkdir(exist_ok=True)
        program = folder / "nvidia-smi"
        program.unlink(missing_ok=True)
        if n is not None:
            uses = ["7", "[N/A]", *["50"] * n]
            rows = [f"echo '{i}, GPU-{i}, NVIDIA Made-up, 81559, 12, {uses[i]}'" for i in range(n)]
            program.write_text("\n".join(["#!/bin/sh", script, *rows]))
            program.chmod(0o755)
        if str(folder) not in os.environ["PATH"]:
            monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    return use


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
