"""Datasets and their versions on disk, and the rows that index them.

    datasets/ID/dataset.json                                a `DatasetRecord`
    datasets/ID/imports/0001/import.json                    an `ImportRecord`, beside the imported data
    datasets/ID/versions/VERSION/version.json, split.parquet   a `VersionRecord`, and (id, part, group, label) of its
                                                            samples; of tables also columns.parquet, their profile

The folders are authoritative: `reindex` rebuilds every row from them. Writers of one workspace exclude each other
(`write_lock`).
"""

import re
import shutil
import tempfile
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, delete, insert, or_, select

from core.errors import InputError, NotFoundError, did_you_mean
from core.schemas import ACTIVE, DataRef, DatasetRecord, VersionRecord
from core.settings import get_settings
from core.store import database
from core.store.dataset_folder import DatasetFolder
from core.store.files import atomic_folder, folder_size, read_records, write_parquet, write_text
from core.store.locks import lock, try_lock
from core.store.originals import originals_size, remove_originals

_OWNER = ".owner"  # in a staging folder: locked for as long as the process that writes there lives
_YOUNG_SECONDS = 5  # how long a process may take between making a staging folder and locking it
_held = threading.local()


def list_datasets() -> list[DatasetRecord]:
    """All datasets, the newest first."""
    query = select(database.datasets.c.record).order_by(database.datasets.c.created.desc())
    with database.transaction() as connection:
        rows = connection.execute(query).scalars().all()
    if not rows and reindex():
        return list_datasets()
    return [DatasetRecord.model_validate_json(row) for row in rows]


def get_dataset(id_or_name: str) -> DatasetRecord:
    """The dataset with this id or, failing that, this name; `NotFoundError` when there is none."""
    table = database.datasets
    query = select(table.c.id, table.c.record).where(or_(table.c.id == id_or_name, table.c.name == id_or_name))
    with database.transaction() as connection:
        records = {row.id: row.record for row in connection.execute(query)}
    if records:
        return DatasetRecord.model_validate_json(records.get(id_or_name) or next(iter(records.values())))
    if _is_id(id_or_name) and DatasetFolder.of(id_or_name).record.exists():
        reindex()  # the folder exists but not the row: the database was lost
        return get_dataset(id_or_name)
    known = [name for dataset in list_datasets() for name in (dataset.id, dataset.name)]
    hint = did_you_mean(id_or_name, known, "`python -m core import PATH` brings one in.")
    raise NotFoundError(f"There is no dataset “{id_or_name}”.", hint)


def list_versions(dataset_id: str) -> list[VersionRecord]:
    """The versions of a dataset, the newest first."""
    table = database.versions
    query = select(table.c.record).where(table.c.dataset == dataset_id).order_by(table.c.created.desc())
    with database.transaction() as connection:
        return [VersionRecord.model_validate_json(row) for row in connection.execute(query).scalars()]


def get_version(ref: DataRef) -> VersionRecord:
    """The version that `ref` names, the newest when it names none; `NotFoundError` when there is none."""
    dataset = get_dataset(ref.dataset)
    table = database.versions
    wanted = ref.version or dataset.version
    query = select(table.c.record).where(table.c.dataset == dataset.id, table.c.id == wanted)
    with database.transaction() as connection:
        row = connection.execute(query).scalar()
    if row is not None:
        return VersionRecord.model_validate_json(row)
    known = list_versions(dataset.id)
    for version in known:
        if version.name == wanted:
            return version
    names = ", ".join(version.name for version in known)
    raise NotFoundError(f"Dataset “{dataset.name}” has no version “{wanted}”.", f"Its versions are {names}.")


def next_version_name(dataset_id: str) -> str:
    """`v1` for a dataset's first version, then one more than the highest number there is."""
    numbers = [int(v.name[1:]) for v in list_versions(dataset_id) if re.fullmatch(r"v\d+", v.name)]
    return f"v{max(numbers, default=0) + 1}"


def rename_version(dataset_id: str, version: str, name: str) -> VersionRecord:
    """Give a version another name; `InputError` when the name is unusable or taken. The id stays."""
    name = name.strip()
    if not re.fullmatch(r"[\w.-]{1,40}", name):
        raise InputError(
            f"A version cannot be named “{name}”.", "Use up to 40 letters, digits, dots, dashes and underscores."
        )
    with write_lock():
        record = get_version(DataRef(dataset=dataset_id, version=version))
        if any(name in (other.name, other.id) for other in list_versions(record.dataset) if other.id != record.id):
            raise InputError(f"Another version is named “{name}”.", "Choose another name.")
        record = record.model_copy(update={"name": name})
        write_text(version_folder(record.dataset, record.id) / "version.json", record.model_dump_json(indent=1))
        with database.transaction() as connection:
            _index_version(connection, record)
    return record


def save_dataset(record: DatasetRecord) -> None:
    """Write the record to its folder and its row."""
    write_text(DatasetFolder.of(record.id).record, record.model_dump_json(indent=1))
    with database.transaction() as connection:
        _index_dataset(connection, record)


def save_version(record: VersionRecord, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a version's folder (record and tables) and its row; a version that exists keeps its files."""
    folder = version_folder(record.dataset, record.id)
    if not folder.exists():
        with atomic_folder(folder) as staged:
            write_version(staged, record, tables)
    with database.transaction() as connection:
        _index_version(connection, record)


def write_version(folder: Path, record: VersionRecord, tables: Mapping[str, pd.DataFrame]) -> None:
    """The files of a version, written to `folder`, which may still be in a staging folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_parquet(folder / f"{name}.parquet", table)
    write_text(folder / "version.json", record.model_dump_json(indent=1))


def adopt_dataset(staged: Path, record: DatasetRecord, version: VersionRecord) -> None:
    """Move a finished staging folder to its place and index it; when indexing fails, the folder is removed too."""
    folder = dataset_folder(record.id)
    write_text(staged / "dataset.json", record.model_dump_json(indent=1))
    staged.rename(folder)
    try:
        with database.transaction() as connection:
            _index_dataset(connection, record)
            _index_version(connection, version)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def rename_dataset(dataset_id: str, name: str) -> DatasetRecord:
    """Give a dataset another name; `InputError` when the name is unusable or taken. The id stays."""
    with write_lock():
        record = get_dataset(dataset_id)
        record = record.model_copy(update={"name": check_name(name, but=record.id)})
        save_dataset(record)
    return record


def delete_dataset(dataset_id: str) -> None:
    """Remove a dataset with all its imports and versions. Runs trained on it stay.

    `InputError` while a run on it is queued or running.
    """
    with write_lock():
        record = get_dataset(dataset_id)
        _refuse_if_used(record)
        with staging_folder() as bin_folder:
            dataset_folder(record.id).rename(bin_folder / record.id)
            with database.transaction() as connection:
                connection.execute(delete(database.versions).where(database.versions.c.dataset == record.id))
                connection.execute(delete(database.datasets).where(database.datasets.c.id == record.id))
        left = [one.original for other in list_datasets() for one in other.imports]
        remove_originals([one.original for one in record.imports], left)


def delete_version(dataset_id: str, version: str) -> DatasetRecord:
    """Remove one version; `InputError` when it is the only one. The imports stay."""
    with write_lock():
        record = get_dataset(dataset_id)
        doomed = get_version(DataRef(dataset=record.id, version=version))
        left = [other for other in list_versions(record.id) if other.id != doomed.id]
        if not left:
            raise InputError(
                f"“{record.name}” has only this one version.", "Delete the dataset itself, or make another version."
            )
        _refuse_if_used(record, doomed.id)
        if record.version == doomed.id:
            newest = left[0]
            record = record.model_copy(update={"version": newest.id, "n": newest.n, "classes": newest.classes})
            save_dataset(record)
        with staging_folder() as bin_folder:
            version_folder(record.id, doomed.id).rename(bin_folder / doomed.id)
            table = database.versions
            with database.transaction() as connection:
                connection.execute(delete(table).where(table.c.dataset == record.id, table.c.id == doomed.id))
    return record


def _refuse_if_used(record: DatasetRecord, version: str | None = None) -> None:
    """`InputError` while a run on this dataset, or on this version of it, is queued or running."""
    table = database.runs
    query = select(table.c.name).where(table.c.dataset == record.id, table.c.state.in_(["queued", *ACTIVE]))
    query = query.order_by(table.c.created)
    if version is not None:
        query = query.where(table.c.version == version)
    with database.transaction() as connection:
        at_work = connection.execute(query).scalars().first()
    if at_work is not None:
        raise InputError(f"Run “{at_work}” is at work on “{record.name}”.", "Cancel it or let it end, then delete.")


def dataset_folder(dataset_id: str) -> Path:
    return DatasetFolder.of(dataset_id).path


def import_folder(dataset_id: str, number: int) -> Path:
    return DatasetFolder.of(dataset_id).imported(number)


def version_folder(dataset_id: str, version: str) -> Path:
    return DatasetFolder.of(dataset_id).version(version)


def dataset_size(dataset_id: str) -> int:
    """Bytes on disk that a dataset takes: all imports, their originals, and all versions."""
    records = read_records(dataset_folder(dataset_id).glob("dataset.json"), DatasetRecord)
    originals = [one.original for record in records for one in record.imports]
    return folder_size(dataset_folder(dataset_id)) + originals_size(originals)


def reindex() -> int:
    """Rebuild the rows of datasets and versions from the folders, and remove what a killed import left.

    Returns the number of datasets found.
    """
    root = get_settings().datasets
    if not root.exists():
        return 0
    with write_lock():
        sweep_staging()
        records = read_records(root.glob("*/dataset.json"), DatasetRecord)
        versions = read_records(root.glob("*/versions/*/version.json"), VersionRecord)
        with database.transaction() as connection:
            connection.execute(delete(database.versions))
            connection.execute(delete(database.datasets))
            for record in records:
                _index_dataset(connection, record)
            for version in versions:
                _index_version(connection, version)
    return len(records)


@contextmanager
def write_lock() -> Iterator[None]:
    """Hold the workspace's lock on datasets, so that names, ids and import numbers are unique.

    A thread that holds it may enter again.
    """
    if getattr(_held, "lock", False):
        yield
        return
    root = get_settings().datasets
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as shared:
        lock(shared)
        _held.lock = True
        try:
            yield  # closing the file releases the lock
        finally:
            _held.lock = False


@contextmanager
def staging_folder() -> Iterator[Path]:
    """A temporary folder on the datasets' disk; its remaining contents are removed when the block ends."""
    root = get_settings().datasets
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=root, prefix=".tmp-"))
    try:
        with (folder / _OWNER).open("w") as owner:
            lock(owner)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_staging() -> None:
    """Remove staging folders of killed processes, whose locks the system has released."""
    for folder in get_settings().datasets.glob(".tmp-*"):
        with suppress(FileNotFoundError):  # its owner or another process may have removed it
            if time.time() - folder.stat().st_ctime < _YOUNG_SECONDS:
                continue
            with (folder / _OWNER).open("a") as owner:
                left = try_lock(owner)  # otherwise its owner is still running
            if left:
                shutil.rmtree(folder, ignore_errors=True)


def check_name(name: str, but: str | None = None) -> str:
    """`name` without outer spaces; `InputError` when empty, unaddressable, or taken by another dataset than `but`."""
    name = name.strip()
    if not name:
        raise InputError("A dataset needs a name.", "Write at least one letter.")
    bad = next((c for c in name if c in "@:/" or not c.isprintable()), None)
    if bad:
        raise InputError(
            f"The name “{name}” cannot be used: it contains “{bad}”.",
            "Leave out @, : and /, which have a meaning in data references.",
        )
    if any(name in (record.name, record.id) and record.id != but for record in list_datasets()):
        raise InputError(f"There is already a dataset “{name}”.", "Choose another name.")
    return name


def free_name(wish: str) -> str:
    """`wish` made usable: forbidden characters become spaces, a number follows when it is taken."""
    wish = " ".join("".join(" " if c in "@:/" or not c.isprintable() else c for c in wish).split()) or "Dataset"
    taken = {text for record in list_datasets() for text in (record.name, record.id)}
    return _numbered(wish, taken, " ")


def new_id(name: str) -> str:
    """An unused id: the name in lower-case ASCII letters, digits and hyphens."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:40].strip("-") or "dataset"
    taken = {text for record in list_datasets() for text in (record.id, record.name) if record.name != name}
    return _numbered(slug, taken | {path.name for path in get_settings().datasets.glob("*")}, "-")


def _numbered(wish: str, taken: set[str], joint: str) -> str:
    number, name = 1, wish
    while name in taken:
        number += 1
        name = f"{wish}{joint}{number}"
    return name


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[a-z0-9][a-z0-9-]*", text) is not None


def _index_dataset(connection: Connection, record: DatasetRecord) -> None:
    table = database.datasets
    row = {"id": record.id, "name": record.name, "created": record.created, "record": record.model_dump_json()}
    connection.execute(delete(table).where(table.c.id == record.id))
    connection.execute(insert(table).values(row))


def _index_version(connection: Connection, record: VersionRecord) -> None:
    table = database.versions
    key = {"dataset": record.dataset, "id": record.id}
    row = key | {"created": record.created, "record": record.model_dump_json()}
    connection.execute(delete(table).filter_by(**key))
    connection.execute(insert(table).values(row))
