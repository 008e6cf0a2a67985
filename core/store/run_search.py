"""Searching runs: filtered, sorted and paged in the database, fast with thousands of runs."""

from typing import Any, Literal

from sqlalchemy import ColumnElement, func, select

from core.schemas import Frozen, RunRecord, RunState
from core.store.database import runs as table
from core.store.database import transaction
from core.store.runs import list_runs

Order = Literal["newest", "oldest", "best", "name", "longest"]
_ORDERS: dict[Order, Any] = {
    "newest": table.c.created.desc(),
    "oldest": table.c.created,
    "best": table.c.score.desc().nulls_last(),
    "name": func.lower(table.c.name),
    "longest": table.c.seconds.desc().nulls_last(),
}


class RunQuery(Frozen):
    """A query for runs that match every field that is set. Each of `words` must occur in name, tags, note or
    backbone.

    Trials are found by their `study` alone; without one it is all other runs that are.
    """

    dataset: str | None = None
    state: RunState | None = None
    strategy: str | None = None
    words: str = ""
    starred: bool = False
    study: str = ""


def find_runs(
    wanted: RunQuery, order: Order = "newest", first: int = 0, most: int = 50
) -> tuple[list[RunRecord], int]:
    """`most` runs from place `first` on, counted from 0, and how many there are in all; none of the bin."""
    conditions = _conditions(wanted)
    page = select(table.c.record).where(*conditions).order_by(_ORDERS[order], table.c.created.desc())
    with transaction() as connection:
        n = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
        rows = connection.execute(page.offset(first).limit(most))
        return [RunRecord.model_validate_json(row.record) for row in rows], int(n)


def datasets_with_runs() -> list[str]:
    """Ids of the datasets that runs were made on, including deleted ones. Rebuilds a lost index."""
    with transaction() as connection:
        ids = list(connection.execute(select(table.c.dataset).where(~table.c.binned).distinct()).scalars())
    return ids or list(dict.fromkeys(run.dataset for run in list_runs()))


def is_bin_used() -> bool:
    """Whether any run is in the bin."""
    with transaction() as connection:
        return connection.execute(select(table.c.id).where(table.c.binned).limit(1)).scalar() is not None


def strategies_tried() -> list[str]:
    """Names of the strategies and learners of all runs."""
    with transaction() as connection:
        return list(connection.execute(select(table.c.strategy).where(~table.c.binned).distinct()).scalars())


def _conditions(wanted: RunQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [~table.c.binned, table.c.study == wanted.study]
    for name in ("dataset", "state", "strategy"):
        if (value := getattr(wanted, name)) is not None:
            conditions.append(table.c[name] == value)
    conditions += [table.c.words.contains(word, autoescape=True) for word in wanted.words.casefold().split()]
    if wanted.starred:
        conditions.append(table.c.starred)
    return conditions
