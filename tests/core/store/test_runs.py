"""A run is a folder and a row: whole, unique, and never won by two at once."""

import json
import shutil
from pathlib import Path

import pytest

from core.errors import InputError, NotFoundError
from core.schemas import Event, ResolvedSpec, RunRecord
from core.store import database, runs


def queued(name: str = "probe", dataset: str = "birds") -> RunRecord:
    spec = ResolvedSpec(data=f"{dataset}@abc", strategy="linear_probe", seed=3)
    return runs.create_run(spec, name=name, dataset=dataset, version="abc", test_hash="t", n=10)


def lose_the_database(workspace: Path) -> None:
    database._engine.cache_clear()
    for file in workspace.glob("graft.db*"):
        file.unlink()


def test_names_are_unique_within_a_dataset_only(workspace):
    names = [queued("probe").name, queued("probe").name, queued("probe").name, queued("probe", "fish").name]
    assert names == ["probe", "probe #2", "probe #3", "probe"]


def test_a_run_is_found_by_id_and_by_name_and_an_ambiguous_name_is_refused(workspace):
    run = queued("probe")
    assert runs.get_run("probe") == runs.get_run(run.id) == run
    other = queued("probe", "fish")
    with pytest.raises(InputError, match="2 runs are named “probe”"):
        runs.get_run("probe")
    assert runs.get_run(other.id) == other
    with pytest.raises(NotFoundError, match="“nobody”"):
        runs.get_run("nobody")


def test_an_id_wins_over_a_name_that_looks_like_it(workspace):
    run = queued()
    queued(name=run.id)
    assert runs.get_run(run.id) == run


def test_spec_and_record_lie_in_the_folder_as_they_were_given(workspace):
    run = queued()
    folder = runs.run_folder(run.id)
    assert ResolvedSpec.model_validate_json((folder / "spec.json").read_text()) == run.spec
    assert RunRecord.model_validate_json((folder / "run.json").read_text()) == run


def test_renaming_changes_row_and_folder(workspace):
    run = runs.rename_run(queued().id, "  best so far ")
    assert run.name == "best so far"
    assert runs.get_run("best so far") == run
    assert json.loads((runs.run_folder(run.id) / "run.json").read_text())["name"] == "best so far"


@pytest.mark.parametrize("name", ["", "   ", "taken"])
def test_an_empty_or_taken_name_is_refused_and_changes_nothing(workspace, name):
    run = queued("mine")
    queued("taken")
    with pytest.raises(InputError):
        runs.rename_run(run.id, name)
    assert runs.get_run(run.id) == run


def test_a_name_of_another_datasets_run_and_ones_own_are_free(workspace):
    run = queued("mine")
    queued("theirs", "fish")
    assert runs.rename_run(run.id, "mine").name == "mine"
    assert runs.rename_run(run.id, "theirs").name == "theirs"


@pytest.mark.parametrize("state", ["starting", "running"])
def test_a_run_at_work_is_not_deleted(workspace, state):
    run = queued()
    runs.update_run(run.id, state=state)
    with pytest.raises(InputError, match="still at work"):
        runs.delete_run(run.id)
    assert runs.get_run(run.id).state == state
    assert (runs.run_folder(run.id) / "spec.json").exists()


@pytest.mark.parametrize("state", ["queued", "succeeded", "failed", "cancelled", "interrupted"])
def test_deleting_leaves_neither_row_nor_folder_nor_anything_else(workspace, state):
    run = queued()
    runs.update_run(run.id, state=state)
    assert runs.run_size(run.id) > 0
    runs.delete_run(run.id)
    assert runs.list_runs() == []
    assert list((workspace / "runs").iterdir()) == []
    assert runs.run_size(run.id) == 0
    with pytest.raises(NotFoundError):
        runs.get_run(run.id)


def test_a_run_whose_folder_somebody_removed_can_still_be_deleted(workspace):
    run = queued()
    shutil.rmtree(runs.run_folder(run.id))
    runs.delete_run(run.id)
    assert runs.list_runs() == []


def test_an_update_that_expects_a_state_loses_when_the_state_has_moved(workspace):
    run = queued()
    assert runs.update_run(run.id, expect=["queued"], state="starting").state == "starting"
    assert runs.update_run(run.id, expect=["queued"], state="cancelled") is None
    assert runs.get_run(run.id).state == "starting"
    stored = RunRecord.model_validate_json((runs.run_folder(run.id) / "run.json").read_text())
    assert stored.state == "starting"
    with pytest.raises(NotFoundError):
        runs.update_run("nobody", state="failed")


def test_lists_filter_by_dataset_and_state_and_put_the_newest_first(workspace):
    a, b, c = queued("a"), queued("b"), queued("c", "fish")
    runs.update_run(a.id, state="succeeded")
    assert [r.name for r in runs.list_runs()] == ["c", "b", "a"]
    assert [r.id for r in runs.list_runs("birds")] == [b.id, a.id]
    assert [r.id for r in runs.list_runs(states=["queued"])] == [c.id, b.id]
    assert runs.list_runs("fish", ["succeeded"]) == []


def test_only_runs_that_succeeded_count_as_judged_on_a_test_set(workspace):
    for state in ("succeeded", "failed", "succeeded"):
        runs.update_run(queued().id, state=state)
    assert (runs.runs_on_test("t"), runs.runs_on_test("other")) == (2, 0)


def test_events_come_back_as_they_were_written(workspace):
    run = queued()
    assert runs.read_events(run.id) == []
    # U+2028 and U+0085 end a line for str.splitlines, but not in JSON.
    written = [
        Event(phase="head"),
        Event(phase="a\u2028b\u0085c", epoch=1, epochs=2, values={"loss": 0.5}, note="é\n"),
    ]
    for event in written:
        runs.append_event(run.id, event)
    assert runs.read_events(run.id) == written


@pytest.mark.parametrize("cut", [1, 10, "inside a letter"])
def test_a_line_still_being_written_is_left_for_later(workspace, cut):
    run = queued()
    runs.append_event(run.id, Event(phase="one"))
    path = runs.run_folder(run.id) / "events.jsonl"
    whole = path.read_bytes()
    line = Event(phase="é").model_dump_json().encode()
    path.write_bytes(whole + line[: line.index("é".encode()) + 1 if cut == "inside a letter" else -cut])
    assert [e.phase for e in runs.read_events(run.id)] == ["one"]


def test_a_line_torn_by_a_crash_costs_only_itself(workspace):
    run = queued()
    runs.append_event(run.id, Event(phase="one"))
    with (runs.run_folder(run.id) / "events.jsonl").open("ab") as file:
        file.write(b'{"time": "2026-01-01T00:00:00Z", "pha')
    runs.append_event(run.id, Event(phase="interrupted"))
    assert [e.phase for e in runs.read_events(run.id)] == ["one", "interrupted"]


def test_the_log_gives_its_last_lines(workspace):
    run = queued()
    assert runs.read_log(run.id) == ""
    (runs.run_folder(run.id) / "log.txt").write_bytes(
        b"\xff bad byte\n" + b"".join(b"line %d\n" % i for i in range(99))
    )
    assert runs.read_log(run.id, 3) == "line 96\nline 97\nline 98"
    assert len(runs.read_log(run.id, 500).splitlines()) == 100


def test_a_run_without_predictions_says_so(workspace):
    with pytest.raises(NotFoundError, match="no predictions"):
        runs.read_predictions(queued().id)


@pytest.mark.parametrize("ask", ["list", "get"])
def test_a_lost_database_is_rebuilt_from_the_folders_unasked(workspace, ask):
    a, b = queued("a"), queued("b")
    a = runs.update_run(a.id, state="succeeded", metrics={"accuracy": 0.5})
    lose_the_database(workspace)
    if ask == "list":
        assert runs.list_runs(states=["succeeded"]) == [a]
    assert (runs.get_run("a"), runs.get_run(b.id)) == (a, b)
    assert runs.list_runs() == [b, a]


def test_rows_without_a_folder_go_when_the_index_is_rebuilt(workspace):
    a, b = queued("a"), queued("b")
    shutil.rmtree(runs.run_folder(a.id))
    assert runs.reindex() == 1
    assert runs.list_runs() == [b]


def test_half_a_run_folder_is_no_run(workspace):
    run = queued()
    (workspace / "runs" / ".tmp-half").mkdir()
    (workspace / "runs" / ".tmp-half" / "run.json").write_text("{")
    assert runs.reindex() == 1
    assert runs.list_runs() == [run]


def _race(number: int, run_id: str, folder: Path) -> None:
    if runs.update_run(run_id, expect=["queued"], state="starting"):
        (folder / f"{number} won").touch()
    for _ in range(5):
        queued("same")


def test_of_eight_processes_at_once_one_wins_and_no_name_is_given_twice(workspace, tmp_path, at_once):
    run = queued()
    at_once(_race, run.id, tmp_path)
    assert len(list(tmp_path.glob("* won"))) == 1
    names = [r.name for r in runs.list_runs() if r.id != run.id]
    assert len(names) == len(set(names)) == 40


def test_a_record_that_cannot_be_read_costs_only_itself(workspace: Path) -> None:
    kept = queued("probe")
    broken = runs.run_folder(queued("other").id)
    (broken / "run.json").write_text("{ half")
    assert runs.reindex() == 1
    assert [run.id for run in runs.list_runs()] == [kept.id]
