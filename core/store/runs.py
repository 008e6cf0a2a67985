"""Run folders and the rows that index them.

A run's folder holds `spec.json` (goes in, never changes), `run.json` (what is known of it now), `events.jsonl`,
`log.txt`, and what it produced: `predictions.parquet`, `metrics.json`, `model.keras` or `model.joblib`. Every
change of a record happens inside one immediate transaction, so two processes never both win.
"""

import secrets
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, delete, func, insert, select, update

from core.errors import InputError, NotFoundError
from core.schemas import ACTIVE, Event, RunRecord, RunState, TrainingSpec
from core.settings import get_settings
from core.store import files
from core.store.database import runs as table
from core.store.database import transaction


def run_folder(run_id: str) -> Path:
    return get_settings().runs / run_id


def create_run(spec: TrainingSpec, *, name: str, dataset: str, version: str, test_hash: str, n: int) -> RunRecord:
    """A new queued run. `name` gets a number behind it when another run of the dataset has it already."""
    with transaction() as connection:
        rows = connection.execute(select(table.c.name).where(table.c.dataset == dataset))
        taken = {row.name for row in rows}
        unique = next(n for n in _numbered(name) if n not in taken)
        record = RunRecord(
            id=secrets.token_hex(4),
            name=unique,
            dataset=dataset,
            version=version,
            spec=spec,
            test_hash=test_hash,
            n=n,
        )
        folder = run_folder(record.id)
        folder.mkdir(parents=True)
        files.write_text(folder / "spec.json", spec.model_dump_json(indent=1, exclude_none=True))
        files.write_text(folder / "run.json", record.model_dump_json(indent=1))
        connection.execute(insert(table).values(**_row(record)))
    return record


def _numbered(name: str) -> Any:
    yield name
    number = 2
    while True:
        yield f"{name} {number}"
        number += 1


def _row(record: RunRecord) -> dict[str, Any]:
    columns = ("id", "name", "dataset", "version", "state", "created", "test_hash")
    return {c: getattr(record, c) for c in columns} | {"record": record.model_dump_json()}


def get_run(run: str) -> RunRecord:
    """The run with this id or name; `NotFoundError` when there is none, `InputError` when a name is not unique."""
    with transaction() as connection:
        found = connection.execute(select(table.c.record).where((table.c.id == run) | (table.c.name == run))).all()
    if not found:
        raise NotFoundError(f"There is no run “{run}”.", "The Runs page, or `python -m core runs`, lists them.")
    if len(found) > 1:
        raise InputError(f"{len(found)} runs are named “{run}”.", "Use the run's id instead.")
    return RunRecord.model_validate_json(found[0].record)


def list_runs(dataset: str | None = None, states: Collection[RunState] | None = None) -> list[RunRecord]:
    """Runs, newest first."""
    query = select(table.c.record).order_by(table.c.created.desc())
    if dataset is not None:
        query = query.where(table.c.dataset == dataset)
    if states is not None:
        query = query.where(table.c.state.in_(list(states)))
    with transaction() as connection:
        return [RunRecord.model_validate_json(row.record) for row in connection.execute(query)]


def update_run(run_id: str, *, expect: Collection[RunState] | None = None, **changes: Any) -> RunRecord | None:
    """Change fields of a run's record. With `expect`, only when its state is one of these; otherwise `None`."""
    with transaction() as connection:
        return update_within(connection, run_id, expect=expect, **changes)


def update_within(
    connection: Connection, run_id: str, *, expect: Collection[RunState] | None = None, **changes: Any
) -> RunRecord | None:
    """`update_run` inside a transaction that the caller has open."""
    row = connection.execute(select(table.c.record).where(table.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no run “{run_id}”.")
    record = RunRecord.model_validate_json(row.record)
    if expect is not None and record.state not in expect:
        return None
    record = record.model_copy(update=changes)
    files.write_text(run_folder(run_id) / "run.json", record.model_dump_json(indent=1))
    connection.execute(update(table).where(table.c.id == run_id).values(**_row(record)))
    return record


def rename_run(run_id: str, name: str) -> RunRecord:
    name = name.strip()
    if not name:
        raise InputError("A run needs a name.", "Type one, up to 80 characters.")
    record = update_run(run_id, name=name[:80])
    assert record is not None
    return record


def delete_run(run_id: str) -> None:
    """Remove a run, its folder and its row. A run that is at work must be cancelled first."""
    record = get_run(run_id)
    if record.state in ACTIVE:
        raise InputError(f"Run “{record.name}” is still at work.", "Cancel it first, then delete it.")
    shutil.rmtree(run_folder(record.id), ignore_errors=True)
    with transaction() as connection:
        connection.execute(delete(table).where(table.c.id == record.id))


def run_size(run_id: str) -> int:
    return files.folder_size(run_folder(run_id))


def runs_on_test(test_hash: str) -> int:
    """How many finished runs were judged on this set of test samples."""
    query = select(func.count()).where(table.c.test_hash == test_hash, table.c.state == "succeeded")
    with transaction() as connection:
        return int(connection.execute(query).scalar_one())


def append_event(run_id: str, event: Event) -> None:
    with (run_folder(run_id) / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(event.model_dump_json() + "\n")


def read_events(run_id: str) -> list[Event]:
    """A run's events so far. A line that is still being written is left for the next call."""
    path = run_folder(run_id) / "events.jsonl"
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    return [Event.model_validate_json(line) for line in whole.splitlines()]


def read_predictions(run_id: str) -> pd.DataFrame:
    """One row a judged sample: id, path, part, fold, label, predicted, and `p:CLASS` for every class."""
    path = run_folder(run_id) / "predictions.parquet"
    if not path.exists():
        raise NotFoundError(f"Run “{run_id}” has no predictions.", "Only a run that succeeded can be evaluated.")
    return pd.read_parquet(path)


def read_log(run_id: str, lines: int = 40) -> str:
    """The last lines of a run's log."""
    path = run_folder(run_id) / "log.txt"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 400 * lines))
        text = file.read().decode("utf-8", errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def reindex() -> int:
    """Write the rows anew from the folders, which are the truth. Returns how many runs there are."""
    records = []
    for path in sorted(get_settings().runs.glob("*/run.json")):
        records.append(RunRecord.model_validate_json(path.read_text(encoding="utf-8")))
    with transaction() as connection:
        connection.execute(delete(table))
        if records:
            connection.execute(insert(table), [_row(r) for r in records])
    return len(records)
