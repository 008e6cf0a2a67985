"""What a worker tells the world."""

import pytest

from core.schemas import ResolvedSpec
from core.store import runs
from core.training.recorder import Recorder


@pytest.fixture
def recorder(workspace) -> Recorder:
    run = runs.create_run(ResolvedSpec(data="x@abc"), name="a", dataset="x", version="abc", test_hash="", n=1)
    return Recorder(run.id)


def test_a_phase_shows_in_the_row_at_once_and_the_last_epoch_too(recorder):
    recorder.phase("head", 50)
    for epoch in range(1, 51):
        recorder.epoch(epoch, {"loss": 1.0})
    run = runs.get_run(recorder.run_id)
    assert (run.phase, run.epoch, run.epochs) == ("head", 50, 50)
    events = runs.read_events(recorder.run_id)
    assert [e.epoch for e in events] == [0, *range(1, 51)]


def test_a_prefix_stands_before_every_phase(recorder):
    recorder.prefix = "fold 2 of 5"
    recorder.phase("head")
    assert runs.get_run(recorder.run_id).phase == "fold 2 of 5 · head"


def test_a_note_is_kept_once(recorder):
    recorder.note("stage one was kept")
    recorder.note("stage one was kept")
    assert recorder.notes == ["stage one was kept"]
    assert [e.note for e in runs.read_events(recorder.run_id)] == ["stage one was kept"]


def test_times_of_one_name_add_up_even_when_a_block_fails(recorder):
    with recorder.timed("fit"):
        pass
    before = recorder.seconds["fit"]

    def fail() -> None:
        with recorder.timed("fit"):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert recorder.seconds["fit"] >= before
    assert set(recorder.seconds) == {"fit"}


def test_a_block_inside_another_counts_once(recorder, monkeypatch):
    clock = iter([0.0, 1.0, 4.0, 10.0])
    monkeypatch.setattr("core.training.recorder.time.perf_counter", lambda: next(clock))
    with recorder.timed("fit"), recorder.timed("embed"):
        pass
    assert recorder.seconds == {"embed": 3.0, "fit": 7.0}
