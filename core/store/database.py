"""The index over the workspace's folders: a small SQLAlchemy schema, SQLite unless a URL says otherwise.

The folders are authoritative. A row holds what lists need to filter and sort, and the record's own JSON in `record`.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Index,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    inspect,
)

from core.cancellation import defer_cancellation
from core.settings import get_settings

metadata = MetaData()
BUSY_SECONDS = 30  # how long a transaction waits for its turn

datasets = Table(
    "datasets",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("record", Text, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("dataset", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("record", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("version", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("test_hash", String, nullable=False),
    Column("study", String, nullable=False),
    Column("strategy", String, nullable=False),
    Column("score", Float),
    Column("seconds", Float),
    Column("starred", Boolean, nullable=False),
    Column("binned", Boolean, nullable=False),
    Column("words", Text, nullable=False),
    Column("record", Text, nullable=False),
    Index("runs_by_state", "state", "created"),
    Index("runs_by_test", "test_hash"),
)


@lru_cache(maxsize=8)
def _engine(url: str) -> Engine:
    if url.startswith("sqlite"):
        get_settings().home.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    else:
        engine = create_engine(url, pool_pre_ping=True)
    _drop_outdated(engine)
    metadata.create_all(engine)
    return engine


def _drop_outdated(engine: Engine) -> None:
    """Drop tables of an earlier Graft that lack a column: they are an index, which is rebuilt from the folders."""
    known = inspect(engine)
    for table in metadata.sorted_tables:
        if known.has_table(table.name):
            there = {column["name"] for column in known.get_columns(table.name)}
            if not {column.name for column in table.columns} <= there:
                table.drop(engine)


def _configure_sqlite(connection: Any, _record: object) -> None:
    # Transactions are begun explicitly below: the driver would otherwise begin a deferred one, and two processes that
    # both read and then write would deadlock.
    connection.isolation_level = None
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")


def _switch_to_wal(connection: Any) -> None:
    # When two processes open a new database at once, the switch fails immediately, regardless of the timeout.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def transaction() -> Iterator[Connection]:
    """A connection inside one transaction: committed when the block ends well, rolled back when it raises.

    A process that is cancelled finishes it first; otherwise the lock would block the record of its final state.
    """
    with defer_cancellation(), _engine(get_settings().database).begin() as connection:
        yield connection
