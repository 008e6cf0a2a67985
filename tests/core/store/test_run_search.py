"""Runs are found by what they are and by words of one's own, in the order wanted; the bin keeps them for a month."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from core.errors import InputError
from core.schemas import ResolvedSpec, RunRecord, now
from core.store import run_search, runs
from core.store.database import transaction
from core.store.run_search import RunQuery, find_runs


def make(name: str, dataset: str = "d", strategy: str = "linear_probe", **changes: object) -> RunRecord:
    spec = ResolvedSpec(data=f"{dataset}@v", strategy=strategy)
    run = runs.create_run(spec, name=name, dataset=dataset, version="v", test_hash="t", n=9)
    found = runs.update_run(run.id, **({"state": "succeeded"} | changes))
    assert found
    return found


def names(**wanted: object) -> list[str]:
    return [run.name for run in find_runs(RunQuery.model_validate(wanted), "name")[0]]


def test_every_filter_counts(workspace: Path) -> None:
    make("a", tags=("night",))
    make("b", dataset="e", starred=True)
    make("c", strategy="two_stage", state="failed", note="Blurred at night")
    assert names() == ["a", "b", "c"]
    assert names(dataset="e") == names(starred=True) == ["b"]
    assert names(strategy="two_stage") == names(state="failed") == ["c"]
    assert names(words="NIGHT") == ["a", "c"] and names(words="night blur") == ["c"]
    assert names(words="%") == names(words="_") == []


def test_orders_and_pages_are_the_databases(workspace: Path) -> None:
    for i, score in enumerate((0.5, 0.9, 0.7)):
        make(f"run {i}", metrics={"accuracy": score}, started=now(), finished=now() + timedelta(seconds=10 - i))
    make("unscored")
    best = [run.name for run in find_runs(RunQuery(), "best")[0]]
    assert best == ["run 1", "run 2", "run 0", "unscored"]
    assert [run.name for run in find_runs(RunQuery(), "longest")[0]][:3] == ["run 0", "run 1", "run 2"]
    page, n = find_runs(RunQuery(), "best", first=1, most=2)
    assert [run.name for run in page] == best[1:3] and n == 4


def test_the_bin_hides_restores_and_forgets_after_a_month(workspace: Path) -> None:
    run, old = make("young"), make("old")
    for one in (run, old):
        runs.bin_run(one.id)
    runs.update_run(old.id, binned=now() - timedelta(days=31))
    assert names() == [] and runs.list_runs() == []
    assert [r.name for r in runs.binned_runs()] == ["young"]
    assert not runs.run_folder(old.id).exists()
    assert runs.get_run(run.id).binned is not None
    runs.restore_run(run.id)
    assert names() == ["young"] and not run_search.is_bin_used()
    with pytest.raises(InputError, match="not in the bin"):
        runs.restore_run(run.id)


def test_a_queued_run_in_the_bin_never_starts_and_one_at_work_is_refused(workspace: Path) -> None:
    queued, busy = make("queued", state="queued"), make("busy", state="running")
    assert runs.bin_run(queued.id).state == "cancelled"
    with pytest.raises(InputError, match="still at work"):
        runs.bin_run(busy.id)


def test_an_index_of_an_earlier_graft_is_written_anew(workspace: Path) -> None:
    from core.store import database

    make("kept", tags=("old",))
    with transaction() as connection:
        connection.execute(text("DROP TABLE runs"))
        connection.execute(text("CREATE TABLE runs (id VARCHAR PRIMARY KEY, name VARCHAR, record TEXT)"))
    database._engine.cache_clear()
    assert names() == [] and run_search.datasets_with_runs() == ["d"]
    assert names(words="old") == ["kept"]
