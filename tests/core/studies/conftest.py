"""A dataset, and workers that end at once with a loss that is a function of their settings."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from core.data.importing import import_data
from core.jobs import local
from core.schemas import ACTIVE, DatasetRecord, Event, Failure, RunRecord, now
from core.store import runs
from core.studies import searching

Judge = Callable[[RunRecord], float]


@pytest.fixture
def dataset(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetRecord:
    monkeypatch.setattr(searching, "POLL", 0.001)
    path = tmp_path / "rows.csv"
    path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(40)))
    return import_data(path, target="kind", name="rows").dataset


def bowl(run: RunRecord) -> float:
    """A loss that is least, 0, where the penalty is 1."""
    return math.log10(run.spec.l2 or 1.0) ** 2


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A function that puts a made-up worker in the place of the real one, and gives the ids of what it trained."""

    def use(judge: Judge = bowl, epochs: int = 0) -> list[str]:
        done: list[str] = []

        def start(run_id: str, on_exit: Callable[[], object]) -> tuple[int, float]:
            done.append(run_id)
            run = runs.get_run(run_id)
            loss = judge(run)
            for epoch in range(1, epochs + 1):
                runs.append_event(run_id, Event(phase="network", epoch=epoch, values={"val_loss": loss + 1 / epoch}))
            failed = None if loss < 100 else Failure(kind="not_a_number", message="The loss is no number.")
            runs.update_run(
                run_id,
                expect=ACTIVE,
                state="failed" if failed else "succeeded",
                failure=failed,
                metrics={} if failed else {"validation_loss": loss, "validation_accuracy": 1 / (1 + loss)},
                finished=now(),
            )
            return 0, 0.0

        monkeypatch.setattr(local, "start_worker", start)
        return done

    return use
