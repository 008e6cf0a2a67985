"""Atomic writes: a file is either complete or absent."""

import json
import logging
import os
import shutil
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel

from core.errors import DiskError
from core.settings import get_settings

log = logging.getLogger(__name__)
Record = TypeVar("Record", bound=BaseModel)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, flush it to disk and rename it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:  # Windows flushes only what may be written
            os.fsync(file.fileno())
        _replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _replace(temporary: Path, path: Path) -> None:
    """Rename over `path`. Windows refuses that while the file is read, so it is retried for a second there."""
    for _ in range(20 if os.name == "nt" else 0):
        try:
            temporary.replace(path)
            return
        except PermissionError:
            time.sleep(0.05)
    temporary.replace(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; when the block ends well, rename it to `path`, else remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=".tmp-"))
    try:
        yield temporary
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1))


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    with atomic_file(path) as temporary:
        table.to_parquet(temporary, index=False)


def read_records(paths: Iterable[Path], model: type[Record]) -> list[Record]:
    """The records in these JSON files. One that cannot be read is skipped and logged."""
    records = []
    for path in paths:
        try:
            records.append(model.model_validate_json(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:  # pydantic's ValidationError is a ValueError
            log.warning("%s is left out, it cannot be read: %s", path, error)
    return records


def folder_size(path: Path) -> int:
    """Bytes that the files below `path` take; 0 when there is no such folder."""
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.exists() else 0


def need_disk(bytes_needed: int) -> None:
    """Raise `DiskError` unless the workspace's disk has `bytes_needed` and the reserve of the settings free."""
    settings = get_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    if free < bytes_needed + settings.min_free_mb * 2**20:
        raise DiskError(
            f"The disk has {free // 2**20} MB free; this needs about {bytes_needed // 2**20} MB"
            f" and leaves {settings.min_free_mb} MB in reserve.",
            "Delete datasets or runs that are no longer needed, or set GRAFT_HOME to a folder on a larger disk.",
        )


def read_entries(path: Path, model: type[Record]) -> dict[str, Record]:
    """The entries of a registry in TOML, a table each, by their names."""
    tables = tomllib.loads(path.read_text("utf-8"))
    return {name: model.model_validate({"name": name} | values) for name, values in tables.items()}
