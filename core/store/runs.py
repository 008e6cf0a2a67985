"""Run folders and the rows that index them.

A run's folder holds `spec.json` (never changes), `run.json` (its current record), `events.jsonl`, `log.txt`, and what
it produced: `predictions.parquet`, `metrics.json`, `model.keras` or `model.joblib`. Every change of a record happens
inside one immediate transaction, so that processes cannot conflict.
"""

import logging
import os
import secrets
import tempfile
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError
from sqlalchemy import Connection, delete, func, insert, select, update

from core.errors import InputError, NotFoundError, did_you_mean
from core.schemas import ACTIVE, FINISHED, Event, ResolvedSpec, RunRecord, RunState, now
from core.settings import get_settings
from core.store import files
from core.store.database import runs as table
from core.store.database import transaction

log = logging.getLogger(__name__)
BIN_TIME = timedelta(days=30)
TICK = timedelta(microseconds=1)


def run_folder(run_id: str) -> Path:
    return get_settings().runs / run_id


def create_run(
    resolved: ResolvedSpec, *, name: str, dataset: str, version: str, test_hash: str, n: int, study: str = ""
) -> RunRecord:
    """A new queued run on a version. `name` gets a number appended if another run of the dataset has it."""
    with transaction() as connection:
        taken = _names(connection, dataset)
        last = connection.execute(select(func.max(table.c.created))).scalar()
        record = RunRecord(
            # Never earlier than an existing run's, even if the clock was set back: the queue is ordered by it.
            created=max(now(), last.replace(tzinfo=UTC) + TICK) if last else now(),
            id=secrets.token_hex(4),
            name=next(n for n in _numbered(name) if n not in taken),
            dataset=dataset,
            version=version,
            spec=resolved,
            test_hash=test_hash,
            n=n,
            study=study,
        )
        folder = run_folder(record.id)
        connection.execute(insert(table).values(**_row(record)))
        with files.atomic_folder(folder) as staged:
            files.write_text(staged / "spec.json", resolved.model_dump_json(indent=1))
            files.write_text(staged / "run.json", record.model_dump_json(indent=1))
    return record


def adopt_run(record: RunRecord, folder: Path) -> RunRecord:
    """Take in a finished run whose files lie in `folder`, on the workspace's disk; its name may get a number.

    `InputError` when a run of that id is here already.
    """
    with transaction() as connection:
        known = connection.execute(select(table.c.name).where(table.c.id == record.id)).scalar()
        if known is not None or run_folder(record.id).exists():
            raise InputError(
                f"Run “{known or record.id}” is here already; nothing was changed.",
                "Delete it for good first, if the other one is to take its place.",
            )
        taken = _names(connection, record.dataset)
        record = record.model_copy(update={"name": next(n for n in _numbered(record.name) if n not in taken)})
        files.write_text(folder / "run.json", record.model_dump_json(indent=1))
        connection.execute(insert(table).values(**_row(record)))
        folder.rename(run_folder(record.id))
    return record


def _names(connection: Connection, dataset: str) -> dict[str, str]:
    """The names of a dataset's runs, each with the run's id."""
    rows = connection.execute(select(table.c.name, table.c.id).where(table.c.dataset == dataset))
    return {row.name: row.id for row in rows}


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name} #{number}"
        number += 1


def _row(record: RunRecord) -> dict[str, Any]:
    columns = ("id", "name", "dataset", "version", "state", "created", "test_hash", "study", "starred")
    return {c: getattr(record, c) for c in columns} | {
        "strategy": record.spec.strategy or record.spec.learner or "",
        "score": record.metrics.get("accuracy"),
        "seconds": record.duration,
        "binned": record.binned is not None,
        "words": " ".join((record.name, *record.tags, record.note, record.spec.backbone or "")).casefold(),
        "record": record.model_dump_json(),
    }


def get_run(run: str) -> RunRecord:
    """The run with this id or name; `NotFoundError` when there is none, `InputError` when a name is not unique."""
    query = select(table.c.id, table.c.record).where((table.c.id == run) | (table.c.name == run))
    with transaction() as connection:
        records = {row.id: row.record for row in connection.execute(query)}
    if not records and _index_lost() and reindex():
        return get_run(run)
    if not records:
        known = [name for record in list_runs() for name in (record.id, record.name)]
        hint = did_you_mean(run, known, "The Runs page, or `python -m core runs`, lists them.")
        raise NotFoundError(f"There is no run “{run}”.", hint)
    if len(records) > 1 and run not in records:
        raise InputError(f"{len(records)} runs are named “{run}”.", "Use the run's id instead.")
    return RunRecord.model_validate_json(records.get(run) or next(iter(records.values())))


def list_runs(dataset: str | None = None, states: Collection[RunState] | None = None) -> list[RunRecord]:
    """Runs, newest first, without those in the bin."""
    query = select(table.c.record).where(~table.c.binned).order_by(table.c.created.desc())
    if dataset is not None:
        query = query.where(table.c.dataset == dataset)
    if states is not None:
        query = query.where(table.c.state.in_(list(states)))
    with transaction() as connection:
        records = [RunRecord.model_validate_json(row.record) for row in connection.execute(query)]
    if not records and _index_lost() and reindex():
        return list_runs(dataset, states)
    return records


def update_run(run_id: str, *, expect: Collection[RunState] | None = None, **changes: Any) -> RunRecord | None:
    """Change fields of a run's record. With `expect`, only when its state is one of these; otherwise `None`."""
    with transaction() as connection:
        return update_run_within(connection, run_id, expect=expect, **changes)


def update_run_within(
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
    """Give a run another name; `InputError` when it is empty or another run of the dataset has it."""
    name = name.strip()[:80]
    if not name:
        raise InputError("A run needs a name.", "Type one, up to 80 characters.")
    record = get_run(run_id)
    with transaction() as connection:
        if _names(connection, record.dataset).get(name, record.id) != record.id:
            raise InputError(f"There is already a run “{name}” on this dataset.", "Choose another name.")
        renamed = update_run_within(connection, record.id, name=name)
    assert renamed is not None
    return renamed


def annotate_run(run_id: str, *, tags: Iterable[str], note: str) -> RunRecord:
    """Set a run's tags (stripped, without duplicates) and note."""
    kept = tuple(dict.fromkeys(tag.strip()[:40] for tag in tags if tag.strip()))
    record = update_run(get_run(run_id).id, tags=kept, note=note.strip()[:2000])
    assert record is not None
    return record


def bin_run(run_id: str) -> RunRecord:
    """Put a run into the bin for 30 days; a queued one is cancelled. `InputError` for a running one."""
    record = get_run(run_id)
    changes: dict[str, Any] = {"binned": now()}
    if record.state == "queued":
        changes["state"] = "cancelled"
    updated = update_run(record.id, expect=["queued", *FINISHED], **changes)
    if updated is None:
        raise InputError(f"Run “{record.name}” is still at work.", "Cancel it first, then delete it.")
    return updated


def restore_run(run_id: str) -> RunRecord:
    """Take a run out of the bin; `InputError` when it is not in it."""
    record = get_run(run_id)
    if record.binned is None:
        raise InputError(f"Run “{record.name}” is not in the bin.", "There is nothing to restore.")
    restored = update_run(record.id, binned=None)
    assert restored is not None
    return restored


def binned_runs() -> list[RunRecord]:
    """The runs in the bin, newest first. Those that have been there for 30 days are deleted."""
    query = select(table.c.record).where(table.c.binned).order_by(table.c.created.desc())
    with transaction() as connection:
        records = [RunRecord.model_validate_json(row.record) for row in connection.execute(query)]
    old = [r for r in records if r.binned and now() - r.binned > BIN_TIME]
    for record in old:
        delete_run(record.id)
    return [r for r in records if r not in old]


def delete_run(run_id: str) -> None:
    """Remove a run, its folder and its row. A run that is at work must be cancelled first."""
    record = get_run(run_id)
    folder = run_folder(record.id)
    folder.parent.mkdir(parents=True, exist_ok=True)
    gone = delete(table).where(table.c.id == record.id, table.c.state.not_in(ACTIVE))
    with (
        tempfile.TemporaryDirectory(
            dir=get_settings().runs, prefix=".tmp-", ignore_cleanup_errors=True
        ) as bin_folder,
        transaction() as connection,
    ):
        if connection.execute(gone).rowcount == 0:
            raise InputError(f"Run “{record.name}” is still at work.", "Cancel it first, then delete it.")
        if folder.exists():
            folder.rename(Path(bin_folder) / record.id)


def run_size(run_id: str) -> int:
    return files.folder_size(run_folder(run_id))


def model_size(run_id: str) -> int:
    """Bytes of the model that a run left; 0 where it kept none."""
    return sum(path.stat().st_size for path in run_folder(run_id).glob("model.*"))


def runs_on_test(test_hash: str) -> int:
    """How many finished runs were judged on this set of test samples."""
    query = select(func.count()).where(table.c.test_hash == test_hash, table.c.state == "succeeded")
    with transaction() as connection:
        return int(connection.execute(query).scalar_one())


def append_event(run_id: str, event: Event) -> None:
    """Add a line. A killed worker may have left an incomplete line; the new one starts on a line of its own."""
    with (run_folder(run_id) / "events.jsonl").open("a+b") as file:
        torn = False
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            torn = file.read() != b"\n"
        file.write(b"\n" * torn + event.model_dump_json().encode() + b"\n")


def read_events(run_id: str) -> list[Event]:
    """A run's events so far, without a last line that is still being written or lines truncated by a crash."""
    path = run_folder(run_id) / "events.jsonl"
    if not path.exists():
        return []
    events = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            events.append(Event.model_validate_json(line))
        except ValidationError as error:
            log.warning("A line of %s is no event and was left out: %s", path, error)
    return events


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
    """Rebuild the rows from the folders, which are authoritative. Returns how many runs there are.

    All inside one transaction, so that no record changes between the reading and the writing.
    """
    with transaction() as connection:
        paths = get_settings().runs.glob("[!.]*/run.json")
        records = files.read_records(paths, RunRecord)
        connection.execute(delete(table))
        if records:
            connection.execute(insert(table), [_row(r) for r in records])
    return len(records)


def _index_lost() -> bool:
    """Whether there are run folders but no row at all: the database was lost."""
    with transaction() as connection:
        known = connection.execute(select(table.c.id).limit(1)).scalar()
    return known is None and any(get_settings().runs.glob("[!.]*/run.json"))
