"""One transaction at a time, all of it or nothing."""

import pytest
from sqlalchemy import func, insert, select

from core.schemas import now
from core.store import database


def _add(name: str) -> dict[str, object]:
    return {"id": name, "name": name, "created": now(), "record": "{}"}


def _count() -> int:
    with database.transaction() as connection:
        return connection.execute(select(func.count()).select_from(database.datasets)).scalar_one()


def test_a_block_that_raises_leaves_nothing(workspace):
    def fail_half_way() -> None:
        with database.transaction() as connection:
            connection.execute(insert(database.datasets).values(_add("a")))
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    assert _count() == 0


def test_every_workspace_has_a_database_of_its_own(workspace, tmp_path, monkeypatch):
    with database.transaction() as connection:
        connection.execute(insert(database.datasets).values(_add("a")))
    monkeypatch.setenv("GRAFT_HOME", str(tmp_path / "another"))
    assert _count() == 0
    assert (tmp_path / "another" / "graft.db").exists()


def test_a_url_in_the_environment_chooses_the_database(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAFT_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    assert _count() == 0
    assert (tmp_path / "elsewhere.db").exists()
    assert not (workspace / "graft.db").exists()


def _enter(number: int) -> None:
    for i in range(10):
        with database.transaction() as connection:
            # Read, then write what was read: lost updates would show as a clash of names.
            n = connection.execute(select(func.count()).select_from(database.datasets)).scalar_one()
            connection.execute(insert(database.datasets).values(_add(f"{n}") | {"id": f"{number}-{i}"}))


def test_eight_processes_on_a_workspace_that_does_not_exist_yet_lose_nothing(tmp_path, monkeypatch, at_once):
    monkeypatch.setenv("GRAFT_HOME", str(tmp_path / "new"))
    at_once(_enter)
    assert _count() == 80
