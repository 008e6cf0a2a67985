"""Wherever a run finds the disk full, an event, a checkpoint or its own end, it says so and its record is whole."""

import pytest

from core.data.importing import import_data
from core.jobs import queue
from core.schemas import TrainingSpec, now
from core.store import files, runs
from core.training.worker import process as worker
from tests.core.training.worker.test_process import small_disk  # noqa: F401

pytestmark = pytest.mark.training


def fill_up(run_id: str) -> None:
    """Take the last byte."""
    with (runs.run_folder(run_id) / "large").open("wb", buffering=0) as file:
        for size in (2**14, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def many_events(run, recorder):
    for epoch in range(1, 10_000):
        recorder.epoch(epoch, {"loss": 1.0})


def checkpoint(run, recorder):
    path = recorder.next_checkpoint()
    path.parent.mkdir(exist_ok=True)
    files.write_text(path, "x" * 10**6)


def result(run, recorder):
    files.write_json(runs.run_folder(run.id) / "metrics.json", {"facts": "x" * 10**6})


@pytest.mark.parametrize("writing", [many_events, checkpoint, result])
def test_a_run_that_cannot_write_ends_as_failed_for_the_full_disk(small_disk, monkeypatch, tmp_path, writing):  # noqa: F811
    path = tmp_path / "rows.csv"
    path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(40)))
    dataset = import_data(path, target="kind", name="rows").dataset
    record = queue.enqueue(TrainingSpec(data=dataset.id))
    runs.update_run(record.id, state="starting", started=now())

    def train(run, recorder):
        fill_up(run.id)
        writing(run, recorder)
        raise AssertionError("there was room after all")

    monkeypatch.setattr(worker, "_train", train)
    worker.execute_run(record.id)
    run = runs.get_run(record.id)
    assert (run.state, run.failure.kind) == ("failed", "disk_full"), run.failure
    assert runs.read_events(record.id)[-1].phase == "failed"
    (small_disk / "runs" / record.id / "large").unlink()
