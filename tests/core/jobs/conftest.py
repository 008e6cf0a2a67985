"""What the tests of the queue and of its devices share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.data.importing import import_data
from core.jobs import local
from core.schemas import DatasetRecord
from core.store import runs
from tests.core.jobs.sleeping import Sleepers


@pytest.fixture
def dataset(workspace: Path, tmp_path: Path) -> DatasetRecord:
    path = tmp_path / "rows.csv"
    path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(40)))
    return import_data(path, target="kind", name="rows").dataset


@pytest.fixture
def sleepers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sleepers]]:
    used: list[Sleepers] = []

    def use(*args: Any, **changes: Any) -> Sleepers:
        used.append(Sleepers(tmp_path / "diary", *args, **changes))
        monkeypatch.setattr(local, "start_worker", used[-1].start)
        return used[-1]

    yield use
    for run in runs.list_runs():
        runs.update_run(run.id, state="cancelled")
    for made in used:
        for process, thread in zip(made.processes, made.threads, strict=True):
            process.kill()
            thread.join()
