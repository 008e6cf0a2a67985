"""How long a run will take."""

from datetime import timedelta

import pytest

from core.methods.estimate import baseline_seconds, estimated_seconds, seconds_left
from core.schemas import ResolvedSpec, now
from core.store import runs

PROBE = ResolvedSpec(data="x@abc", strategy="linear_probe", backbone="efficientnet_lite0", image_size=224)


def finished(seconds: float, n: int = 100) -> None:
    run = runs.create_run(PROBE, name="a", dataset="x", version="abc", test_hash="", n=n)
    start = now()
    runs.update_run(run.id, state="succeeded", started=start, finished=start + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "more",
    [
        {"image_size": 320},
        {"backbone": "efficientnet_lite2"},
        {"strategy": "textbook", "epochs": 400},
        {"folds": 5},
        {"strategy": "two_stage", "fine_tune_epochs": 5},
    ],
)
def test_more_work_takes_longer(workspace, more):
    spec = PROBE.model_copy(update=more)
    assert estimated_seconds(spec, 100) > estimated_seconds(PROBE, 100)
    assert estimated_seconds(spec, 1000) > estimated_seconds(spec, 100)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_it_learns_how_fast_this_machine_is(workspace, factor):
    for _ in range(3):
        finished(factor * baseline_seconds(PROBE, 100))
    assert estimated_seconds(PROBE, 100) == pytest.approx(factor * baseline_seconds(PROBE, 100), rel=0.01)


def test_one_strange_run_does_not_spoil_it(workspace):
    finished(100_000)
    assert estimated_seconds(PROBE, 100) <= 4 * baseline_seconds(PROBE, 100)
    for _ in range(4):
        finished(baseline_seconds(PROBE, 100))
    assert estimated_seconds(PROBE, 100) == pytest.approx(baseline_seconds(PROBE, 100), rel=0.01)


def test_time_left_is_unknown_before_the_start_and_never_runs_out(workspace):
    run = runs.create_run(PROBE, name="a", dataset="x", version="abc", test_hash="", n=100)
    assert seconds_left(run) is None
    assert seconds_left(run.model_copy(update={"started": now()})) > 1
    assert seconds_left(run.model_copy(update={"started": now() - timedelta(days=1)})) == 1


def test_a_source_that_was_deleted_since_spoils_no_estimate(workspace):
    finished(20)
    gone = runs.list_runs()[0]
    spec = PROBE.model_copy(update={"backbone": f"run:{gone.id}"})
    runs.delete_run(gone.id)
    record = runs.create_run(spec, name="b", dataset="x", version="abc", test_hash="", n=100)
    start = now()
    runs.update_run(record.id, state="succeeded", started=start, finished=start + timedelta(seconds=9))
    assert estimated_seconds(PROBE, 100) > 0
    assert baseline_seconds(spec, 100) == baseline_seconds(PROBE, 100)
